"""Campaign Monitor's answers into the contract's shapes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from connectors.esp.campaign_monitor import client as wire
from connectors.esp.campaign_monitor.errors import person_rule
from connectors.esp.campaign_monitor.keys import EMPTY_KEY, normal_address, normal_key, plain_key
from connectors.esp.campaign_monitor.rows import Batch, Row
from connectors.esp.contract import (
    Contact,
    FieldType,
    Outcome,
    Page,
    RemoteClient,
    RemoteField,
    RemoteList,
    State,
    Status,
    Subscriber,
)
from connectors.esp.errors import Refused

FIELD_TYPES = {
    "Text": FieldType.TEXT,
    "Number": FieldType.NUMBER,
    "Date": FieldType.DATE,
    "MultiSelectOne": FieldType.ONE_OF,
    "MultiSelectMany": FieldType.MANY_OF,
    "Country": FieldType.ONE_OF,
    "USState": FieldType.ONE_OF,
}
DATA_TYPES = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: "Number",
    FieldType.DATE: "Date",
    FieldType.BOOLEAN: "Text",  # there is no yes/no type; true and false are written as text
    FieldType.ONE_OF: "MultiSelectOne",
    FieldType.MANY_OF: "MultiSelectMany",
}
STATES = {
    "active": State.ACTIVE,
    "unconfirmed": State.UNCONFIRMED,
    "unsubscribed": State.UNSUBSCRIBED,
    "bounced": State.BOUNCED,
    "deleted": State.REMOVED,
    "suppressed": State.SUPPRESSED,
}
LISTINGS = {
    State.ACTIVE: "active",
    State.UNCONFIRMED: "unconfirmed",
    State.UNSUBSCRIBED: "unsubscribed",
    State.BOUNCED: "bounced",
    State.REMOVED: "deleted",
}
_CONSENT = {"yes": True, "no": False}


def to_outcomes(
    contacts: Sequence[Contact], batch: Batch, failures: Sequence[wire.Failure]
) -> list[Outcome] | None:
    """One outcome per contact, in order. None when a failure names nobody of the batch: then all is open."""
    if not failures and not batch.refused and not batch.left_out:
        return [Outcome(contact.address, Status.DONE) for contact in contacts]
    codes = {normal_address(failed.EmailAddress): failed.Code for failed in failures}
    sent = {normal_address(row.EmailAddress) for row in batch.rows}
    if not codes.keys() <= sent:
        if len(sent) != 1:
            return None
        codes = dict.fromkeys(sent, failures[0].Code)  # the only one sent, spelt otherwise by the server
    return [_outcome(contact.address, batch, codes) for contact in contacts]


def _outcome(address: str, batch: Batch, codes: Mapping[str, int]) -> Outcome:
    name = normal_address(address)
    refused = batch.refused.get(name)
    if refused is not None:
        return Outcome(address, Status.REFUSED, refused.code, refused.words)
    code = codes.get(name)
    if code is None:
        return Outcome(address, Status.DONE, left_out=batch.left_out.get(name, ()))
    return about_person(address, code)


def about_person(address: str, code: int) -> Outcome:
    rule = person_rule(code)
    return Outcome(address, rule.status, str(code), rule.words, rule.state)


def to_client(details: wire.ClientDetails) -> RemoteClient:
    basic, billing = details.BasicDetails, details.BillingDetails
    return RemoteClient(
        id=basic.ClientID,
        name=clean(basic.CompanyName),
        time_zone=clean(basic.TimeZone),
        country=clean(basic.Country),
        currency=clean(billing.Currency) if billing is not None else "",
    )


def to_list(details: wire.ListDetails) -> RemoteList:
    return RemoteList(
        id=details.ListID,
        name=clean(details.Title),
        confirmed_opt_in=details.ConfirmedOptIn,
        unsubscribe_reaches_all_lists=details.UnsubscribeSetting != "OnlyThisList",
    )


def to_remote_field(row: wire.FieldRow) -> RemoteField:
    return RemoteField(
        key=clean(row.Key),
        name=clean(row.FieldName),
        type=FIELD_TYPES.get(row.DataType, FieldType.TEXT),
        options=tuple(row.FieldOptions),
        remote_type=clean(row.DataType),
        writable=is_addressable(row.Key),
    )


def is_addressable(key: str) -> bool:
    return normal_key(key) != EMPTY_KEY


def to_subscriber(row: wire.SubscriberRow) -> Subscriber:
    """Keys come in brackets or as the field's name with spaces, depending on who is asked: all become [key].

    A key that comes more than once is a field of many options.
    """
    return Subscriber(
        address=row.EmailAddress,
        state=STATES.get(row.State.casefold(), State.UNKNOWN),
        name=clean(row.Name or ""),
        values=to_values((pair.Key, pair.Value) for pair in row.CustomFields),
        state_since=_moment(row.Date),
        joined_at=_moment(row.ListJoinedDate),
        consent_to_track=_CONSENT.get((row.ConsentToTrack or "").casefold()),
    )


def to_values(pairs: Iterable[tuple[str, object]]) -> dict[str, str | list[str]]:
    values: dict[str, str | list[str]] = {}
    for name, value in pairs:
        key, text = f"[{plain_key(name)}]", "" if value is None else clean(str(value))
        held = values.get(key)
        if held is None:
            values[key] = text
        elif isinstance(held, list):
            held.append(text)
        else:
            values[key] = [held, text]
    return values


def to_held(row: Row) -> Subscriber:
    """A row of an import as it will be read back, whoever stands behind it active."""
    values = to_values((pair.Key, pair.Value) for pair in row.CustomFields)
    return Subscriber(row.EmailAddress, State.ACTIVE, row.Name, values)


def to_page(page: wire.SubscriberPage) -> Page:
    return Page([to_subscriber(row) for row in page.Results], _next(page), page.TotalNumberOfRecords)


def to_suppressed(page: wire.SuppressionPage) -> Page:
    people = [
        Subscriber(row.EmailAddress, State.SUPPRESSED, state_since=_moment(row.Date)) for row in page.Results
    ]
    return Page(people, _next(page), page.TotalNumberOfRecords)


def _next(page: wire.SubscriberPage | wire.SuppressionPage) -> str | None:
    """An empty page ends it too: what a page past the end says of the number of pages is not documented."""
    return str(page.PageNumber + 1) if page.Results and page.PageNumber < page.NumberOfPages else None


def page_number(cursor: str | None) -> int:
    """Raises Refused for a cursor that is none of ours."""
    if cursor is None:
        return 1
    if not (cursor.isascii() and cursor.isdigit()):
        raise Refused("This cursor is none of Campaign Monitor's.", operation="read_list")
    return int(cursor)


def clean(text: str) -> str:
    """Text of the ESP, without the NUL that no database column takes."""
    return text.replace("\x00", "")


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None

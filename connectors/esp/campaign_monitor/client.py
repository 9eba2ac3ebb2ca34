"""Campaign Monitor's HTTP: paths, bodies and the shapes of answers. No mapping, no retries."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from connectors.esp.campaign_monitor.errors import Then, code_of, failure, rule_for
from connectors.esp.campaign_monitor.spec import SPEC
from connectors.esp.errors import Unexpected
from connectors.esp.exchange import Request
from connectors.esp.http import HEAVY_READ_S, Call, Http, Reply, segment, wire_failure
from connectors.esp.rules import Wire

IMPORT_S = 60.0  # the import answers when all rows are in; nothing is published about how long that takes

Body = TypeVar("Body")


class SystemDate(msgspec.Struct, frozen=True):
    SystemDate: str


class ClientRow(msgspec.Struct, frozen=True):
    ClientID: str
    Name: str


class Basics(msgspec.Struct, frozen=True):
    ClientID: str
    CompanyName: str = ""
    Country: str = ""
    TimeZone: str = ""


class Billing(msgspec.Struct, frozen=True):
    Currency: str = ""


class ClientDetails(msgspec.Struct, frozen=True):
    """The answer also holds ``ApiKey``, a working credential. It is not named here, so it goes no further."""

    BasicDetails: Basics
    BillingDetails: Billing | None = None


class ListRow(msgspec.Struct, frozen=True):
    ListID: str
    Name: str


class ListDetails(msgspec.Struct, frozen=True):
    ListID: str
    Title: str
    ConfirmedOptIn: bool
    UnsubscribeSetting: str = ""


class FieldRow(msgspec.Struct, frozen=True):
    FieldName: str
    Key: str
    DataType: str
    FieldOptions: list[str] = msgspec.field(default_factory=list)


class Pair(msgspec.Struct, frozen=True):
    Key: str
    Value: str | int | float | None = ""


class SubscriberRow(msgspec.Struct, frozen=True):
    EmailAddress: str
    State: str
    Name: str | None = ""
    Date: str | None = ""
    ListJoinedDate: str | None = ""
    CustomFields: list[Pair] = msgspec.field(default_factory=list)
    ConsentToTrack: str | None = ""


class SubscriberPage(msgspec.Struct, frozen=True):
    Results: list[SubscriberRow]
    PageNumber: int
    NumberOfPages: int
    TotalNumberOfRecords: int


class SuppressionRow(msgspec.Struct, frozen=True):
    EmailAddress: str
    Date: str | None = ""


class SuppressionPage(msgspec.Struct, frozen=True):
    Results: list[SuppressionRow]
    PageNumber: int
    NumberOfPages: int
    TotalNumberOfRecords: int


class Failure(msgspec.Struct, frozen=True):
    EmailAddress: str
    Code: int


class ImportResult(msgspec.Struct, frozen=True):
    FailureDetails: list[Failure]


class Client:
    """Raises connectors.esp.errors only. An id of a wrong shape is refused before anything is sent."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def close(self) -> None:
        self._http.close()

    def system_date(self) -> None:
        """GET systemdate: the cheapest call that proves the credentials, for every kind of account."""
        self._read(Call("check_credentials", "GET", "systemdate.json"), SystemDate)

    def clients(self) -> list[ClientRow]:
        return self._read(Call("clients", "GET", "clients.json"), list[ClientRow])

    def client(self, client_id: str, operation: str = "client") -> ClientDetails:
        return self._read(Call(operation, "GET", f"clients/{segment(client_id)}.json"), ClientDetails)

    def lists(self, client_id: str) -> list[ListRow]:
        return self._read(Call("lists", "GET", f"clients/{segment(client_id)}/lists.json"), list[ListRow])

    def list_details(self, list_id: str) -> ListDetails:
        return self._read(Call("list_details", "GET", f"lists/{segment(list_id)}.json"), ListDetails)

    def custom_fields(self, list_id: str) -> list[FieldRow]:
        path = f"lists/{segment(list_id)}/customfields.json"
        return self._read(Call("fields", "GET", path), list[FieldRow])

    def create_custom_field(self, list_id: str, field: Mapping[str, object]) -> str:
        """POST a field; returns its key, like "[website]". Not repeatable: a second one answers 255."""
        path = f"lists/{segment(list_id)}/customfields.json"
        return self._read(Call("create_field", "POST", path, body=field, repeatable=False), str)

    def import_subscribers(self, list_id: str, rows: Sequence[object], *, resubscribe: bool) -> list[Failure]:
        """POST at most 1000 rows; returns those that failed, all others are in.

        ``resubscribe`` brings back whoever is unsubscribed, bounced, deleted or suppressed, by whatever cause.
        """
        call = _import(list_id, rows, resubscribe=resubscribe)
        reply, then = self._answer(call)
        body = reply.body
        if then is Then.READ_RESULTS:
            body = {} if body.get("ResultData") is None else body["ResultData"]
        elif then is not None:
            raise failure(reply, call)
        return _as(body, ImportResult, call, reply, may_split=True).FailureDetails

    def preview_import(self, list_id: str, rows: Sequence[object], *, resubscribe: bool) -> Request:
        return self._http.preview(_import(list_id, rows, resubscribe=resubscribe))

    def rename(self, list_id: str, old: str, new: str) -> tuple[Then | None, int | None]:
        """PUT another address. Answers as `unsubscribe`."""
        body = {"EmailAddress": new, "Resubscribe": False, "ConsentToTrack": "Unchanged"}
        path = f"subscribers/{segment(list_id)}.json"
        return self._about_person(Call("rename", "PUT", path, query={"email": old}, body=body))

    def page(self, list_id: str, listing: str, page: int, since: str) -> SubscriberPage:
        """GET a page of ``listing``: active, unconfirmed, unsubscribed, bounced or deleted. Can take minutes."""
        path = f"lists/{segment(list_id)}/{listing}.json"
        query = {**_page(page), "includetrackingpreference": "true"} | ({"date": since} if since else {})
        return self._read(_heavy("read_list", path, query), SubscriberPage)

    def suppressions(self, client_id: str, page: int) -> SuppressionPage:
        path = f"clients/{segment(client_id)}/suppressionlist.json"
        return self._read(_heavy("suppressions", path, _page(page)), SuppressionPage)

    def unsubscribe(self, list_id: str, address: str) -> tuple[Then | None, int | None]:
        """POST one opt-out. (None, None) when done, else what the answer means and its code."""
        path = f"subscribers/{segment(list_id)}/unsubscribe.json"
        return self._about_person(Call("unsubscribe", "POST", path, body={"EmailAddress": address}))

    def delete(self, list_id: str, address: str) -> tuple[Then | None, int | None]:
        """DELETE one subscriber: their state becomes Deleted, no suppression. Answers as `unsubscribe`."""
        path = f"subscribers/{segment(list_id)}.json"
        return self._about_person(Call("remove", "DELETE", path, query={"email": address}))

    def subscriber(self, list_id: str, address: str) -> SubscriberRow | None:
        query = {"email": address, "includetrackingpreference": "true"}
        call = Call("subscriber", "GET", f"subscribers/{segment(list_id)}.json", query=query)
        reply, then = self._answer(call)
        if then is Then.ABSENT:
            return None
        if then is not None:
            raise failure(reply, call)
        return _as(reply.body, SubscriberRow, call, reply)

    def _about_person(self, call: Call) -> tuple[Then | None, int | None]:
        reply, then = self._answer(call)
        if then is None and reply.status != 200:  # 202 and 204 promise nothing
            raise wire_failure(Wire.EMPTY, call, reply.status)
        return then, None if then is None else code_of(reply.body)

    def _answer(self, call: Call) -> tuple[Reply, Then | None]:
        """The answer, and what it means where an error status is no failure. Raises the failure otherwise."""
        reply = self._http.call(call)
        if reply.is_success:
            return reply, None
        rule = rule_for(call.operation, reply.status, code_of(reply.body))
        if rule is not None and isinstance(rule.then, Then):
            return reply, rule.then
        raise failure(reply, call)

    def _read(self, call: Call, shape: type[Body]) -> Body:
        reply, then = self._answer(call)
        if then is not None:
            raise failure(reply, call)
        return _as(reply.body, shape, call, reply)


def _import(list_id: str, rows: Sequence[object], *, resubscribe: bool) -> Call:
    return Call(
        "upsert",
        "POST",
        f"subscribers/{segment(list_id)}/import.json",
        body=msgspec.json.encode({"Subscribers": rows, "Resubscribe": resubscribe}),
        read_s=IMPORT_S,
        total_s=IMPORT_S,
    )


def _heavy(operation: str, path: str, query: Mapping[str, str]) -> Call:
    return Call(operation, "GET", path, query=query, read_s=HEAVY_READ_S, total_s=HEAVY_READ_S)


def _page(number: int) -> dict[str, str]:
    """By address, the one order in which a person keeps their place."""
    return {
        "page": str(number),
        "pagesize": str(SPEC.limits.page),
        "orderfield": "email",
        "orderdirection": "asc",
    }


def _as(body: Any, shape: type[Body], call: Call, reply: Reply, *, may_split: bool = False) -> Body:
    """The body in its documented shape: what an ESP sends is input like any other. Raises Unexpected, or what
    no body at all stands for.
    """
    if body is None:
        raise wire_failure(Wire.EMPTY, call, reply.status)
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError:
        raise Unexpected(
            "Campaign Monitor's answer has another shape than documented.",
            operation=call.operation,
            status=reply.status,
            may_split=may_split,
        ) from None

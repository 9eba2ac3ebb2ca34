"""Campaign Monitor: the contract's verbs."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from connectors.esp.auth import Basic
from connectors.esp.campaign_monitor.client import Client
from connectors.esp.campaign_monitor.errors import Then, code_rows, failure_of
from connectors.esp.campaign_monitor.keys import normal_address
from connectors.esp.campaign_monitor.mapping import (
    DATA_TYPES,
    LISTINGS,
    about_person,
    clean,
    is_addressable,
    page_number,
    to_client,
    to_held,
    to_list,
    to_outcomes,
    to_page,
    to_remote_field,
    to_subscriber,
    to_suppressed,
)
from connectors.esp.campaign_monitor.rows import Batch, FieldWriter, to_batch
from connectors.esp.campaign_monitor.spec import SPEC
from connectors.esp.campaign_monitor.values import NOT_TEXT, is_sendable
from connectors.esp.contract import (
    ABSENT,
    TAKEN,
    Connector,
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
from connectors.esp.errors import ConnectorError, Forbidden, NotFound, Refused, Unexpected
from connectors.esp.exchange import Record, Request
from connectors.esp.http import Http
from connectors.esp.pace import Pace
from connectors.esp.rules import Row, http_rows

_FIELD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ]*")  # anything else is lost from the key, or leaves none
_WITH_OPTIONS = (FieldType.ONE_OF, FieldType.MANY_OF)


class CampaignMonitor(Connector):
    spec = SPEC

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        base_url: str = "",
        record: Record | None = None,
        threads: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._client_id = settings.get("client_id", "")
        self._bracketed = settings.get("key_form") == "bracketed"
        self._cut_long_text = settings.get("long_text") == "cut"
        self._client = Client(
            Http(
                base_url or SPEC.base_url,
                Basic(settings["api_key"], "x"),  # the key is the user; the password is not looked at
                connector=SPEC.key,
                record=record,
                threads=threads or 2 * SPEC.limits.concurrency,
                pace=pace,
                judge=failure_of,
            )
        )

    @classmethod
    def error_table(cls) -> list[Row]:
        return [*code_rows(), *http_rows()]

    def close(self) -> None:
        self._client.close()

    def check_credentials(self) -> None:
        self._client.system_date()

    def clients(self) -> list[RemoteClient]:
        """A client's own key may not be allowed to list clients: then it is the client of the settings."""
        try:
            return [RemoteClient(row.ClientID, clean(row.Name)) for row in self._client.clients()]
        except (Forbidden, NotFound):
            if not self._client_id:
                raise
            return [to_client(self._client.client(self._client_id, operation="clients"))]

    def client(self, client_id: str) -> RemoteClient:
        return to_client(self._client.client(client_id))

    def lists(self, client_id: str) -> list[RemoteList]:
        return [RemoteList(row.ListID, clean(row.Name)) for row in self._client.lists(client_id)]

    def list_details(self, list_id: str) -> RemoteList:
        return to_list(self._client.list_details(list_id))

    def fields(self, list_id: str) -> list[RemoteField]:
        return [to_remote_field(row) for row in self._client.custom_fields(list_id)]

    def create_field(
        self, list_id: str, name: str, type: FieldType, options: Sequence[str] = ()
    ) -> RemoteField:
        name = " ".join(name.split())
        if not _FIELD_NAME.fullmatch(name) or len(name) > SPEC.limits.field_name_chars:
            raise Refused(
                f"A field name is made of the letters A to Z, digits and spaces, "
                f"{SPEC.limits.field_name_chars} characters at most.",
                operation="create_field",
            )
        options = tuple(options) if type in _WITH_OPTIONS else ()
        data_type = DATA_TYPES[type]
        key = self._client.create_custom_field(
            list_id,
            {
                "FieldName": name,
                "DataType": data_type,
                "Options": options,
                # What people may see and change of themselves is for someone of the account to decide.
                "VisibleInPreferenceCenter": False,
            },
        )
        stored = FieldType.TEXT if type is FieldType.BOOLEAN else type
        return RemoteField(clean(key), name, stored, options, data_type, is_addressable(key))

    def upsert(
        self,
        list_id: str,
        contacts: Sequence[Contact],
        fields: Sequence[RemoteField] | None = None,
        *,
        restore: bool = False,
    ) -> list[Outcome]:
        batch = self._batch(contacts, fields)
        failures = []
        if batch.rows:
            failures = self._client.import_subscribers(list_id, batch.rows, resubscribe=restore)
        outcomes = to_outcomes(contacts, batch, failures)
        if outcomes is None:
            raise Unexpected(
                "Campaign Monitor's answer names someone who was not sent.",
                operation="upsert",
                may_split=True,
            )
        return outcomes

    def preview(
        self,
        list_id: str,
        contacts: Sequence[Contact],
        fields: Sequence[RemoteField] | None = None,
        *,
        restore: bool = False,
    ) -> Request | None:
        rows = self._batch(contacts, fields).rows
        return self._client.preview_import(list_id, rows, resubscribe=restore) if rows else None

    def _batch(self, contacts: Sequence[Contact], fields: Sequence[RemoteField] | None) -> Batch:
        if len(contacts) > SPEC.limits.batch:
            raise Refused("A batch this large is not sent.", operation="upsert", may_split=True)
        writer = FieldWriter(fields, bracketed=self._bracketed, cut_long_text=self._cut_long_text)
        return to_batch(contacts, writer, cut_long_text=self._cut_long_text)

    def rename(self, list_id: str, old: str, new: str) -> Outcome:
        """After a lost answer the old address is gone: then the list is asked for the new one."""
        if not is_sendable(new):
            return Outcome(new, Status.REFUSED, NOT_TEXT.code, NOT_TEXT.words)
        then, code = (
            self._client.rename(list_id, old.strip(), new.strip())
            if is_sendable(old) and old.strip()
            else (Then.ABSENT, None)
        )
        if then is Then.ABOUT_PERSON and code is not None:
            return about_person(new, code)
        if then is Then.TAKEN:
            return Outcome(new, Status.REFUSED, TAKEN, "The list holds the new address already.")
        if then is Then.ABSENT and self.subscriber(list_id, new) is None:
            return Outcome(new, Status.REFUSED, ABSENT, "The list does not hold the old address.")
        return Outcome(new, Status.DONE)

    def unsubscribe(self, list_id: str, addresses: Sequence[str]) -> list[Outcome]:
        return _one_by_one(addresses, lambda address: self._client.unsubscribe(list_id, address))

    def remove(self, list_id: str, addresses: Sequence[str]) -> list[Outcome]:
        return _one_by_one(addresses, lambda address: self._client.delete(list_id, address))

    def subscriber(self, list_id: str, address: str) -> Subscriber | None:
        if not is_sendable(address) or not address.strip():
            return None
        row = self._client.subscriber(list_id, address.strip())
        return None if row is None else to_subscriber(row)

    def read_list(
        self, list_id: str, state: State, *, cursor: str | None = None, since: date | None = None
    ) -> Page:
        """Pages are counted, not continued: whoever leaves the state with an address that was read already
        moves all later ones up by one, and the first of the next page is missed; whoever enters it moves
        them down, and one is seen twice. Read by address, so that nothing else moves; `Page.total` tells
        that it happened, unless as many came as went.
        """
        if state not in LISTINGS:
            raise self._unsupported(f"read_list of {state}")
        day = "" if since is None else f"{since:%Y-%m-%d}"
        return to_page(self._client.page(list_id, LISTINGS[state], page_number(cursor), day))

    def as_held(
        self, contacts: Sequence[Contact], fields: Sequence[RemoteField] | None = None
    ) -> list[Subscriber]:
        return [to_held(row) for row in self._batch(contacts, fields).rows]

    def suppressions(self, client_id: str, *, cursor: str | None = None) -> Page:
        return to_suppressed(self._client.suppressions(client_id, page_number(cursor)))


def _one_by_one(
    addresses: Sequence[str], act: Callable[[str], tuple[Then | None, int | None]]
) -> list[Outcome]:
    """One call per person. An error on the first is raised; a later one leaves the rest to be tried again."""
    outcomes: dict[str, Outcome] = {}
    stopped: ConnectorError | None = None
    for address in addresses:
        name = normal_address(address)
        if name in outcomes:
            continue
        if stopped is None:
            try:
                outcomes[name] = _person(address, act)
                continue
            except ConnectorError as error:
                if not outcomes:
                    raise
                stopped = error
        outcomes[name] = Outcome(address, Status.RETRY, stopped.code, str(stopped))
    return [_for(address, outcomes[normal_address(address)]) for address in addresses]


def _person(address: str, act: Callable[[str], tuple[Then | None, int | None]]) -> Outcome:
    if not is_sendable(address):
        return Outcome(address, Status.REFUSED, NOT_TEXT.code, NOT_TEXT.words)
    then, code = act(address.strip())
    if then is Then.ABOUT_PERSON and code is not None:
        return about_person(address, code)
    return Outcome(address, Status.DONE, "" if code is None else str(code))


def _for(address: str, outcome: Outcome) -> Outcome:
    if outcome.address == address:
        return outcome
    return Outcome(address, outcome.status, outcome.code, outcome.words, outcome.state)

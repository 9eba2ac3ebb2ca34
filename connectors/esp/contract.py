"""What every connector promises: what it is (a Spec), what it can do (typed verbs), and how people travel.

A connector is one folder: ``spec.py`` (data), ``client.py`` (HTTP), ``mapping.py`` (pure), ``__init__.py``
(the verbs below). Verbs raise `connectors.esp.errors` only and may be called from several threads at once.
Contacts and outcomes are msgspec structs: they are made by the hundred thousand, and a frozen dataclass costs
several times as much. They hold no cycles, so the collector need not look at them.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Flag, StrEnum, auto
from types import TracebackType
from typing import ClassVar, Self

import msgspec

from connectors.esp.errors import Unsupported
from connectors.esp.exchange import Record, Request
from connectors.esp.pace import Pace
from connectors.esp.rules import Row, http_rows

Value = str | int | float | bool | Decimal | date | datetime | Sequence[str] | None
"""None, "" and an empty list clear a field; 0 and False are values."""


class Can(Flag):
    READ_CLIENTS = auto()
    READ_LISTS = auto()
    READ_FIELDS = auto()
    CREATE_FIELDS = auto()
    READ_SUBSCRIBER = auto()
    UPSERT = auto()
    UNSUBSCRIBE = auto()
    REMOVE = auto()
    RENAME = auto()
    RESTORE = auto()
    READ_LIST = auto()
    READ_SUPPRESSIONS = auto()


class Scope(StrEnum):
    """Where a setting is kept: with the credentials, or with one use of them."""

    AUTHORIZATION = "authorization"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value people give.

    ``choices`` are (value, label). ``advanced`` ones have a good default and stay folded.
    """

    name: str
    label: str
    scope: Scope = Scope.AUTHORIZATION
    secret: bool = False
    required: bool = True
    help: str = ""
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    advanced: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """At most ``calls`` calls per ``per_s`` seconds for one set of credentials."""

    label: str
    calls: int
    per_s: int


@dataclass(frozen=True, slots=True)
class Limits:
    """``batch``: people per upsert. ``page``: people per page read. ``concurrency``: calls at the same time for
    one set of credentials.
    """

    batch: int
    value_chars: int
    field_name_chars: int
    name_chars: int | None = None
    fields_per_list: int | None = None
    concurrency: int = 4
    page: int = 1000
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """An ESP, as data. ``colour`` (#rrggbb) and ``initials`` draw its logo where there is none.

    ``once``: verbs that done twice are not as done once. Only these raise `Ambiguous`; after it, look first.
    """

    key: str
    label: str
    base_url: str
    settings: tuple[Setting, ...]
    can: Can
    limits: Limits
    documentation: str
    colour: str
    initials: str
    once: frozenset[str] = frozenset({"create_field"})

    def repeatable(self, verb: str) -> bool:
        """Whether a call whose answer was lost may simply be made again."""
        return verb not in self.once

    def setting(self, name: str) -> Setting:
        return next(setting for setting in self.settings if setting.name == name)

    def secrets(self) -> tuple[str, ...]:
        return tuple(setting.name for setting in self.settings if setting.secret)


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    ONE_OF = "one_of"
    MANY_OF = "many_of"


class State(StrEnum):
    """How a subscriber stands at the ESP. Only ACTIVE ones are mailed."""

    ACTIVE = "active"
    UNCONFIRMED = "unconfirmed"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    REMOVED = "removed"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RemoteClient:
    """A client (sub-account) at the ESP. ``time_zone`` is the ESP's own label, "" when it was not read."""

    id: str
    name: str
    time_zone: str = ""
    country: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class RemoteList:
    """A list at the ESP. None: not read, or the ESP has no such setting.

    ``unsubscribe_reaches_all_lists``: one unsubscribe here takes the person off every list of the client.
    """

    id: str
    name: str
    confirmed_opt_in: bool | None = None
    unsubscribe_reaches_all_lists: bool | None = None


@dataclass(frozen=True, slots=True)
class RemoteField:
    """A field of a list. ``key`` names it in `Contact.values`; ``remote_type`` is the ESP's own word.

    ``writable`` is False when the ESP gives no key that could address it. Without ``options`` any text goes.
    """

    key: str
    name: str
    type: FieldType
    options: tuple[str, ...] = ()
    remote_type: str = ""
    writable: bool = True


class Contact(msgspec.Struct, frozen=True, gc=False):
    """A person on the way out. ``values``: field key → value; a field that is not named stays as it is.

    ``name`` "" and ``consent_to_track`` None leave the ESP's as they are.
    """

    address: str
    name: str = ""
    values: Mapping[str, Value] = msgspec.field(default_factory=dict)
    consent_to_track: bool | None = None


def joined_name(*parts: str) -> str:
    """First and last name as one, for an ESP that has a single name field."""
    return " ".join(" ".join(parts).split())


class Status(StrEnum):
    DONE = "done"  # the ESP holds it now
    REFUSED = "refused"  # trying again gives the same answer
    RETRY = "retry"  # not done, nothing wrong with the person


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A value that was not sent, though the person was. ``words`` are fit for staff and hold no value."""

    key: str
    code: str
    words: str


TAKEN = "taken"
ABSENT = "absent"
"""Codes of `rename` when it is REFUSED: the new address is on the list already; the old one is not on it."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What came of one person. ``address`` is the contact's own, unchanged.

    ``code`` is the ESP's, or ours ("duplicate", …); ``state`` is what the answer tells about how the person
    stands at the ESP (None: nothing); ``left_out`` names values that were not sent.
    """

    address: str
    status: Status
    code: str = ""
    words: str = ""
    state: State | None = None
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person as the ESP's list holds them. ``values``: field key → text, or a list of options.

    ``state_since`` and ``joined_at`` are as the ESP gives them: without offset, in its client's time zone.
    """

    address: str
    state: State
    name: str = ""
    values: Mapping[str, str | list[str]] = field(default_factory=dict)
    state_since: datetime | None = None
    joined_at: datetime | None = None
    consent_to_track: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some people of a list. ``next`` is the cursor of the following page, None after the last.

    ``total``: people of all pages as the ESP counted them at this moment, None where it does not say.
    """

    people: list[Subscriber]
    next: str | None = None
    total: int | None = None


class Connector(ABC):
    """One ESP, with one set of credentials. A verb that ``spec.can`` does not declare raises `Unsupported`.

    ``settings``: values by the names of ``spec.settings``. ``base_url`` replaces the spec's: a simulator,
    another region. ``record`` is called once per request, from the calling thread. ``threads``: connections
    kept open. ``pace`` is asked before each request and told after it.
    """

    spec: ClassVar[Spec]

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        base_url: str = "",
        record: Record | None = None,
        threads: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        raise NotImplementedError

    @classmethod
    def error_table(cls) -> list[Row]:
        """What each way to fail leads to. The first line that fits an answer counts: codes before statuses."""
        return http_rows()

    def close(self) -> None:  # noqa: B027 - a connector that keeps nothing open has nothing to close
        """Close the connections that are kept open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def check_credentials(self) -> None:
        """Return when the ESP accepts the credentials, raise otherwise. Changes nothing."""
        raise self._unsupported("check_credentials")

    def clients(self) -> list[RemoteClient]:
        """The clients these credentials reach: ids and names."""
        raise self._unsupported("clients")

    def client(self, client_id: str) -> RemoteClient:
        """One client, with its time zone."""
        raise self._unsupported("client")

    def lists(self, client_id: str) -> list[RemoteList]:
        """The client's lists: ids and names."""
        raise self._unsupported("lists")

    def list_details(self, list_id: str) -> RemoteList:
        """One list, with its settings and its present name. Raises `NotFound` when it is gone."""
        raise self._unsupported("list_details")

    def fields(self, list_id: str) -> list[RemoteField]:
        """The list's own fields. Address and name are not among them."""
        raise self._unsupported("fields")

    def create_field(
        self, list_id: str, name: str, type: FieldType, options: Sequence[str] = ()
    ) -> RemoteField:
        """Create a field. Raises `Conflict` when the list has one of this name, `Ambiguous` when unsure."""
        raise self._unsupported("create_field")

    def upsert(
        self,
        list_id: str,
        contacts: Sequence[Contact],
        fields: Sequence[RemoteField] | None = None,
        *,
        restore: bool = False,
    ) -> list[Outcome]:
        """Add or update up to ``spec.limits.batch`` people. Repeatable.

        One outcome per contact, in the order given; contacts with the same address are sent as one. With
        ``fields`` (as `fields()` gave them) values are checked before they are sent: a value the field cannot
        hold is left out and named in the outcome, because ESPs drop such values without a word.

        Never brings back who opted out, bounced or was taken off: they are REFUSED with their state. With
        ``restore`` (needs `Can.RESTORE`) it does, whoever took them off. It is for people WE took off and who
        are wanted again, never for anyone who left by themselves: the ESP does not keep us from that.
        """
        raise self._unsupported("upsert")

    def preview(
        self,
        list_id: str,
        contacts: Sequence[Contact],
        fields: Sequence[RemoteField] | None = None,
        *,
        restore: bool = False,
    ) -> Request | None:
        """The request `upsert` would send for the same arguments. Sends nothing; None when upsert would not
        either, because all of it is refused by ourselves.
        """
        raise self._unsupported("preview")

    def rename(self, list_id: str, old: str, new: str) -> Outcome:
        """Give a person on the list another address; state, name and values stay. Never adds. Repeatable.

        DONE: the list holds the new address and the old one no more, also when that was so before. REFUSED
        with `TAKEN`: the list holds the new address too, both stay as they are. REFUSED with `ABSENT`: it
        holds neither. After both, upsert the new address and take off the old one. Any other code is the
        ESP's: it does not accept the new address. ``Outcome.address`` is the new address.
        """
        raise self._unsupported("rename")

    def unsubscribe(self, list_id: str, addresses: Sequence[str]) -> list[Outcome]:
        """Record these people's opt-out at the ESP. Who is not there is done too. One outcome per address.

        Repeatable.
        """
        raise self._unsupported("unsubscribe")

    def remove(self, list_id: str, addresses: Sequence[str]) -> list[Outcome]:
        """Take these people off the list without recording an opt-out. Who is not there is done too.

        Repeatable. They stay readable as `State.REMOVED` where the ESP remembers them.
        """
        raise self._unsupported("remove")

    def subscriber(self, list_id: str, address: str) -> Subscriber | None:
        """One person, in any state; None when the list never held them."""
        raise self._unsupported("subscriber")

    def read_list(
        self, list_id: str, state: State, *, cursor: str | None = None, since: date | None = None
    ) -> Page:
        """One page of the list's people in one state; ``cursor`` None is the first, then `Page.next`.

        ``since``: only those whose state began on that day or later, in the ESP client's time zone; edits do
        not count. The list goes on changing while it is read: who changes state meanwhile may be seen twice,
        or not at all; what else can be missed is the connector's to say. So the absence of a person is a hint:
        before acting on it, ask `subscriber`.
        """
        raise self._unsupported("read_list")

    def as_held(
        self, contacts: Sequence[Contact], fields: Sequence[RemoteField] | None = None
    ) -> list[Subscriber]:
        """What the list holds of these people once `upsert` took them, in the terms of `read_list`. No call.

        A value that would not be sent is not named, a cleared one is ""; who would not be sent is left out.
        """
        raise self._unsupported("as_held")

    def suppressions(self, client_id: str, *, cursor: str | None = None) -> Page:
        """One page of the addresses the client mails on no list, all `State.SUPPRESSED`. Pages as `read_list`."""
        raise self._unsupported("suppressions")

    def _unsupported(self, verb: str) -> Unsupported:
        return Unsupported(f"{self.spec.label} has no way to do “{verb}”.", operation=verb)

"""Everything the simulated Campaign Monitor remembers. These structs are also the state file's shape."""

from __future__ import annotations

from enum import StrEnum

import msgspec

FORMAT = 1

ALL_LISTS = "AllClientLists"
ONLY_THIS_LIST = "OnlyThisList"
UNSUBSCRIBE_SETTINGS = (ALL_LISTS, ONLY_THIS_LIST)


class State(StrEnum):
    ACTIVE = "Active"
    UNCONFIRMED = "Unconfirmed"
    UNSUBSCRIBED = "Unsubscribed"
    BOUNCED = "Bounced"
    DELETED = "Deleted"


class DataType(StrEnum):
    TEXT = "Text"
    NUMBER = "Number"
    SELECT_ONE = "MultiSelectOne"
    SELECT_MANY = "MultiSelectMany"
    DATE = "Date"
    COUNTRY = "Country"
    US_STATE = "USState"


class Field(msgspec.Struct):
    """A custom field; `key` is bracketed: "[Dateofbirth]"."""

    key: str
    name: str
    data_type: DataType
    options: list[str] = []
    visible: bool = True


class Subscriber(msgspec.Struct):
    """One person on one list. Times are seconds since 1970; `fields` by Field.key."""

    email: str
    name: str
    state: State
    changed: float  # when the present state began
    joined: float
    edited: float  # the last change of anything
    fields: dict[str, str | list[str]]
    mobile: str = ""
    sms: str = ""
    reads_with: str = ""


class Webhook(msgspec.Struct):
    id: str
    events: list[str]
    url: str
    payload_format: str  # "Json" or "Xml"
    active: bool = True


class List(msgspec.Struct):
    id: str
    client_id: str
    title: str
    unsubscribe_page: str = ""
    unsubscribe_setting: str = ALL_LISTS
    confirmed_opt_in: bool = False
    success_page: str = ""
    fields: list[Field] = []
    webhooks: list[Webhook] = []
    subscribers: dict[str, Subscriber] = {}  # by address in lower case
    version: int = 0  # grows with every change of its people or fields

    @property
    def honours_suppression(self) -> bool:
        return self.unsubscribe_setting == ALL_LISTS


class Suppressed(msgspec.Struct):
    email: str
    reason: str
    date: float


class Client(msgspec.Struct):
    id: str
    name: str
    api_key: str
    country: str = "Netherlands"
    time_zone: str = "(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"
    suppressed: dict[str, Suppressed] = {}  # by address in lower case
    tracking: dict[str, str] = {}  # address in lower case → "Yes" or "No", for the whole client


class PendingAdd(msgspec.Struct):
    """An add that was accepted and is not visible yet; `body` is the request's."""

    due: float
    list_id: str
    body: bytes


class World(msgspec.Struct):
    seed: str
    minted: int = 0
    format: int = FORMAT
    clock_offset_s: float = 0.0
    keys: dict[str, list[str] | None] = {}  # API key → the clients it sees; None: all
    tokens: dict[str, str] = {}  # OAuth access token → "valid", "expired" or "revoked"
    clients: dict[str, Client] = {}
    lists: dict[str, List] = {}
    pending: list[PendingAdd] = []

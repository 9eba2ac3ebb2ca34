"""One event of a call, read: who it is about, what it says of them, what remains of it. Without I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from audiences.addresses import InvalidAddress, normalise
from audiences.compat.activate.moments import CET, BadTimestamp, parse
from audiences.compat.values import to_key, to_value
from audiences.ingest.values import CHECKS, Misfit

NAME_CHARS = 60
VISITOR_CHARS = 255
EXTERNAL_ID_CHARS = 255
DATA_BYTES = 32 * 1024
DEEPEST = 20
SHA256 = re.compile(r"[0-9A-Fa-f]{64}").fullmatch
CONSENTS = ("newsletter", "service", "marketing")
ANSWERS = {"yes": True, "enabled": True, "true": True, "1": True}
ANSWERS |= {"no": False, "disabled": False, "false": False, "0": False}
# Keys of ours by the names of theirs; each in order of preference.
PROFILE_FIELDS = {
    "firstname": ("first_name", "firstname"),
    "lastname": ("last_name", "lastname"),
    "gender": ("gender",),
    "birthdate": ("birthdate", "birth_date", "date_of_birth"),
    "phone": ("phone", "phone_number", "mobile"),
    "postcode": ("postcode", "postal_code", "zip"),
    "zip": ("postcode", "postal_code", "zip"),
    "city": ("city",),
    "country": ("country",),
    "language": ("language",),
}
CUSTOM = "custom_"
IDENTITY = ("event", "email", "userid", "userId", "sqzly_cookie", "mobileAdvertiserId", "timestamp")
VISITOR = ("sqzly_cookie", "mobileAdvertiserId")
EVENT_FIELDS = ("orderid", "totalvalue", "currency", "products", "anonymize", "category_id", "keyword")
NOT_KNOWN = "This field is not known; it stays with the event."
NOBODY = "The event names nobody by email or userid, so it cannot be stored on a person."


class BadEvent(ValueError):
    """One event cannot be taken; nothing of it is stored."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(slots=True)
class Event:
    """`properties` and `consents` ({objective: granted}) are what will be stored; `ignored` ({field: why}) is not,
    but stays in `data`. `timestamp` is None where the event had none.
    """

    name: str
    email: str | None
    email_sha256: str | None
    external_id: str | None
    timestamp: datetime | None
    dedupe_key: str
    properties: dict[str, Any] = field(default_factory=dict)
    consents: dict[str, bool] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def names_somebody(self) -> bool:
        return not (self.email is None and self.external_id is None and self.email_sha256 is None)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """{property key: type}, the objectives there are, and which of them stand for Activate's consents."""

    properties: Mapping[str, str]
    objectives: frozenset[str]
    mapping: Mapping[str, str]


def read(given: Any, words: Vocabulary, now: datetime) -> Event:
    """Raises BadEvent."""
    if not isinstance(given, dict):
        raise BadEvent("INVALID_EVENT", "An event is an object.")
    name = given.get("event")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= NAME_CHARS:
        raise BadEvent("INVALID_EVENT", f"event must be a name of 1 to {NAME_CHARS} characters.")
    email, digest = to_email(given.get("email"))
    timestamp = to_timestamp(given.get("timestamp"), now)
    event = Event(
        name=name.strip(),
        email=email,
        email_sha256=digest,
        external_id=to_external_id(given),
        timestamp=timestamp,
        dedupe_key=to_dedupe_key(given, timestamp, now),
    )
    for key, value in given.items():
        if key not in IDENTITY:
            sort_in(event, key, value, words)
    add_visitor(event, given)
    check_size(event)
    return event


def to_email(given: Any) -> tuple[str | None, str | None]:
    """(address, SHA-256 of one): both come under the same name."""
    if given is None or given == "":
        return None, None
    if not isinstance(given, str):
        raise BadEvent("INVALID_EMAIL", "email must be a text.")
    if SHA256(given.strip()):
        return None, given.strip().lower()
    try:
        return normalise(given), None
    except InvalidAddress as error:
        raise BadEvent("INVALID_EMAIL", str(error)) from error


def to_external_id(given: Mapping[str, Any]) -> str | None:
    value = next((given[name] for name in ("userid", "userId") if given.get(name) not in (None, "")), None)
    if value is None:
        return None
    written = str(value) if type(value) is int else value
    if not isinstance(written, str) or len(written) > EXTERNAL_ID_CHARS:
        raise BadEvent("INVALID_USERID", f"userid must be a text of 1 to {EXTERNAL_ID_CHARS} characters.")
    return written


def to_timestamp(given: Any, now: datetime) -> datetime | None:
    if given is None or given == "":
        return None
    try:
        return parse(given, now)
    except BadTimestamp as error:
        raise BadEvent("TIMESTAMP_ERROR", str(error)) from error


def to_dedupe_key(given: Mapping[str, Any], timestamp: datetime | None, now: datetime) -> str:
    """SHA-256 of the event. One without a time of its own is the same again within the hour: a shop that got no
    answer sends it again soon.
    """
    moment = now.replace(minute=0, second=0, microsecond=0) if timestamp is None else timestamp
    content = {**given, "timestamp": moment.isoformat()}
    try:
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError as error:
        raise BadEvent("INVALID_EVENT", "The event is nested too deeply.") from error


def sort_in(event: Event, key: str, value: Any, words: Vocabulary) -> None:
    if key in CONSENTS:
        take(event, key, value, lambda: add_consent(event, key, value, words))
    elif key in PROFILE_FIELDS or key.startswith(CUSTOM):
        take(event, key, value, lambda: add_property(event, key, value, words))
    else:
        event.data[key] = value
        if key not in EVENT_FIELDS:
            event.ignored[key] = NOT_KNOWN


class Ignored(ValueError):
    """A field says nothing that can be stored; the text says why."""


def take(event: Event, key: str, value: Any, add: Callable[[], None]) -> None:
    """What cannot be stored on the person stays with the event, and is told."""
    try:
        if not event.names_somebody:
            raise Ignored(NOBODY)
        add()
    except Ignored as why:
        event.ignored[key] = str(why)
        event.data[key] = value


def add_consent(event: Event, key: str, value: Any, words: Vocabulary) -> None:
    answer = ANSWERS.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None
    if answer is None:
        raise Ignored("Say yes or no.")
    objective = words.mapping.get(key) or key
    if objective not in words.objectives:
        raise Ignored(f"There is no objective “{objective}” in this account.")
    event.consents[objective] = answer and event.consents.get(objective, True)


def add_property(event: Event, key: str, value: Any, words: Vocabulary) -> None:
    found = next((one for one in keys_of(key) if one in words.properties), None)
    if found is None:
        raise Ignored("There is no such property in this account.")
    if isinstance(value, str) and key == "language":
        value = value.replace("_", "-")
    kind = words.properties[found]
    fitted = to_value(kind, value, CET)
    if fitted is not None:
        try:
            fitted = CHECKS[kind](fitted)
        except Misfit as misfit:
            raise Ignored(f"The property takes {misfit}.") from misfit
    event.properties[found] = fitted


def keys_of(key: str) -> tuple[str, ...]:
    if key in PROFILE_FIELDS:
        return PROFILE_FIELDS[key]
    rest = key.removeprefix(CUSTOM)
    return key, to_key(key), rest, to_key(rest)


def add_visitor(event: Event, given: Mapping[str, Any]) -> None:
    """What names a browser or a device stays with the event: another event may link it to a person."""
    for name in VISITOR:
        value = given.get(name)
        if isinstance(value, str) and 0 < len(value) <= VISITOR_CHARS:
            event.data[name] = value
    if not event.names_somebody and not any(name in event.data for name in VISITOR):
        raise BadEvent("NO_IDENTITY", "An event names a person by email, userid or sqzly_cookie.")


def check_size(event: Event) -> None:
    if depth_of(event.data) > DEEPEST:
        raise BadEvent("INVALID_EVENT", "The event is nested too deeply.")
    if len(orjson.dumps(event.data)) > DATA_BYTES:
        raise BadEvent("EVENT_TOO_LARGE", f"An event may have {DATA_BYTES} bytes of its own.")


def depth_of(value: Any, depth: int = 0) -> int:
    """At most a little beyond what is allowed: deeper is not looked."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if depth > DEEPEST:
        return depth
    return max((depth_of(child, depth + 1) for child in children), default=depth)

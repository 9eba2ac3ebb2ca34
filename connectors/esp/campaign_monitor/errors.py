"""What Campaign Monitor's codes mean, as data. Source: the API's error catalogue, v3.3, as of 2026-08.

The code decides, then the HTTP status: 401 is also sent for a wrong list id, and every refusal is a 400.
Message texts change without notice and are never looked at. Codes marked * are known from other integrators
only.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from connectors.esp.contract import State, Status
from connectors.esp.errors import (
    BadCredentials,
    Conflict,
    ConnectorError,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ServerFailed,
    TryAgain,
    Unexpected,
)
from connectors.esp.http import Call, Reply, error_of

SOME_FAILED = 210  # sent with HTTP 400, though every other row of the batch is in
THROTTLE_WAIT_S = 30.0  # the window of the throttle per address is not published; no header comes with it


class Then(Enum):
    """Answers with an error status that are not failures of the call."""

    READ_RESULTS = auto()  # some rows failed, the rest is in
    ALREADY_SO = auto()  # what was asked is so already
    ABSENT = auto()  # the list never held the person
    TAKEN = auto()  # the list holds the new address already
    ABOUT_PERSON = auto()  # the answer is about this one person: see PERSON_RULES


@dataclass(frozen=True, slots=True)
class Rule:
    """``operations`` and ``status`` narrow a rule; empty and None mean any. The first that fits counts."""

    codes: tuple[int, ...]
    then: type[ConnectorError] | Then
    words: str = ""
    operations: tuple[str, ...] = ()
    status: int | None = None
    may_split: bool = False

    def fits(self, operation: str, status: int, code: int) -> bool:
        return (
            code in self.codes
            and (not self.operations or operation in self.operations)
            and self.status in (None, status)
        )


_ONE_PERSON = ("unsubscribe", "remove", "rename", "subscriber")
_CREATE = ("create_field",)

RULES: tuple[Rule, ...] = (
    Rule((SOME_FAILED,), Then.READ_RESULTS, operations=("upsert",)),
    Rule((203,), Then.ALREADY_SO, operations=("unsubscribe", "remove")),
    Rule((206,), Then.ALREADY_SO, operations=("unsubscribe",)),
    Rule((205,), Then.ALREADY_SO, operations=("remove",)),
    Rule((1, 203, 211, 221), Then.ABSENT, operations=("subscriber",)),
    Rule((201,), Then.TAKEN, operations=("rename",)),
    Rule((1, 203), Then.ABSENT, operations=("rename",)),  # 1 is about the old address, 211 about the new one
    Rule((1, 204, 205, 206, 207, 208, 211, 220, 221), Then.ABOUT_PERSON, operations=_ONE_PERSON),
    Rule((213, 214, 215, 222), Then.ABOUT_PERSON, operations=("rename",)),
    # Credentials: 50*, 103*, 105*, 123*, 124*
    Rule(
        (50, 100, 103, 105, 120, 123, 124),
        BadCredentials,
        "Campaign Monitor does not accept these credentials: enter a valid API key.",
    ),
    Rule((121,), BadCredentials, "Campaign Monitor's permission has expired: connect again."),
    Rule((122,), BadCredentials, "Campaign Monitor's permission was withdrawn: connect again."),
    # Permission: the credentials are fine. 51*, 106*, 111*, 666*, 700*
    Rule((60, 106), Forbidden, "These credentials lack the permission for this at Campaign Monitor."),
    Rule((51, 403), Forbidden, "Campaign Monitor offers this to agency accounts only."),
    Rule((111, 700), Forbidden, "Campaign Monitor does not offer this to the account as it is now."),
    Rule((666,), Forbidden, "Campaign Monitor does not let our network address in."),
    # Wrong id, sent with 401 or 400: never a reason to drop the connection. 101*
    Rule((101,), NotFound, "The list does not exist at Campaign Monitor any more, or is another client's."),
    Rule(
        (102,),
        NotFound,
        "The client or list does not exist at Campaign Monitor any more, or is someone else's.",
    ),
    # Batch
    Rule((209,), Refused, "Campaign Monitor takes no batch this large.", may_split=True),
    Rule((212,), Unexpected, "Campaign Monitor found nobody in the batch."),
    # Definitions of fields. 258*, 260*, 264*
    Rule((255,), Conflict, "The list has a field of this name already.", _CREATE),
    Rule((253, 254), Refused, "Campaign Monitor does not accept this field name.", _CREATE),
    Rule((256,), Refused, "A field of this type takes no options.", _CREATE),
    Rule((257,), Refused, "A field of choices needs its options.", _CREATE),
    Rule((258, 259), Refused, "Campaign Monitor has no field of this type.", _CREATE),
    Rule((260,), Refused, "The list has as many fields as Campaign Monitor allows.", _CREATE),
    Rule((263, 264, 267), Refused, "The field is in use at Campaign Monitor.", _CREATE),
    # Busy. 108*, 900*
    Rule((429,), RateLimited, "Campaign Monitor asks us to slow down."),
    Rule((108,), RateLimited, "Campaign Monitor asks us to slow down: too many attempts to sign in."),
    Rule((278, 287, 500, 504, 900), ServerFailed, "Campaign Monitor failed to handle the call."),
    # Ours to repair
    Rule((400,), Unexpected, "Campaign Monitor could not read what we sent.", may_split=True),
    Rule((404,), Unexpected, "There is no such address at Campaign Monitor: check the base address."),
    Rule((5, 800, 801, 802, 803), Unexpected, "Campaign Monitor did not accept our paging."),
    # A whole batch refused for what should be one person's: we always send these rightly. 213*, 222*
    Rule(
        (1, 213, 214, 215, 220, 221, 222),
        Unexpected,
        "Campaign Monitor refused the whole batch for one person's data.",
        operations=("upsert",),
        may_split=True,
    ),
)


@dataclass(frozen=True, slots=True)
class PersonRule:
    status: Status
    words: str
    state: State | None = None


_NO = Status.REFUSED
PERSON_RULES: dict[int, PersonRule] = {
    1: PersonRule(_NO, "Campaign Monitor does not accept this e-mail address."),
    204: PersonRule(_NO, "The address is on the client's suppression list.", State.SUPPRESSED),
    205: PersonRule(_NO, "The person was deleted from the list.", State.REMOVED),
    206: PersonRule(_NO, "The person has unsubscribed from the list.", State.UNSUBSCRIBED),
    207: PersonRule(_NO, "Mail to this address has bounced.", State.BOUNCED),
    208: PersonRule(_NO, "The person has not confirmed the subscription yet.", State.UNCONFIRMED),
    211: PersonRule(_NO, "Campaign Monitor does not accept this e-mail address."),
    213: PersonRule(_NO, "The answer about tracking is missing."),
    214: PersonRule(_NO, "The answer about tracking is missing."),
    215: PersonRule(_NO, "Campaign Monitor does not accept the answer about tracking."),
    220: PersonRule(_NO, "Campaign Monitor does not accept the mobile number."),
    221: PersonRule(_NO, "Campaign Monitor accepts neither address nor mobile number."),
    222: PersonRule(_NO, "Campaign Monitor does not accept the answer about text messages."),
    253: PersonRule(_NO, "Campaign Monitor does not know one of the fields."),
    810: PersonRule(_NO, "A value is too long for its field."),
    429: PersonRule(Status.RETRY, "This address was changed too often in a short time."),
    500: PersonRule(Status.RETRY, "Campaign Monitor failed on this person."),
}
UNKNOWN_PERSON_RULE = PersonRule(_NO, "Campaign Monitor refused this person.")


def rule_for(operation: str, status: int, code: int | None) -> Rule | None:
    if code is None:
        return None
    return next((rule for rule in RULES if rule.fits(operation, status, code)), None)


def person_rule(code: int) -> PersonRule:
    return PERSON_RULES.get(code, UNKNOWN_PERSON_RULE)


def code_of(body: Any) -> int | None:
    """``Code`` of an error body, None where there is none."""
    code = body.get("Code") if isinstance(body, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def failure(reply: Reply, call: Call) -> ConnectorError:
    """The error an answer stands for: by its code, else by its status.

    A failure of the server keeps what the status says of a call that must not be repeated.
    """
    code = code_of(reply.body)
    by_status = error_of(reply, call, "" if code is None else str(code))
    rule = rule_for(call.operation, reply.status, code)
    kind = rule.then if rule is not None else type(by_status)
    if isinstance(kind, Then) or (issubclass(kind, ServerFailed) and not call.repeatable):
        return by_status
    about: dict[str, Any] = {
        "operation": call.operation,
        "status": reply.status,
        "code": by_status.code,
        "may_split": rule.may_split if rule is not None else by_status.may_split,
    }
    if issubclass(kind, TryAgain):
        about["retry_after_s"] = _wait_s(kind, reply)
    return kind(rule.words if rule is not None else "", **about)


def _wait_s(kind: type[TryAgain], reply: Reply) -> float | None:
    if reply.retry_after_s is None and kind is RateLimited:
        return THROTTLE_WAIT_S
    return reply.retry_after_s

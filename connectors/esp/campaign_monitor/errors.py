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
    Ambiguous,
    BadCredentials,
    Conflict,
    ConnectorError,
    Consequence,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ServerFailed,
    TryAgain,
    Unexpected,
    Unknown,
)
from connectors.esp.http import Call, Reply, error_of
from connectors.esp.rules import ANY, ONCE, Row

SOME_FAILED = 210  # sent with HTTP 400, though every other row of the batch is in
THROTTLE_WAIT_S = 30.0  # the window of the throttle per address is not published; no header comes with it


class Then(Enum):
    """Answers with an error status that are not failures of the call."""

    READ_RESULTS = auto()  # some rows failed, the rest is in
    ALREADY_SO = auto()  # what was asked is so already
    ABSENT = auto()  # the list never held the person
    TAKEN = auto()  # the list holds the new address already
    ABOUT_PERSON = auto()  # the answer is about this one person: see PERSON_RULES


THEN_WORDS = {
    Then.READ_RESULTS: "Some people were refused, each by their own code; the others are in.",
    Then.ALREADY_SO: "It is so already: done.",
    Then.ABSENT: "The list does not hold the person.",
    Then.TAKEN: "The list holds the new address already: add or update it, and take off the old one.",
}


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


_ONE_PERSON = ("unsubscribe", "remove", "rename")
_CREATE = ("create_field",)

# Of parts of the API that no verb of ours calls: codes of clients, lists' settings, segments, campaigns, journeys,
# templates, transactional mail. 0*, 107*, 151*, 155*, 262*, 266*, 268*, 279–282*, 301*, 604*, 1000*, 2700–2752*, 3001*
ELSEWHERE = (
    *(0, 107, 110, 125, 126, 150, 151, 152, 153, 154, 155, 157, 167, 170, 172, 173, 174, 175, 176, 177, 178),
    *(
        250,
        251,
        252,
        261,
        262,
        265,
        266,
        268,
        271,
        272,
        273,
        275,
        277,
        279,
        280,
        281,
        282,
        283,
        284,
        285,
        286,
    ),
    *(301, 302, 303, 304, 305, *range(307, 327), *range(331, 342), 355, 370, 371, 373, 374, 375, 376),
    *(
        601,
        602,
        603,
        604,
        610,
        699,
        701,
        702,
        703,
        704,
        751,
        752,
        753,
        754,
        850,
        904,
        905,
        920,
        921,
        922,
        923,
    ),
    *(
        924,
        925,
        926,
        927,
        932,
        935,
        952,
        953,
        954,
        955,
        957,
        958,
        960,
        970,
        971,
        972,
        974,
        980,
        981,
        982,
        984,
    ),
    *(993, 994, 996, 1000, *range(2700, 2708), 2710, 2711, *range(2712, 2724), *range(2750, 2763)),
    *(3000, 3001, 3002, 3003, *range(4001, 4007), *range(4101, 4512), 5001, 5002, 5003),
)

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
    Rule((400,), Then.ABOUT_PERSON, operations=_ONE_PERSON),  # or one odd address would stop all others
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
    Rule((209,), Refused, "Campaign Monitor takes no batch this large.", ("upsert",), may_split=True),
    Rule((212,), Unexpected, "Campaign Monitor found nobody in the batch.", ("upsert",)),
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
    Rule((400,), Unexpected, "Campaign Monitor could not read what we sent.", ("upsert",), may_split=True),
    Rule((400,), Unexpected, "Campaign Monitor could not read what we sent."),
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
    Rule(ELSEWHERE, Unknown, "Campaign Monitor gave an answer that belongs to another kind of call."),
)


@dataclass(frozen=True, slots=True)
class PersonRule:
    status: Status
    words: str
    state: State | None = None

    @property
    def consequence(self) -> Consequence:
        return Consequence.RETRY if self.status is Status.RETRY else Consequence.PERSON


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
    400: PersonRule(Status.RETRY, "Campaign Monitor could not read what we sent of this person."),
    429: PersonRule(Status.RETRY, "This address was changed too often in a short time."),
    500: PersonRule(Status.RETRY, "Campaign Monitor failed on this person."),
}
NOT_DOCUMENTED = -1  # stands for any code that is in no rule
UNKNOWN_PERSON_RULE = PersonRule(
    Status.RETRY, "Campaign Monitor refused this person for a reason that it does not document."
)


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


def failure_of(reply: Reply, call: Call) -> ConnectorError | None:
    """The error an answer stands for, None where an error status is no failure of the call."""
    if reply.is_success:
        return None
    rule = rule_for(call.operation, reply.status, code_of(reply.body))
    return None if rule is not None and isinstance(rule.then, Then) else failure(reply, call)


def failure(reply: Reply, call: Call) -> ConnectorError:
    """The error an answer stands for: by its code, else by its status."""
    code = code_of(reply.body)
    by_status = error_of(reply, call, "" if code is None else str(code))
    rule = rule_for(call.operation, reply.status, code)
    if rule is None or isinstance(rule.then, Then):
        return by_status
    about: dict[str, Any] = {"operation": call.operation, "status": reply.status, "code": by_status.code}
    if not call.repeatable and issubclass(rule.then, ServerFailed):
        return by_status if isinstance(by_status, ServerFailed) else Ambiguous(**about)
    if issubclass(rule.then, TryAgain):
        about["retry_after_s"] = _wait_s(rule.then, reply)
    return rule.then(rule.words, **about, may_split=rule.may_split)


def _wait_s(kind: type[TryAgain], reply: Reply) -> float | None:
    if reply.retry_after_s is None and kind is RateLimited:
        return THROTTLE_WAIT_S
    return reply.retry_after_s


def code_rows() -> list[Row]:
    """The rules as lines of the table: of a call first, then of one person of a batch. Rules that none reaches,
    because an earlier one fits, have no line.
    """
    rows = [row for rule in RULES for code in _shown(rule) for row in _call_rows(rule, code)]
    rows += [_person_row("upsert, one person", code, rule) for code, rule in PERSON_RULES.items()]
    rows.append(_person_row("upsert, one person", NOT_DOCUMENTED, UNKNOWN_PERSON_RULE))
    reached: dict[tuple[str, str], Row] = {}
    for row in rows:
        reached.setdefault((row.operation, row.code), row)
    return list(reached.values())


def _shown(rule: Rule) -> tuple[int, ...]:
    """The hundreds that are not ours share a line."""
    return rule.codes[-1:] if rule.codes is ELSEWHERE else rule.codes


def _call_rows(rule: Rule, code: int) -> list[Row]:
    operations = rule.operations or (ANY,)
    if rule.then is Then.ABOUT_PERSON:
        return [_person_row(operation, code, person_rule(code)) for operation in operations]
    if isinstance(rule.then, Then):
        words = THEN_WORDS[rule.then]
        return [_row(operation, code, Consequence.NONE, "Outcome", words) for operation in operations]
    consequence = Consequence.PERSON if rule.may_split else rule.then.consequence
    name, words = rule.then.__name__, rule.words or rule.then.default_words
    rows = [_row(operation, code, consequence, name, words) for operation in operations]
    if issubclass(rule.then, ServerFailed):
        return [_row(ONCE, code, Ambiguous.consequence, "Ambiguous", Ambiguous.default_words), *rows]
    return rows


def _person_row(operation: str, code: int, rule: PersonRule) -> Row:
    return _row(operation, code, rule.consequence, "Outcome", rule.words)


def _row(operation: str, code: int, consequence: Consequence, kind: str, words: str) -> Row:
    text = {NOT_DOCUMENTED: "other", ELSEWHERE[-1]: f"{code} and others"}.get(code, str(code))
    return Row(ANY, operation, text, consequence, kind, words, status_code=400, esp_code=code)

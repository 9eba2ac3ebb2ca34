"""What HTTP itself says of a failure, as data: by status, and by what went wrong on the wire.

An ESP's own codes come first and are in its folder; what no rule names is `Unknown`. The tables are what the code
reads, and what `manage.py errors` prints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

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
    Unreachable,
)

ANY = "any"
ONCE = "once"
"""Instead of an operation: those whose call must not simply be repeated."""


@dataclass(frozen=True, slots=True)
class StatusRule:
    """``operations`` narrows a rule, `ONCE` among them; empty means any. The first that fits counts."""

    statuses: range | tuple[int, ...]
    kind: type[ConnectorError]
    words: str = ""
    operations: tuple[str, ...] = ()
    may_split: bool = False

    def fits(self, status: int, operation: str, *, repeatable: bool) -> bool:
        return status in self.statuses and (
            not self.operations
            or operation in self.operations
            or (ONCE in self.operations and not repeatable)
        )


STATUS_RULES: tuple[StatusRule, ...] = (
    StatusRule(
        range(300, 400),
        Unexpected,
        "The ESP's address answered with a redirect, which is never followed: check the base address.",
    ),
    StatusRule((401,), BadCredentials),
    StatusRule((402, 403, 451), Forbidden),
    StatusRule((404, 410), NotFound),
    StatusRule(
        (405, 406, 407, 415),
        Unexpected,
        "The ESP's address does not take calls of this kind: check the base address.",
    ),
    StatusRule((408, 425), ServerFailed),  # it did not begin with the call
    StatusRule((409,), Conflict, operations=("create_field",)),
    StatusRule((409,), TryAgain, "The ESP is at work on the same thing: later."),
    StatusRule((413, 422), Refused, operations=("upsert",), may_split=True),
    StatusRule((413, 422), Refused),
    StatusRule((429,), RateLimited),
    StatusRule((500, 502, 504), Ambiguous, operations=(ONCE,)),  # it may be done before it failed
    StatusRule(range(500, 600), ServerFailed),
)
UNKNOWN_STATUS = StatusRule(range(1000), Unknown)


def status_rule(status: int, operation: str, *, repeatable: bool) -> StatusRule:
    fitting = (rule for rule in STATUS_RULES if rule.fits(status, operation, repeatable=repeatable))
    return next(fitting, UNKNOWN_STATUS)


class Wire(Enum):
    """What can go wrong before there is an answer that can be read."""

    NOT_HTTP = auto()
    NOT_SENT = auto()
    SLOW = auto()
    LOST = auto()
    PACKED = auto()
    TOO_LARGE = auto()
    NOT_UNPACKED = auto()
    PAGE = auto()
    BROKEN = auto()
    EMPTY = auto()


@dataclass(frozen=True, slots=True)
class WireRule:
    """``once``: what it is for a call that must not simply be repeated; None: the same."""

    about: str
    kind: type[ConnectorError]
    words: str
    once: type[ConnectorError] | None = None

    def kind_for(self, *, repeatable: bool) -> type[ConnectorError]:
        return self.kind if repeatable or self.once is None else self.once


WIRE_RULES: dict[Wire, WireRule] = {
    Wire.NOT_HTTP: WireRule("the call is no HTTP", Unexpected, "The call could not be put into HTTP."),
    Wire.NOT_SENT: WireRule("nothing was sent", Unreachable, "The ESP could not be reached."),
    Wire.SLOW: WireRule("no answer in time", Unreachable, "The ESP did not answer in time.", Ambiguous),
    Wire.LOST: WireRule("answer lost", Unreachable, "The ESP's answer was lost on the way.", Ambiguous),
    Wire.PACKED: WireRule(
        "packed unasked", Unexpected, "The ESP's answer is packed in a way we did not ask for."
    ),
    Wire.TOO_LARGE: WireRule("too large", Unexpected, "The ESP's answer is too large."),
    Wire.NOT_UNPACKED: WireRule(
        "cannot be unpacked", Unknown, "The ESP's answer could not be unpacked.", Ambiguous
    ),
    Wire.PAGE: WireRule("a web page", Unexpected, "The ESP's address answered with a web page."),
    Wire.BROKEN: WireRule("broken JSON", Unknown, "The ESP answered with broken JSON.", Ambiguous),
    Wire.EMPTY: WireRule("no body", Unknown, "The ESP answered with nothing.", Ambiguous),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: ``status`` and ``code`` as people read them, ``kind`` the error's class.

    ``kind`` is "Outcome" where no error is raised. ``status_code`` and ``esp_code``: one of each that the line
    stands for, 0 where no status came and None where the ESP's code does not matter.
    """

    status: str
    operation: str
    code: str
    consequence: Consequence
    kind: str
    words: str
    status_code: int = 0
    esp_code: int | None = None


def http_rows() -> list[Row]:
    """By status, then by what goes wrong on the wire."""
    by_status = [_status_row(rule, status) for rule in STATUS_RULES for status in _shown(rule)]
    by_wire = [row for rule in WIRE_RULES.values() for row in _wire_rows(rule)]
    return [*by_status, _status_row(UNKNOWN_STATUS, 418), *by_wire]


def _shown(rule: StatusRule) -> Sequence[int]:
    """A range has one line."""
    return rule.statuses[:1] if isinstance(rule.statuses, range) else rule.statuses


def _status_row(rule: StatusRule, status: int) -> Row:
    text = str(status)
    if isinstance(rule.statuses, range):
        text = "other" if rule is UNKNOWN_STATUS else f"{rule.statuses[0]}–{rule.statuses[-1]}"
    return Row(
        text,
        ", ".join(rule.operations) or ANY,
        "",
        Consequence.PERSON if rule.may_split else rule.kind.consequence,
        rule.kind.__name__,
        rule.words or rule.kind.default_words,
        status_code=status,
    )


def _wire_rows(rule: WireRule) -> list[Row]:
    kinds = {ONCE: rule.once, ANY: rule.kind}
    return [
        Row(rule.about, operation, "", kind.consequence, kind.__name__, rule.words)
        for operation, kind in kinds.items()
        if kind is not None
    ]

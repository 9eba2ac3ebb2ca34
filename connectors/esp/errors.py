"""What can go wrong at an ESP, by consequence: what we do next, and who must act.

``str(error)`` is written by us and fit for staff: it holds no secret, no address and no body. The ESP's own
words stay in the recorded exchange.
"""

from enum import StrEnum
from typing import ClassVar


class ActBy(StrEnum):
    WE_RETRY = "we_retry"
    ACCOUNT = "account"
    OPERATOR = "operator"

    @property
    def words(self) -> str:
        return _ACT_BY_WORDS[self]


_ACT_BY_WORDS = {
    ActBy.WE_RETRY: "We try again by ourselves.",
    ActBy.ACCOUNT: "Someone of the account must act.",
    ActBy.OPERATOR: "Someone who runs this application must act.",
}


class Consequence(StrEnum):
    """What we do next. Every way to fail has one of these; what nobody documented is tried again."""

    RETRY = "retry"  # later, so many times; then the person is set aside
    WAIT = "wait"  # as long as the ESP asks; uses up no try
    REAUTHENTICATE = "re-authenticate"  # the connection stops until someone gives new credentials
    CONFIGURE = "fix configuration"  # the connection stops until someone changes a setting
    PERSON = "this person only"  # the others are sent; a batch is halved until the person is found
    AMBIGUOUS = "ambiguous"  # look whether it is done before doing it again
    NONE = "no failure"  # it is as was asked already, or it is an answer like any other


class ConnectorError(Exception):
    """A call that did not do what was asked.

    ``operation`` is the verb (``upsert``), ``status`` the HTTP status (None when no answer came), ``code``
    the ESP's own error code, "" when it gave none. ``may_split``: the ESP
    blames what was sent, and the same people in smaller batches may pass. Never set on TryAgain.
    """

    act_by: ClassVar[ActBy] = ActBy.OPERATOR
    default_words: ClassVar[str] = "The ESP did not do what was asked."
    consequence: Consequence = Consequence.CONFIGURE

    def __init__(
        self,
        words: str = "",
        *,
        operation: str = "",
        status: int | None = None,
        code: str = "",
        may_split: bool = False,
    ) -> None:
        super().__init__(words or self.default_words)
        self.operation = operation
        self.status = status
        self.code = code
        self.may_split = may_split
        if may_split:
            self.consequence = Consequence.PERSON


class TryAgain(ConnectorError):
    """Nothing is wrong that time does not cure, and repeating the call is safe.

    ``retry_after_s`` is what the ESP asked for, None when it named no time.
    """

    act_by = ActBy.WE_RETRY
    default_words = "The ESP is not able to answer now."
    consequence = Consequence.RETRY

    def __init__(
        self,
        words: str = "",
        *,
        operation: str = "",
        status: int | None = None,
        code: str = "",
        may_split: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(words, operation=operation, status=status, code=code, may_split=may_split)
        self.retry_after_s = retry_after_s


class RateLimited(TryAgain):
    default_words = "The ESP asks us to slow down."
    consequence = Consequence.WAIT


class Unreachable(TryAgain):
    """No answer came: not connected, or the answer to a call that may safely be repeated was lost."""

    default_words = "The ESP could not be reached."


class CircuitOpen(TryAgain):
    """Nothing was sent: the calls before failed, and one at a time finds out when the ESP is back."""

    default_words = "The ESP failed time and again: its calls are paused."
    consequence = Consequence.WAIT


class ServerFailed(TryAgain):
    default_words = "The ESP failed to handle the call."


class Unknown(TryAgain):
    """An answer nobody documented: a new code, an odd status, broken JSON, nothing where something was due.

    Never a success. Tried again like an outage, which it may be; the number of tries is what ends it.
    """

    default_words = "The ESP gave an answer that it does not document."


class Ambiguous(ConnectorError):
    """The request left and the answer was lost. Repeating it could do the thing twice: look first."""

    act_by = ActBy.WE_RETRY
    default_words = "The ESP may or may not have done what was asked: its answer was lost."
    consequence = Consequence.AMBIGUOUS


class NeedsAttention(ConnectorError):
    """Trying again gives the same answer until a person changes something."""


class BadCredentials(NeedsAttention):
    act_by = ActBy.ACCOUNT
    default_words = "The ESP does not accept these credentials."
    consequence = Consequence.REAUTHENTICATE


class Forbidden(NeedsAttention):
    """The credentials work, but not for this: a permission, a scope or a plan is missing."""

    act_by = ActBy.ACCOUNT
    default_words = "These credentials are not allowed to do this at the ESP."


class NotFound(NeedsAttention):
    """The list, client or field is gone, or belongs to someone else. The credentials are fine."""

    act_by = ActBy.ACCOUNT
    default_words = "What this connection points at does not exist at the ESP any more."


class Refused(NeedsAttention):
    """The ESP understood the call and said no to all of it."""

    act_by = ActBy.ACCOUNT
    default_words = "The ESP refused the call."


class Conflict(Refused):
    """It exists already: read it and adopt it."""

    default_words = "This exists at the ESP already."


class Unsupported(NeedsAttention):
    """The connector does not declare this verb."""

    default_words = "This ESP has no way to do this."


class Unexpected(NeedsAttention):
    """Not the ESP we know: a web page, a redirect, answers of another shape; or a bug of ours."""

    default_words = "The ESP gave an answer we do not understand."

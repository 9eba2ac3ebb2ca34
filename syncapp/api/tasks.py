"""What the API does on its own."""

from __future__ import annotations

from syncapp.accounts import scope
from syncapp.api import attempts, calls, tokens
from syncapp.api.idempotency import forget_old
from syncapp.work import daily
from syncapp.work.slices import Slice

SOON_S = 1.0


@daily("03:40", name="api.forget_replies")
def forget_replies(work: Slice) -> None:
    """Answers older than 24 hours are never given again."""
    with scope.everything("old answers of every account go"):
        forget_old()


@daily("03:45", name="api.forget_calls")
def forget_calls(work: Slice) -> float | None:
    """The log of calls goes back some days; tokens and wrong tries are over long before."""
    with scope.everything("old calls and tokens of every account go"):
        tokens.forget_old()
        attempts.forget_old()
        while calls.forget_old():
            if work.is_over():
                return SOON_S
    return None

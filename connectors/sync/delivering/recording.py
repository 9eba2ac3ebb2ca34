"""The calls of a delivery, kept for the run page."""

from __future__ import annotations

import threading

from connectors.esp.exchange import Exchange
from connectors.models import Call, Goal
from connectors.sync.delivering.claiming import Batch


class Recorder:
    """Collects the calls of each thread; `taken` gives the calling thread's and forgets them."""

    def __init__(self) -> None:
        self._calls = threading.local()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to release."""

    def __call__(self, exchange: Exchange) -> None:
        self._calls.__dict__.setdefault("made", []).append(exchange)

    def taken(self) -> list[Exchange]:
        made: list[Exchange] = self._calls.__dict__.pop("made", [])
        return made


def keep_calls(goal: Goal, batch: Batch, exchanges: list[Exchange]) -> None:
    run_ids = batch.run_ids
    run_id = next(iter(run_ids)) if len(run_ids) == 1 else None
    Call.objects.bulk_create(
        Call(
            account_id=goal.account_id,
            connection_id=goal.connection_id,
            run_id=run_id,
            operation=exchange.operation,
            method=exchange.method,
            path=exchange.path[:500],
            status=exchange.status,
            duration_ms=exchange.duration_ms,
            people=len(batch.people),
            request=exchange.request_body,
            response=exchange.response_body,
            error=exchange.error[:300],
        )
        for exchange in exchanges
    )

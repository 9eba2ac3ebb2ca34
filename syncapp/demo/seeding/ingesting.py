"""The demo's people take the way of everybody's: through the ingest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from audiences.ingest import Operation, apply
from audiences.models import Audience
from audiences.suppressions import suppress
from syncapp.accounts.models import Account
from syncapp.demo.seeding.people import DemoPerson

SOURCE = "import:demo"


class SeedRefused(Exception):
    """The ingest did not take a demo person: the demo's data are wrong."""


def ingest(
    account: Account,
    operations: Sequence[Operation],
    audience: Audience | None = None,
    *,
    source: str = SOURCE,
    now: datetime | None = None,
    unknown: Literal["create", "hold"] = "create",
) -> None:
    """`now` may lie in the past: then it happened at that time."""
    result = apply(
        account=account, audience=audience, operations=operations, unknown=unknown, source=source, now=now
    )
    if result.errors:
        first = result.errors[0]
        raise SeedRefused(
            f"{len(result.errors)} people of {account}: {first.code} {first.pointer} {first.detail}"
        )


def suppress_some(account: Account, people: Sequence[DemoPerson]) -> None:
    for person in people:
        if person.email and person.suppressed:
            suppress(account, person.email, person.suppressed, SOURCE)

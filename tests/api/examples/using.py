"""Somebody uses the scene's audience."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from audiences import uses
from audiences.models import Audience


@contextmanager
def used_by(use: uses.Use) -> Iterator[None]:
    def find(audience: Audience) -> Iterable[uses.Use]:
        return [use] if audience.external_id == "vip-2024" else []

    uses.register(find)
    try:
        yield
    finally:
        uses._finders.remove(find)

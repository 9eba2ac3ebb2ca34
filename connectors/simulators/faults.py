"""Failures on demand: which requests they meet, how often, and what they do to the answer."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from .exchange import ControlError


class Kind(StrEnum):
    """What goes wrong. Those marked * happen after the request was applied."""

    RATE_LIMITED = "rate_limited"  # 429; `retry_after`: seconds, "date" (in `seconds`) or none
    STATUS = "status"  # `status` with the ESP's own JSON body
    HTML = "html"  # `status` with an HTML page, as gateways send
    RESET_BEFORE = "reset_before"  # connection reset before the body is read
    RESET_AFTER = "reset_after"  # * connection reset instead of the answer
    SLOW = "slow"  # * first byte after `seconds`
    DRIP = "drip"  # * body spread over `seconds`; without a body, the head
    TRUNCATED = "truncated"  # * half of the body, then closed; without a body, the head
    BAD_JSON = "bad_json"  # * the body cannot be parsed
    BOM = "bom"  # * the body starts with a byte order mark
    WRONG_TYPE = "wrong_type"  # * the right body as text/html
    WRONG_CHARSET = "wrong_charset"  # * the body in UTF-16, which JSON is never sent in
    EMPTIED = "emptied"  # * 204 without the body
    EMPTY = "empty"  # 204, or another `status` below 300, with no body
    PARTIAL = "partial"  # * the `addresses` are refused with their code, the rest applied
    REDIRECT = "redirect"  # 302, or another `status` from 300 to 399, to `location`


@dataclass(slots=True)
class Fault:
    """One failure. `match` is an operation ("subscribers.import") or "METHOD path" with wildcards."""

    kind: Kind
    match: str = "*"
    count: int | None = 1  # None: until removed
    skip: int = 0  # let so many matching requests pass first
    probability: float = 1.0
    seed: int = 0
    status: int = 500
    seconds: float = 1.0
    retry_after: int | str | None = None
    location: str = "/"
    addresses: dict[str, int] = field(default_factory=dict)
    hits: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  repeatable on purpose

    def meets(self, operation: str, line: str) -> bool:
        """Whether it strikes this request; counts a matching one."""
        if self.count == 0 or not matches(self.match, operation, line):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self._random.random() >= self.probability:
            return False
        self.hits += 1
        if self.count is not None:
            self.count -= 1
        return True

    def shown(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


def matches(pattern: str, operation: str, line: str) -> bool:
    """`line` is "POST subscribers/<id>/import.json"."""
    return pattern == operation or fnmatchcase(line, pattern)


NAMES = {name for name in Fault.__dataclass_fields__ if name not in {"hits", "_random"}}


def to_fault(data: Mapping[str, Any]) -> Fault:
    """{"kind": "rate_limited", "match": "subscribers.import", "count": 2, "retry_after": 3} → Fault."""
    unknown = set(data) - NAMES
    if unknown:
        raise ControlError(f"Unknown in a fault: {', '.join(sorted(unknown))}.")
    try:
        kind = Kind(data.get("kind", ""))
    except ValueError:
        raise ControlError(f"Unknown fault {data.get('kind')!r}; known: {', '.join(Kind)}.") from None
    addresses = {address.lower(): int(code) for address, code in dict(data.get("addresses") or {}).items()}
    fault = Fault(**{**data, "kind": kind, "addresses": addresses})
    if not 100 <= fault.status <= 599:
        raise ControlError("A status is between 100 and 599.")
    return fault

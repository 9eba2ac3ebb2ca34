"""Where a batch goes, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.esp.contract import Connector, Contact, RemoteField
from connectors.esp.errors import ConnectorError
from connectors.sync.delivering.confirming import News


@dataclass(frozen=True, slots=True)
class Target:
    """Where a goal sends to, ready for use by several threads.

    `audience_fields`: keys of the list's fields that name a person's audiences, emptied of who left.
    """

    connector: Connector
    list_id: str
    fields: Sequence[RemoteField] | None
    to_contact: Callable[[list[Any]], Contact]
    audience_fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Sent:
    """What came of a batch, and the trouble that stopped it, if any.

    `failures`: calls for a part of the batch that failed by what they carried, or by a bug of ours. `passed`: one
    went through. `bug`: where a bug of ours showed, "" when none did.
    """

    news: list[News] = field(default_factory=list)
    trouble: ConnectorError | None = None
    failures: int = 0
    passed: bool = False
    bug: str = ""

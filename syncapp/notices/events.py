"""Events for outgoing webhooks: what happened, as opposed to alerts, which need a person.

Packages above register their types and publish them; this one only knows who listens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from syncapp.accounts.models import Account
from syncapp.notices import payloads
from syncapp.notices.models import Delivery
from syncapp.notices.telling import DELIVER
from syncapp.work import wake_all

TYPE_CHARS = 40

LISTENING = (
    "SELECT id FROM notices_endpoint WHERE account_id = %(account)s AND enabled AND {type} = ANY (events)"
)


@dataclass(frozen=True, slots=True)
class EventType:
    """`example` is the data of such a message, for the documentation."""

    key: str
    label: str
    example: Mapping[str, Any]


class UnknownEvent(LookupError):
    """Nobody registered this type of event."""


_types: dict[str, EventType] = {}


def register_event(key: str, label: str, example: Mapping[str, Any]) -> EventType:
    """Make a type known, in the order of registration. The same twice is harmless; a different one is not."""
    found = EventType(key, label, example)
    if not key or len(key) > TYPE_CHARS or _types.get(key, found) != found:
        raise ValueError(f"The event “{key}” cannot be registered: taken, empty or too long.")
    _types[key] = found
    return found


def known() -> list[EventType]:
    return list(_types.values())


def is_known(key: str) -> bool:
    return key in _types


def choices() -> list[tuple[str, str]]:
    return [(one.key, one.label) for one in known()]


def label_of(key: str) -> str:
    """Also of a type that was known once: endpoints still name it."""
    found = _types.get(key)
    return found.label if found is not None else key


def publish(
    *,
    account_id: int,
    type: str,
    data: Mapping[str, Any],
    merge_key: str = "",
    merge_s: float = 0,
    sums: Sequence[str] = (),
) -> None:
    """Queue a message to every endpoint that listens. One look-up where none does.

    Part of the caller's transaction: a rollback tells nothing. With `merge_key` the message waits `merge_s`
    seconds, and what is published under the same key meanwhile is added to it: numbers named in `sums` add up,
    of the rest the latest counts. Raises UnknownEvent for a type nobody registered.
    """
    if not is_known(type):
        raise UnknownEvent(f"No event is called “{type}”: register_event makes it known.")
    listening = endpoints_for(account_id, type)
    if not listening:
        return
    told = {"client": Account.objects.values_list("slug", flat=True).get(pk=account_id), **data}
    merged = f"{type}:{merge_key}" if merge_key else ""
    new = [one for one in listening if not (merged and merge(account_id, one, merged, type, told, sums))]
    queue(account_id, new, type, told, merged, merge_s)


def endpoints_for(account_id: int, type: str) -> list[UUID]:
    """Those that listen."""
    with connection.cursor() as cursor:
        cursor.execute(LISTENING.format(type="%(type)s"), {"account": account_id, "type": type})
        return [endpoint_id for (endpoint_id,) in cursor.fetchall()]


def is_heard_sql(type: str) -> str:
    """Whether any endpoint of `%(account)s` listens, for a statement that asks more. Types are the program's own."""
    asked = LISTENING.format(type=f"'{type}'")
    return f"EXISTS ({asked})"


def queue(
    account_id: int,
    endpoint_ids: Sequence[UUID],
    type: str,
    data: dict[str, Any],
    merge_key: str,
    wait_s: float,
) -> None:
    if not endpoint_ids:
        return
    body, due_at = payloads.written(type, data), timezone.now() + timedelta(seconds=wait_s)
    Delivery.objects.bulk_create(
        Delivery(
            account_id=account_id,
            endpoint_id=endpoint_id,
            type=type,
            merge_key=merge_key,
            message_id=payloads.new_message_id(),
            body=body,
            next_attempt_at=due_at,
        )
        for endpoint_id in endpoint_ids
    )
    # After the commit, for a wake-up's row stays locked until then and calls on other audiences would wait for it.
    # What a crash forgets in between, the sweep finds.
    ids = [str(endpoint_id) for endpoint_id in endpoint_ids]
    transaction.on_commit(partial(wake_all, DELIVER, ids, account_id=account_id, delay_s=wait_s), robust=True)


def merge(
    account_id: int, endpoint_id: UUID, merge_key: str, type: str, data: dict[str, Any], sums: Sequence[str]
) -> bool:
    """Add it to the message that waits; False where there is none, or another transaction holds it.

    Never waits, so that it takes part in no deadlock; at worst there is a message more.
    """
    with transaction.atomic():
        waiting = Delivery.objects.of(account_id).filter(
            endpoint_id=endpoint_id, merge_key=merge_key, state=Delivery.State.WAITING, attempts=0
        )
        delivery = waiting.select_for_update(skip_locked=True).order_by("pk").first()
        if delivery is None:
            return False
        before = json.loads(delivery.body)["data"]
        added = {name: before.get(name, 0) + data.get(name, 0) for name in sums}
        delivery.body = payloads.written(type, {**before, **data, **added})
        delivery.save(update_fields=["body"])
    return True

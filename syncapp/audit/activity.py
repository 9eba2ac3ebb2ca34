"""Reading the trail: who did what to which row, when, and what it changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from syncapp.accounts.access import Access
from syncapp.accounts.models import Account, User
from syncapp.audit.tracking import tracked_models
from syncapp.audit.words import Change, changes_between, name_of

USERS = ("user", "created_by", "decided_by")  # fields that name people
ACTS = {"insert": "added", "update": "changed", "delete": "deleted", "emptied": "emptied"}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last entry of a page: older entries, and those of the same moment further on, follow it."""

    at: datetime
    kind: str
    event_id: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.kind}~{self.event_id}"

    @classmethod
    def parse(cls, written: str) -> Cursor | None:
        try:
            at, kind, event_id = written.split("~")
            return cls(datetime.fromisoformat(at), kind, int(event_id))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, in words. `account_id` is None for rows of the agency itself."""

    at: datetime
    kind: str
    event_id: int
    act: str
    what: str
    name: str
    object_id: str
    account_id: int | None
    who: str
    changes: tuple[Change, ...]

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.at, self.kind, self.event_id)


def kinds(access: Access) -> dict[str, type[models.Model]]:
    """{label: tracked model} the user may read about; users are the agency's own matter."""
    return {
        model._meta.label_lower: model
        for model in sorted(tracked_models, key=lambda model: model._meta.label_lower)
        if model is not User or access.is_agency_admin
    }


def latest(
    access: Access,
    *,
    kind: str = "",
    user_id: int | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> list[Entry]:
    """The newest entries of the accounts in view, at most `limit`, beyond the cursor."""
    wanted = {label: model for label, model in kinds(access).items() if kind in ("", label)}
    found: list[tuple[str, Any]] = []
    for label, model in wanted.items():
        rows = _events(model, access)
        if user_id is not None:
            rows = rows.filter(pgh_context__user=user_id)
        if after is not None:
            rows = rows.filter(_beyond(label, after))
        found += [(label, event) for event in rows.order_by("-pgh_created_at", "-pgh_id")[:limit]]
    found.sort(key=lambda pair: pair[0])
    found.sort(key=lambda pair: pair[1].pgh_created_at, reverse=True)
    return _to_entries(found[:limit])


def of_row(model: type[models.Model], object_id: Any, limit: int = 100) -> list[Entry]:
    """The trail of one row in scope, newest first; empty where the model leaves none."""
    if model not in tracked_models:
        return []
    events: Any = tracked_models[model]
    rows = events.objects.filter(id=object_id).order_by("-pgh_id")[:limit]
    return _to_entries([(model._meta.label_lower, event) for event in rows])


def _events(model: type[models.Model], access: Access) -> Any:
    events: Any = tracked_models[model]
    if model is Account:
        return events.objects.filter(id__in=access.account_ids)
    return events.objects.all()


def _beyond(label: str, after: Cursor) -> Q:
    older = Q(pgh_created_at__lt=after.at)
    if label > after.kind:
        return older | Q(pgh_created_at=after.at)
    if label == after.kind:
        return older | Q(pgh_created_at=after.at, pgh_id__lt=after.event_id)
    return older


def _to_entries(found: Sequence[tuple[str, Any]]) -> list[Entry]:
    before = _events_before(event for _, event in found)
    users = _users(event for _, event in found)
    return [_to_entry(label, event, before.get((label, event.pgh_id)), users) for label, event in found]


def _to_entry(label: str, event: Any, before: Any, users: dict[int, str]) -> Entry:
    model = event.pgh_tracked_model
    return Entry(
        at=event.pgh_created_at,
        kind=label,
        event_id=event.pgh_id,
        act=ACTS[event.pgh_label],
        what=str(model._meta.verbose_name),
        name=name_of(event, users),
        object_id=str(event.id),
        account_id=getattr(event, "account_id", None),
        who=_who(event.pgh_context or {}, users),
        changes=tuple(changes_between(before, event, users)) if event.pgh_label == "update" else (),
    )


def _who(context: dict[str, Any], users: dict[int, str]) -> str:
    if context.get("user") is not None:
        return users.get(context["user"], "A former user")
    if context.get("key"):
        return f"API key {context['key']}"
    return "The system"


def _events_before(events: Iterable[Any]) -> dict[tuple[str, int], Any]:
    """The event before each update, by (kind, event id): what a row was like."""
    by_model: dict[Any, list[int]] = {}
    for event in events:
        if event.pgh_label == "update":
            by_model.setdefault(type(event), []).append(event.pgh_id)
    found: dict[tuple[str, int], Any] = {}
    for event_model, event_ids in by_model.items():
        label = event_model.pgh_tracked_model._meta.label_lower
        rows = event_model.objects.filter(pgh_id__in=event_ids)
        earlier = event_model.objects.filter(id=OuterRef("id"), pgh_id__lt=OuterRef("pgh_id"))
        previous = rows.annotate(previous=Subquery(earlier.order_by("-pgh_id").values("pgh_id")[:1]))
        pairs = dict(previous.values_list("pgh_id", "previous"))
        events_by_id = event_model.objects.in_bulk([one for one in pairs.values() if one is not None])
        found |= {(label, event_id): events_by_id.get(previous_id) for event_id, previous_id in pairs.items()}
    return found


def _users(events: Iterable[Any]) -> dict[int, str]:
    """Names of the users that events mention: who did it, and whom it is about."""
    wanted: set[int] = set()
    for event in events:
        wanted.add((event.pgh_context or {}).get("user") or 0)
        wanted |= {getattr(event, f"{name}_id", None) or 0 for name in USERS}
    return {user.pk: str(user) for user in User.objects.filter(pk__in=wanted - {0})}

"""Events in words: what a row is called, and what changed from what to what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format

from syncapp.accounts.models import User

NAMES = ("name", "label", "email", "key", "prefix", "reason", "target")
EMPTY = "empty"
VALUE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Change:
    field: str
    before: str
    after: str


def name_of(event: Any, users: dict[int, str]) -> str:
    """How staff know the row."""
    if getattr(event, "user_id", None) is not None:
        return users.get(event.user_id, "a former user")
    found = next((getattr(event, name) for name in NAMES if getattr(event, name, "")), None)
    return str(found) if found is not None else f"no. {str(event.id)[:8]}"


def changes_between(before: Any, after: Any, users: dict[int, str]) -> Iterator[Change]:
    """Field by field. Without the event before it, what was there is not known."""
    tracked = after.pgh_tracked_model
    for field in after._meta.fields:
        if field.name.startswith("pgh_") or field.name in ("id", "account"):
            continue
        old = getattr(before, field.attname, None) if before is not None else None
        new = getattr(after, field.attname)
        if before is not None and old == new:
            continue
        source = tracked._meta.get_field(field.name)
        yield Change(
            field=str(source.verbose_name),
            before=in_words(source, old, users) if before is not None else "unknown",
            after=in_words(source, new, users),
        )


def in_words(field: Any, value: Any, users: dict[int, str]) -> str:
    if value is None or value == "" or value == []:
        return EMPTY
    if isinstance(field, models.ForeignKey) and field.remote_field.model is User:
        return users.get(value, "a former user")
    return _short(_plain(field, value))


def _plain(field: Any, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "DATETIME_FORMAT")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(dict(field.flatchoices).get(value, value))


def _short(text: str) -> str:
    return text if len(text) <= VALUE_CHARS else text[: VALUE_CHARS - 1] + "…"

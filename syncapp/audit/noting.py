"""Entries in the trail for acts that change no tracked field."""

from __future__ import annotations

from typing import Any

from django.db import models

from syncapp.audit.tracking import tracked_models


def note(row: models.Model, act: str, **context: Any) -> None:
    """`act` is a key of `activity.ACTS`; `context` says who, as `key=` the label of an API key."""
    events: Any = tracked_models[type(row)]
    fields = [field for field in events._meta.concrete_fields if not field.name.startswith("pgh_")]
    values = {field.attname: getattr(row, field.attname) for field in fields}
    events.objects.create(**values, pgh_label=act, pgh_context=context)

"""Which models leave a trail. Triggers write it, so that bulk and raw writes are caught as well.

Each tracked model gets a table of events: one row per insert, update and delete, with the values after it (before
it, for a delete), who did it and where. Events are only ever added, and closed off per account like the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pghistory
from django.db import models

from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.managers import AccountManager

M = TypeVar("M", bound=type[models.Model])
tracked_models: dict[type[models.Model], type[models.Model]] = {}


def tracked(*fields: str, words: str = "", updates_only: bool = False) -> Callable[[M], M]:
    """Class decorator: keep events of these fields; the id and the account come along.

    Name no secret and no counter. `words` is how the activity page calls such a row. `updates_only` is for rows the
    machinery makes all day long, of which only what people decide is worth an event.
    """
    trackers: list[pghistory.RowEvent] = [pghistory.UpdateEvent()]
    if not updates_only:
        trackers += [pghistory.InsertEvent(), pghistory.DeleteEvent()]

    def track(model: M) -> M:
        has_account = any(field.name == "account" for field in model._meta.local_fields)
        kept = ["id", *(["account"] if has_account else []), *fields]
        pghistory.track(
            *trackers,
            fields=kept,
            obj_field=None,
            context_field=pghistory.ContextJSONField(),
            context_id_field=None,  # type: ignore[arg-type]
            append_only=True,
            model_name=f"{model.__name__}Event",
            attrs={
                **_plain_references(model, fields),
                **({"objects": AccountManager()} if has_account else {}),
            },
            meta={"indexes": _indexes(model, has_account), "verbose_name": words or model._meta.verbose_name},
        )(model)
        event_model: Any = model.pgh_event_model  # type: ignore[attr-defined]
        tracked_models[model] = event_model
        return model

    return track


def _plain_references(model: type[models.Model], fields: Sequence[str]) -> dict[str, models.Field[Any, Any]]:
    """A reference in an event is a value: it outlives the row it named."""
    plain: dict[str, models.Field[Any, Any]] = {}
    for name in fields:
        field = model._meta.get_field(name)
        if isinstance(field, AccountForeignKey):
            key = field.target_field
            kind = models.UUIDField if isinstance(key, models.UUIDField) else models.BigIntegerField
            plain[name] = kind(db_column=field.column, null=True)
    return plain


def _indexes(model: type[models.Model], has_account: bool) -> list[models.Index]:
    name = str(model._meta.model_name)[:16]  # an index name holds 30 characters
    if not has_account:
        return [models.Index(fields=["id", "-pgh_id"], name=f"{name}_event_by_row")]
    return [
        models.Index(fields=["account", "-pgh_id"], name=f"{name}_event_by_time"),
        models.Index(fields=["account", "id", "-pgh_id"], name=f"{name}_event_by_row"),
    ]

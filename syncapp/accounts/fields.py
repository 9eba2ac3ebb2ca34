"""Fields of tenant models. Migrations import this module, so it imports no model."""

from __future__ import annotations

from typing import Any

from django.db import models


class AccountForeignKey(models.ForeignKey):  # type: ignore[type-arg]
    """A reference to another row of the same account.

    The constraint is the composite `(account_id, x_id) → (account_id, id)`, added by the `Isolate` operation:
    Django's own single-column constraint would let a row of another account through. `on_database_delete`
    names what PostgreSQL does ("CASCADE" or "NO ACTION") where rows are too many for Django's collector.
    """

    def __init__(self, *args: Any, on_database_delete: str = "NO ACTION", **kwargs: Any) -> None:
        kwargs.setdefault("db_constraint", False)
        self.on_database_delete = on_database_delete
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.on_database_delete != "NO ACTION":
            kwargs["on_database_delete"] = self.on_database_delete
        return name, path, args, kwargs

"""Fields of tenant models. Migrations import this module, so it imports no model."""

from __future__ import annotations

from typing import Any

from django.db import models


class AccountForeignKey(models.ForeignKey):  # type: ignore[type-arg]
    """A reference to another row of the same account.

    The constraint is the composite `(account_id, x_id) → (account_id, id)`, added by the `Isolate` operation:
    Django's own single-column constraint would let a row of another account through. `on_database_delete`
    names what PostgreSQL does ("CASCADE" or "NO ACTION") where rows are too many for Django's collector.
    `checked="statement"` keeps the same promise by triggers that run once per statement
    (`syncapp.database.references`): for tables that take a million rows at a time.
    """

    def __init__(
        self, *args: Any, on_database_delete: str = "NO ACTION", checked: str = "row", **kwargs: Any
    ) -> None:
        kwargs.setdefault("db_constraint", False)
        self.on_database_delete = on_database_delete
        self.checked = checked
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.on_database_delete != "NO ACTION":
            kwargs["on_database_delete"] = self.on_database_delete
        if self.checked != "row":
            kwargs["checked"] = self.checked
        return name, path, args, kwargs

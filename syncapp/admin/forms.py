"""Forms of tenant rows."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from syncapp.accounts import scope


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]
    """The account is never a field: it is the row's own or, for a new row, the only one in scope.

    It takes part in validation all the same, so that "unique per client" is said in words, and only about
    rows of
    this client.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.account_id is None:
            self.instance.account_id = scope.required().only
        self._say_zone()
        for field in self.fields.values():
            if field.label:
                field.error_messages["required"] = f"Fill in: {field.label}."

    def _say_zone(self) -> None:
        for field in self.fields.values():
            if isinstance(field, (forms.DateTimeField, forms.SplitDateTimeField)):
                said = f"Time in {timezone.get_current_timezone_name()}."
                field.help_text = f"{field.help_text} {said}".strip()

    def _get_validation_exclusions(self) -> set[str]:
        exclude: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        exclude.discard("account")
        return exclude

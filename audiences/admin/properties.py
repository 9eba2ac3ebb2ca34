"""Properties: the fields of people."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from audiences.ingest import marking
from audiences.models import Property
from syncapp.admin.base import TenantAdmin
from syncapp.admin.forms import TenantForm


class PropertyForm(TenantForm):
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        key = self.instance.key or cleaned.get("key", "")
        if "identifier" in self.changed_data and cleaned.get("identifier") and not self.errors:
            try:
                marking.check(self.instance.account_id, key)
            except marking.CannotName as error:
                raise ValidationError({"identifier": f"It cannot name people: {error}"}) from None
        return cleaned


@admin.register(Property)
class PropertyAdmin(TenantAdmin):
    """Key and type are fixed after the first save; a property is kept once values may use it."""

    form = PropertyForm
    list_display = ("label", "key", "type", "identifies", "is_personal")
    list_filter = ("type", "identifier", "personal")
    search_fields = ("label", "key")
    fields = ("label", "key", "type", "identifier", "personal")
    delete_role = None
    empty_state = {
        "icon": "data_object",
        "title": "No properties yet",
        "next": "Properties are what you know about people, like a first name. Exports map them to the ESP.",
        "act": "Add a property",
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("key", "type")

    def save_model(self, request: HttpRequest, obj: Property, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "identifier" in form.changed_data:
            marking.follow_mark(obj)

    @admin.display(description="Identifier", ordering="identifier")
    def identifies(self, row: Property) -> str:
        return "yes" if row.identifier else "–"

    @admin.display(description="Personal", ordering="personal")
    def is_personal(self, row: Property) -> str:
        return "yes" if row.personal else "–"

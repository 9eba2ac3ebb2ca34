"""Properties: the fields of people."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audiences.models import Property
from syncapp.admin.base import TenantAdmin


@admin.register(Property)
class PropertyAdmin(TenantAdmin):
    """Key and type are fixed after the first save; a property is kept once values may use it."""

    list_display = ("label", "key", "type", "identifier", "personal")
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
        return () if obj is None else ("key", "type", "identifier")

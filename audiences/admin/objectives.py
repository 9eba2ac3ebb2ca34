"""Objectives: what people are asked consent for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audiences.models import Objective
from syncapp.admin.base import TenantAdmin


@admin.register(Objective)
class ObjectiveAdmin(TenantAdmin):
    """The key is fixed after the first save, and an objective is never deleted: the ledger uses its key."""

    list_display = ("label", "key", "description", "created_at")
    search_fields = ("label", "key")
    fields = ("label", "key", "description")
    delete_role = None
    empty_state = {
        "icon": "flag",
        "title": "No objectives yet",
        "next": "An objective is what people are asked consent for, like a newsletter. Without one nobody is mailed.",
        "act": "Add an objective",
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("key",)

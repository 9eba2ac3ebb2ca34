"""The consent ledger: every answer, as it came. Only ever read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from audiences.admin import wording
from audiences.models import Consent, Profile
from syncapp.admin.base import TenantAdmin


@admin.register(Consent)
class LedgerAdmin(TenantAdmin):
    """Rows are added by the ingest; nobody changes or deletes one, and a trigger sees to it."""

    list_display = ("occurred_at", "person", "objective", "answer", "how", "told_by", "recorded_at")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_filter_submit = True
    ordering = ("-id",)
    sortable_by = ()
    add_role = change_role = delete_role = None
    fields = (
        "person",
        "objective",
        "state",
        "how",
        "told_by",
        "occurred_at",
        "recorded_at",
        "evidence",
    )
    readonly_fields = fields
    empty_state = {
        "icon": "verified_user",
        "title": "Nobody has answered yet",
        "next": "Answers come with pushed people, from ESPs, or from a person's page. None is ever changed.",
    }

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """People are fetched by account and id: a join by id alone would search every partition."""
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        people = Profile.objects.in_bulk({row.profile_id for row in rows})
        labels = wording.objective_labels()
        for row in rows:
            row.found_person = people.get(row.profile_id)
            row.objective_label = labels.get((row.account_id, row.objective_key), row.objective_key)
        changelist.result_list = rows
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.found_person = Profile.objects.filter(pk=row.profile_id).first()
            row.objective_label = wording.objective_labels().get(
                (row.account_id, row.objective_key), row.objective_key
            )
        return row

    @admin.display(description="Person")
    def person(self, row: Any) -> str:
        address = reverse("admin:audiences_profile_change", args=[row.profile_id])
        return format_html(
            '<a class="link" href="{}">{}</a>', address, row.found_person or f"no. {row.profile_id}"
        )

    @display(description="Answer", label={"Granted": "success", "Denied": "danger"})  # type: ignore[untyped-decorator]
    def answer(self, row: Consent) -> str:
        return row.get_state_display()

    @admin.display(description="Objective")
    def objective(self, row: Any) -> str:
        return str(row.objective_label)

    @admin.display(description="How")
    def how(self, row: Consent) -> str:
        return wording.method(row.method)

    @admin.display(description="Told by")
    def told_by(self, row: Consent) -> str:
        return wording.source(row.source)

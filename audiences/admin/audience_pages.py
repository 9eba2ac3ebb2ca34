"""Audiences: the list, and a page with properties at the left and members at the right."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import (
    UnfoldAdminSplitDateTimeVerticalWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from audiences.admin.curl import push_command
from audiences.admin.members import page_of
from audiences.models import Audience
from audiences.uses import counts_of, uses_of
from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.forms import TenantForm
from syncapp.admin.templatetags.shell import ago


class AudienceForm(TenantForm):
    description = forms.CharField(
        required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    labels = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget(), help_text="Separated by commas."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["labels"] = ", ".join(self.instance.labels)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if name == "":
            raise ValidationError("A name needs at least one visible character.")
        return name

    def clean_labels(self) -> list[str]:
        labels = [label.strip() for label in self.cleaned_data["labels"].split(",") if label.strip()]
        if any(len(label) > 50 for label in labels):
            raise ValidationError("A label has at most 50 characters.")
        return list(dict.fromkeys(labels))


@admin.register(Audience)
class AudienceAdmin(TenantAdmin):
    """Deleting is soft, and refused while anything uses the audience."""

    form = AudienceForm
    change_form_template = "audiences/audience.html"
    list_display = ("named", "source", "member_total", "last_change", "use_count")
    list_filter = (("kind", ChoicesDropdownFilter), "favourite")
    list_filter_submit = True
    search_fields = ("name", "external_id", "folder")
    ordering = ("-favourite", "name")
    delete_role = Role.EDITOR
    compressed_fields = False
    formfield_overrides = {models.DateTimeField: {"widget": UnfoldAdminSplitDateTimeVerticalWidget}}
    fieldsets = (
        (None, {"fields": ("name", "external_id", "description")}),
        ("Contacts", {"fields": ("identifier", "unknown_contacts", "source_system")}),
        ("Organise", {"fields": ("folder", "labels", "favourite", "expires_at")}),
    )
    empty_state = {
        "icon": "groups",
        "title": "No audiences yet",
        "next": "An audience is a group of people. Another system pushes its members through the API.",
        "act": "Add an audience",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Audience]:
        return super().get_queryset(request).filter(deleted_at=None)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deletion by ticking: the page of one audience says first what uses it."""
        return {}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("external_id", "identifier")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        uses = counts_of([row.pk for row in rows])
        for row in rows:
            row.uses = uses.get(row.pk, 0)
        changelist.result_list = rows
        return changelist

    @admin.display(description="Audience", ordering="name")
    def named(self, audience: Audience) -> str:
        if not audience.favourite:
            return audience.name
        return format_html('{} <span class="star" title="Favourite">★</span>', audience.name)

    @admin.display(description="Source")
    def source(self, audience: Audience) -> str:
        return audience.source_system or audience.get_kind_display()

    @admin.display(description="Members", ordering="member_count")
    def member_total(self, audience: Audience) -> str:
        return f"{audience.member_count:,}"

    @admin.display(description="Last change of members")
    def last_change(self, audience: Audience) -> str:
        return ago(last_sync_of(audience))

    @admin.display(description="Used in")
    def use_count(self, audience: Any) -> str:
        return {0: "nothing", 1: "1 goal"}.get(audience.uses, f"{audience.uses} goals")

    def save_model(self, request: HttpRequest, obj: Audience, form: Any, change: bool) -> None:
        if change and form.has_changed():
            obj.version += 1
        super().save_model(request, obj, form, change)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        audience = self.get_object(request, object_id)
        more = side_of(request, audience) if audience is not None else {}
        return super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        audience = self.get_object(request, object_id)
        if audience is None or not self.has_delete_permission(request, audience):
            return super().delete_view(request, object_id, extra_context)
        uses = uses_of(audience)
        if request.method == "POST" and not any(use.blocks_delete for use in uses):
            retire(audience)
            self.message_user(request, f"“{audience}” is deleted. The people stay.", messages.SUCCESS)
            return redirect("admin:audiences_audience_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Delete “{audience}”?",
            "opts": self.opts,
            "original": audience,
            "uses": uses,
            "is_blocked": any(use.blocks_delete for use in uses),
        }
        return TemplateResponse(request, "audiences/audience_delete.html", context)


def retire(audience: Audience) -> None:
    """Soft, and frees id and name at once."""
    audience.deleted_at = timezone.now()
    audience.version += 1
    audience.save(update_fields=["deleted_at", "version", "updated_at"])


def last_sync_of(audience: Audience) -> Any:
    """When another system last pushed, or members last changed."""
    pushed = parse_datetime((audience.last_sync or {}).get("at") or "")
    known = [
        at
        for at in (pushed, audience.last_member_added_at, audience.last_member_removed_at)
        if at is not None
    ]
    return max(known, default=None)


def side_of(request: HttpRequest, audience: Audience) -> dict[str, Any]:
    """The right-hand side of the page: members, uses, and how to push."""
    after = request.GET.get("after", "")
    members = page_of(audience, request.GET.get("q", ""), int(after) if after.isdecimal() else None)
    return {
        "members": members,
        "uses": uses_of(audience),
        "last_sync_at": last_sync_of(audience),
        "push_command": push_command(request, audience),
        "keys_url": reverse("admin:accounts_apikey_changelist"),
    }

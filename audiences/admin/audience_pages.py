"""Audiences: the list with its folders, and a page with properties at the left and members at the right."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from unfold.widgets import (
    UnfoldAdminSplitDateTimeVerticalWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from audiences import deleting, happenings
from audiences.admin import audience_page, exporting, folders, overview
from audiences.admin.audience_acts import AudienceActs, moved_words, set_archived
from audiences.admin.audience_columns import AudienceColumns
from audiences.admin.audience_filters import FILTERS
from audiences.models import Audience
from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.forms import TenantForm

SEEN_BY_SYSTEMS = {"name", "description", "unknown_contacts", "source_system", "labels", "expires_at"}
LABEL_CHARS = 50


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
        if "folder" in self.fields:
            self.fields[
                "folder"
            ].help_text = "A new name makes a new folder; “Campaigns/Spring” is one within another."

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if name == "":
            raise ValidationError("A name needs at least one visible character.")
        return name

    def clean_folder(self) -> str:
        return folders.to_folder(str(self.cleaned_data["folder"]))

    def clean_labels(self) -> list[str]:
        labels = [label.strip() for label in self.cleaned_data["labels"].split(",") if label.strip()]
        if any(len(label) > LABEL_CHARS for label in labels):
            raise ValidationError(f"A label has at most {LABEL_CHARS} characters.")
        return list(dict.fromkeys(labels))


@admin.register(Audience)
class AudienceAdmin(AudienceActs, AudienceColumns, exporting.ExportViews, TenantAdmin):
    """Deleting is soft, and refused while anything uses the audience."""

    form = AudienceForm
    change_list_template = "audiences/audience_list.html"
    change_form_template = "audiences/audience_edit.html"
    list_display = ("star", "named", "system", "synced", "member_total", "reachable", "use_count")
    list_display_links = None
    list_filter = FILTERS
    list_filter_submit = True
    list_filter_sheet = True
    list_fullwidth = True
    search_fields = ("name", "external_id", "folder", "source_system")
    search_help_text = "Name, external id, folder or system"
    ordering = ("-favourite", "name")
    actions = ("move", "archive", "restore")
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

    class Media:
        css = {"all": ["audiences/audiences.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Audience]:
        """Pages show deleted ones, to restore them; whoever chooses one from a list is not offered them."""
        rows = super().get_queryset(request)
        is_choosing = getattr(request.resolver_match, "url_name", "") == "autocomplete"
        return rows.filter(deleted_at=None) if is_choosing else rows

    def get_urls(self) -> list[Any]:
        edit = path(
            "<path:object_id>/edit/",
            self.admin_site.admin_view(self.edit_view),
            name="audiences_audience_edit",
        )
        return [*self.narrowed([edit, *self.act_urls(), *self.export_urls()]), *super().get_urls()]

    # The list

    def get_list_display(self, request: HttpRequest) -> Any:
        """The client stands beside the name, not before it."""
        columns = [name for name in super().get_list_display(request) if name != "client"]
        if len(columns) < len(super().get_list_display(request)):
            columns.insert(2, "client")
        return columns

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        overview.furnish(rows)
        for row in rows:
            row.may_change = self.has_change_permission(request, row)
        changelist.result_list = rows
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The folders and ready views beside the list, counted whatever the list is narrowed to."""
        rows = Audience.objects.all()
        tree, in_none = overview.folder_tree(rows)
        side = {
            "views": overview.views_of(rows, request.GET.dict()),
            "folders": tree,
            "in_no_folder": in_none,
            "chosen_folder": request.GET.get("folder", ""),
        }
        return super().changelist_view(request, {**side, **(extra_context or {})})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deletion by ticking: the page of one audience says first what uses it."""
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    @admin.action(description="Move to a folder …", permissions=["change"])
    def move(self, request: HttpRequest, rows: QuerySet[Audience]) -> HttpResponseBase | None:
        """Asks for the folder first; what is typed is made."""
        ticked = list(rows.filter(deleted_at=None).order_by("name"))
        if not ticked:
            return None
        error = ""
        if "folder" in request.POST:
            try:
                folder = folders.to_folder(request.POST["folder"].replace("\x00", ""))
            except ValidationError as refused:
                error = " ".join(refused.messages)
            else:
                for audience in ticked:
                    audience.folder = folder
                Audience.objects.bulk_update(ticked, ["folder"])
                what = str(ticked[0]) if len(ticked) == 1 else f"{len(ticked)} audiences"
                messages.success(request, moved_words(what, folder))
                return None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Move to a folder",
            "audiences": ticked,
            "error": error,
            "typed": request.POST.get("folder", ""),
            "folder_names": folders.names_of(Audience.objects.filter(deleted_at=None)),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "audiences/audience_move.html", context)

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, rows: QuerySet[Audience]) -> None:
        done = sum(set_archived(audience, True) for audience in rows)
        messages.success(request, f"Archived: {done}. Whatever uses them goes on.")

    @admin.action(description="Take out of the archive", permissions=["change"])
    def restore(self, request: HttpRequest, rows: QuerySet[Audience]) -> None:
        done = sum(set_archived(audience, False) for audience in rows)
        messages.success(request, f"Active again: {done}.")

    # The page of one

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("external_id", "identifier")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if request.method == "POST":
            return self.edit_view(request, object_id, form_url, extra_context)
        audience = self.found(request, object_id)
        may_change = self.has_change_permission(request, audience)
        context = self.act_context(
            request,
            audience,
            str(audience),
            may_change=may_change,
            may_export=self.has_export_permission(request, audience),
            may_empty=self.has_empty_permission(request, audience),
            may_delete=self.has_delete_permission(request, audience),
            star=audience_page.star(audience, may_change and audience.deleted_at is None),
            restorable_until=deleting.restorable_until(audience) if audience.deleted_at is not None else None,
            **audience_page.context_of(request, audience),
        )
        return TemplateResponse(request, "audiences/audience.html", context)

    def edit_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        audience = self.found(request, object_id, act="change")
        if audience.deleted_at is not None:
            messages.warning(request, "A deleted audience cannot be changed. Restore it first.")
            return redirect("admin:audiences_audience_change", audience.pk)
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Audience, form: Any, change: bool) -> None:
        """Other systems see a new version only where they can see what changed."""
        changed = set(form.changed_data)
        if change and changed & SEEN_BY_SYSTEMS:
            obj.version += 1
        super().save_model(request, obj, form, change)
        if not change:
            happenings.audience_created(obj)
        elif changed & SEEN_BY_SYSTEMS:
            happenings.audience_updated(obj)
        if "expires_at" in changed:
            deleting.follow_expiry(obj)

    def response_post_save_change(self, request: HttpRequest, obj: Audience) -> Any:
        return redirect("admin:audiences_audience_change", obj.pk)

    def response_post_save_add(self, request: HttpRequest, obj: Audience) -> Any:
        return redirect("admin:audiences_audience_change", obj.pk)

"""Credentials at ESPs."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from connectors import look
from connectors.admin import credentials
from connectors.admin.tools import PagesAdmin, View
from connectors.esp import registry
from connectors.esp.contract import Spec
from connectors.gauge import gauge_of
from connectors.models import Authorization
from connectors.pace.budget import forget_setting
from connectors.sync.esp import key_of
from connectors.wizard.credentials import check
from syncapp.admin.base import Role
from syncapp.admin.forms import TenantForm


def spec_of(request: HttpRequest, row: Authorization | None) -> Spec:
    """The row's connector; for a new one the one chosen in the address, else the first there is."""
    known = dict(registry.choices())
    wanted = row.connector if row is not None else request.GET.get("connector", "")
    return registry.get(wanted if wanted in known else next(iter(known))).spec


class AuthorizationForm(TenantForm):
    """Which fields there are follows from the connector; `for_spec` makes the class."""

    spec: Spec

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.instance.connector = self.spec.key

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if credentials.was_typed(self.spec, cleaned):
            self.instance.secrets_set_at = timezone.now()
        self.instance.secrets = credentials.secrets_from(self.spec, cleaned, self.instance.secrets)
        return cleaned

    @classmethod
    def for_spec(cls, spec: Spec, row: Authorization | None) -> type[AuthorizationForm]:
        address = forms.ChoiceField(
            label="Base address",
            required=False,
            choices=credentials.base_url_choices(spec, row),
            widget=UnfoldAdminSelectWidget(),
            help_text="Where the ESP is reached. Other addresses are allowed by the environment only.",
        )
        fields = {**credentials.fields_of(spec, row), "base_url": address, "spec": spec}
        return type("AuthorizationForm", (cls,), fields)


@admin.register(Authorization)
class AuthorizationAdmin(PagesAdmin):
    """Secrets are written here and never shown; “Check now” says what the ESP thinks of them."""

    add_role = Role.MANAGER
    change_role = Role.MANAGER
    list_display = ["title", "esp", "status", "checked", "used_by"]
    list_filter = ["connector", "state"]
    search_fields = ["label"]
    change_form_outer_before_template = "connectors/authorization/top.html"
    empty_state: ClassVar[dict[str, str] | None] = {
        "icon": "key",
        "title": "No authorizations yet",
        "next": "Add one: the API key of an account at an ESP.",
        "act": "Add an authorization",
    }

    def pages(self) -> list[tuple[str, str, View]]:
        return [("check/", "authorization_check", self.check_view)]

    @admin.display(description="Label", ordering="label")
    def title(self, row: Authorization) -> str:
        return row.label

    @admin.display(description="ESP", ordering="connector")
    def esp(self, row: Authorization) -> SafeString:
        return look.esp_badge(row.connector)

    @admin.display(description="State", ordering="state")
    def status(self, row: Authorization) -> SafeString:
        return look.badge_with_reason(look.of_authorization(row))

    @admin.display(description="Checked", ordering="checked_at")
    def checked(self, row: Authorization) -> Any:
        return look.when(row.checked_at)

    @admin.display(description="Used by")
    def used_by(self, row: Authorization) -> str:
        names = [connection.name for connection in row.connections.all()]
        return ", ".join(names) if names else "No connection yet"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("secrets").prefetch_related("connections")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = AuthorizationForm.for_spec(spec_of(request, obj), obj)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        names = credentials.names_of(spec_of(request, obj))
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ["label"]})]
        return [
            (None, {"fields": ["label", *names]}),
            ("Where the ESP is reached", {"fields": ["base_url"], "classes": ["collapse"]}),
            ("How fast calls go", {"fields": ["calls_per_minute"], "classes": ["collapse"]}),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"label": f"{spec_of(request, None).label}"}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """New credentials are tried at once, after the commit: the ESP's answer must not hold the row."""
        super().save_model(request, obj, form, change)
        if "calls_per_minute" in form.changed_data:
            forget_setting(key_of(obj))
        if (
            not change
            or credentials.was_typed(form.spec, form.cleaned_data)
            or "base_url" in form.changed_data
        ):
            transaction.on_commit(partial(self.say_answer, request, obj))

    def say_answer(self, request: HttpRequest, row: Authorization) -> None:
        label = registry.get(row.connector).spec.label
        answer = check(row)
        if answer.came:
            messages.success(request, f"{label} accepts these credentials.")
        else:
            messages.error(request, f"Checked: {answer.problem}")

    def check_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.found(request, object_id, to_change=True)
        if request.method == "POST":
            self.say_answer(request, row)
        return redirect(reverse("admin:connectors_authorization_change", args=[row.pk]))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj")
        spec = spec_of(request, row)
        context["spec"] = spec
        context["connectors"] = [(key, registry.get(key).spec) for key, _ in registry.choices()]
        if row is not None:
            context["gauge"] = gauge_of(row)
            context["connections"] = list(row.connections.all())
            context["may_change"] = self.has_change_permission(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not while a connection uses it: Django's own page names them, too, but only after a click."""
        if obj is not None and obj.connections.exists():
            return False
        return super().has_delete_permission(request, obj)

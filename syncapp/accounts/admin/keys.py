"""API keys. The secret appears once, in the answer to the form that made the key."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from syncapp.accounts import keys
from syncapp.accounts.models import ApiKey, User
from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.forms import TenantForm

# An audience of its own, so that the commands work in a client that has none yet.
COMMANDS = """KEY={key}

curl -X PUT '{root}/api/v1/audiences/first-try' \\
  -H "Authorization: Bearer $KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{{"name": "First try", "unknown_contacts": "create"}}'

curl -X POST '{root}/api/v1/audiences/first-try/members/batch' \\
  -H "Authorization: Bearer $KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{{"operations": [{{"op": "add", "contact": {{"external_id": "1001", "email": "eve@example.com"}}}}]}}'
"""


class ApiKeyForm(TenantForm):
    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[
            ApiKey.Scope.AUDIENCES_READ,
            ApiKey.Scope.AUDIENCES_WRITE,
            ApiKey.Scope.MEMBERS_WRITE,
            ApiKey.Scope.CONTACTS_WRITE,
        ],
        help_text="What the key may do. Give no more than the system needs.",
    )

    class Meta:
        model = ApiKey
        fields = ("label", "scopes", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    """Made and revoked, never changed or deleted: what a key did stays explainable."""

    form = ApiKeyForm
    list_display = ("label", "shown_prefix", "state", "last_used_at", "expires_at", "created_by")
    list_select_related = ("created_by",)
    list_before_template = "accounts/keys_intro.html"
    ordering = ("-created_at",)
    search_fields = ("label", "prefix")
    actions = ("revoke_keys",)
    add_role = revoke_role = Role.MANAGER
    change_role = delete_role = None
    fields = (
        "label",
        "shown_prefix",
        "state",
        "scopes",
        "last_used_at",
        "expires_at",
        "created_by",
        "created_at",
    )
    change_form_outer_after_template = "accounts/key_revoke.html"
    empty_state = {
        "icon": "vpn_key",
        "title": "No API keys yet",
        "next": "A key lets another system push audiences and people into this client.",
        "act": "Make a key",
    }

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("label", "scopes", "expires_at") if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.fields

    @admin.display(description="Key")
    def shown_prefix(self, key: ApiKey) -> str:
        return f"ak_live_{key.prefix}_…"

    @display(description="State", label={"Live": "success", "Revoked": "danger", "Expired": "warning"})  # type: ignore[untyped-decorator]
    def state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return "Revoked"
        return "Expired" if key.expires_at is not None and key.expires_at <= timezone.now() else "Live"

    def get_urls(self) -> list[Any]:
        revoke = path(
            "<path:object_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="accounts_apikey_revoke",
        )
        return [*self.narrowed([revoke]), *super().get_urls()]

    @sensitive_variables("secret")
    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Through the one function that makes keys; the secret lives on this request only."""
        given = form.cleaned_data
        made, secret = keys.issue(
            obj.account,
            given["label"],
            given["scopes"],
            expires_at=given["expires_at"],
            created_by=cast(User, request.user),
        )
        obj.pk = made.pk
        obj.prefix = made.prefix
        request._secret_shown_once = secret  # type: ignore[attr-defined]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A key has no related rows."""

    @sensitive_variables("secret")
    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> Any:
        secret = request._secret_shown_once  # type: ignore[attr-defined]
        response = TemplateResponse(
            request,
            "accounts/key_shown_once.html",
            {
                **self.admin_site.each_context(request),
                "title": "Your new API key",
                "opts": self.opts,
                "key": obj,
                "secret": secret,
                "commands": COMMANDS.format(root=request.build_absolute_uri("/").rstrip("/"), key=secret),
            },
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.revoke_role, obj)

    @admin.action(description="Revoke the ticked keys", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, rows: QuerySet[ApiKey]) -> None:
        for key in rows:
            keys.revoke(key)
        self.message_user(request, "The keys are revoked: they stopped working at once.", messages.SUCCESS)

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        key = self.get_object(request, object_id)
        if request.method != "POST" or key is None or not self.has_revoke_permission(request, key):
            raise PermissionDenied
        keys.revoke(key)
        self.message_user(request, f"“{key.label}” is revoked: it stopped working at once.", messages.SUCCESS)
        return redirect("admin:accounts_apikey_change", key.pk)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """One button only: what comes next is the page with the secret."""
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**only_save, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        key = self.get_object(request, object_id)
        live = key is not None and key.revoked_at is None
        more = {"may_revoke": live and self.has_revoke_permission(request, key), "title": "API key"}
        return super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})

"""API keys: who uses them how much. The secret appears once, in the answer to the form that made or changed it."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from unfold.decorators import display

from syncapp.accounts import access, keys
from syncapp.accounts.admin.keyacts import AS_OAUTH, KeyActs
from syncapp.accounts.admin.keyforms import ApiKeyForm, InspectorForm, NetworksForm
from syncapp.accounts.models import ApiKey, User
from syncapp.admin.base import Role
from syncapp.admin.templatetags.shell import ago
from syncapp.api import limits, rates, usage
from syncapp.api.inspector import finding
from syncapp.api.models import InspectorToken, RefusedCalls

SHOWN_CALLS = 8


@admin.register(ApiKey)
class ApiKeyAdmin(KeyActs):
    """Made and revoked, never deleted: what a key did stays explainable."""

    form = ApiKeyForm
    list_display = (
        "label",
        "shown_prefix",
        "state",
        "today",
        "week",
        "failed",
        "operations_left",
        "last_call",
    )
    list_before_template = "accounts/keys_intro.html"
    ordering = ("-created_at",)
    search_fields = ("label", "prefix")
    actions = ("revoke_keys",)
    add_role = Role.MANAGER
    change_role = delete_role = None
    fields = (
        "label",
        "shown_prefix",
        "state",
        "kind",
        "scopes_in_words",
        "expires_at",
        "created_by",
        "created_at",
    )
    change_form_outer_before_template = "accounts/key_top.html"
    change_form_outer_after_template = "accounts/key_after.html"
    empty_state = {
        "icon": "vpn_key",
        "title": "No API keys yet",
        "next": "A key lets another system push audiences and people into this client.",
        "act": "Make a key",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return usage.with_usage(super().get_queryset(request).defer("secrets"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ApiKeyForm.Meta.fields if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.fields

    # Columns

    @admin.display(description="Key")
    def shown_prefix(self, key: ApiKey) -> str:
        return key.prefix if key.kind == ApiKey.Kind.MAILPLUS else f"ak_live_{key.prefix}_…"

    @display(  # type: ignore[untyped-decorator]
        description="State",
        label={"Live": "success", "Two secrets": "info", "Revoked": "danger", "Expired": "warning"},
    )
    def state(self, key: ApiKey) -> str:
        now = timezone.now()
        if key.revoked_at is not None:
            return "Revoked"
        if key.expires_at is not None and key.expires_at <= now:
            return "Expired"
        return "Two secrets" if key.previous_until is not None and key.previous_until > now else "Live"

    @admin.display(description="Calls today", ordering="calls_today")
    def today(self, key: Any) -> str:
        return f"{key.calls_today:,}"

    @admin.display(description="In 7 days", ordering="calls_week")
    def week(self, key: Any) -> str:
        return f"{key.calls_week:,}"

    @admin.display(description="Failed", ordering="failed_week")
    def failed(self, key: Any) -> str:
        """Share of the calls of 7 days."""
        return f"{100 * key.failed_week / key.calls_week:.1f} %" if key.calls_week else "–"

    @admin.display(description="Operations left")
    def operations_left(self, key: Any) -> str:
        """Member operations it may still make in the minute that runs."""
        return f"{max(limits.member_operations_per_window() - key.operations_used, 0):,}"

    @admin.display(description="Last call", ordering="last_call_at")
    def last_call(self, key: Any) -> str:
        return ago(key.last_call_at)

    @admin.display(description="May do")
    def scopes_in_words(self, key: ApiKey) -> str:
        labels = dict(ApiKey.Scope.choices)
        return ", ".join(str(labels.get(scope, scope)) for scope in key.scopes) or "nothing"

    # Making one

    @sensitive_variables("secret")
    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Through the one function that makes keys; the secret lives on this request only."""
        given = form.cleaned_data
        made, secret = keys.issue(
            obj.account,
            given["label"],
            given["scopes"],
            kind=given["kind"],
            networks=given["networks"],
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
        return self.show_secret(request, obj, secret, is_new=True)

    @admin.action(description="Revoke the ticked keys", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, rows: QuerySet[ApiKey]) -> None:
        for key in rows:
            keys.revoke(key)
        self.message_user(request, "The keys are revoked: they stopped working at once.", messages.SUCCESS)

    # Pages

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Calls without a valid key belong to nobody: the agency sees how many there were today."""
        more: dict[str, Any] = {}
        if access.of(request).is_agency_admin:
            found = RefusedCalls.objects.filter(day=usage.today()).first()
            more["refused_today"] = found.calls if found is not None else 0
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """One button only: what comes next is the page with the secret."""
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**only_save, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        key = kwargs.get("obj")
        if key is not None:
            context |= {"title": "API key", **self.about(request, key)}
        return super().render_change_form(request, context, *args, **kwargs)

    def about(self, request: HttpRequest, key: ApiKey) -> dict[str, Any]:
        may_act = self.has_revoke_permission(request, key)
        two_secrets = key.previous_until is not None and key.previous_until > timezone.now()
        tokens = InspectorToken.objects.of(key.account_id).filter(key=key, revoked_at=None)
        return {
            "day": usage.of_key(key, 1),
            "week": usage.of_key(key, usage.WEEK_DAYS),
            "bars": usage.chart(key),
            "standing": rates.look(keys.Client(key.pk, key.account_id, key.prefix, key.label, frozenset())),
            "calls": finding.find(key.account_id, key.pk, finding.Filters()).calls[:SHOWN_CALLS],
            "days_kept": settings.API_CALLS_DAYS,
            "may_act": may_act,
            "may_revoke": may_act and key.revoked_at is None,
            "two_secrets": two_secrets,
            "networks_form": NetworksForm(initial={"networks": "\n".join(key.networks)}),
            "inspector_form": InspectorForm(),
            "tokens": tokens.filter(expires_at__gt=timezone.now()).select_related("created_by"),
            "token_command": AS_OAUTH.format(
                root=request.build_absolute_uri("/").rstrip("/"), prefix=key.prefix
            )
            if key.kind == ApiKey.Kind.BEARER
            else "",
        }

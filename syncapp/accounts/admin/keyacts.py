"""What managers do with one key: change its secret, its networks, and who may inspect its calls."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.debug import sensitive_variables

from syncapp.accounts import keys
from syncapp.accounts.admin.keyforms import InspectorForm, NetworksForm
from syncapp.accounts.models import ApiKey, User
from syncapp.admin.base import Role, TenantAdmin
from syncapp.api.inspector import passes
from syncapp.api.models import InspectorToken

# Audiences of their own, so that the commands work in a client that has none yet.
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
AS_OAUTH = """curl -X POST '{root}/api/oauth/token' \\
  -u "{prefix}:$SECRET" \\
  -d grant_type=client_credentials"""


class KeyActs(TenantAdmin):
    revoke_role = Role.MANAGER

    class Media:
        css = {"all": ("api/keys.css",)}

    def get_urls(self) -> list[Any]:
        views = {
            "revoke": self.revoke_view,
            "rotate": self.rotate_view,
            "end_previous": self.end_previous_view,
            "networks": self.networks_view,
            "inspector": self.inspector_view,
            "inspector_end": self.inspector_end_view,
        }
        own = [
            path(
                f"<path:object_id>/{name.replace('_', '-')}/",
                self.admin_site.admin_view(view),
                name=f"accounts_apikey_{name}",
            )
            for name, view in views.items()
        ]
        return [*self.narrowed(own), *super().get_urls()]

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.revoke_role, obj)

    def posted_to(self, request: HttpRequest, object_id: str, *, living: bool = True) -> ApiKey:
        """The key of an act; it is refused by GET, without the right, and where the key has ended."""
        key: ApiKey | None = self.get_object(request, object_id)
        if request.method != "POST" or key is None or not self.has_revoke_permission(request, key):
            raise PermissionDenied
        if living and key.revoked_at is not None:
            raise PermissionDenied
        return key

    def back(
        self, request: HttpRequest, key: ApiKey, words: str, level: int = messages.SUCCESS
    ) -> HttpResponse:
        self.message_user(request, words, level)
        return redirect("admin:accounts_apikey_change", key.pk)

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        key = self.posted_to(request, object_id, living=False)
        keys.revoke(key)
        return self.back(request, key, f"“{key.label}” is revoked: it stopped working at once.")

    @sensitive_variables("secret")
    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        key = self.posted_to(request, object_id)
        secret = keys.rotate(key)
        return self.show_secret(request, key, secret, is_new=False)

    def end_previous_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        key = self.posted_to(request, object_id)
        keys.end_previous(key)
        return self.back(request, key, "The old secret has ended; only the new one works.")

    def networks_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        key = self.posted_to(request, object_id)
        form = NetworksForm(request.POST)
        if not form.is_valid():
            return self.back(request, key, " ".join(map(str, form.errors["networks"])), messages.ERROR)
        key.networks = form.cleaned_data["networks"]
        key.save(update_fields=["networks"])
        words = (
            "The key works from these networks only." if key.networks else "The key works from everywhere."
        )
        return self.back(request, key, words)

    @sensitive_variables("shown")
    def inspector_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        key = self.posted_to(request, object_id)
        form = InspectorForm(request.POST)
        if not form.is_valid():
            return self.back(request, key, "Say for whom the token is, and for how long.", messages.ERROR)
        token, shown = passes.issue(
            key,
            form.cleaned_data["label"],
            expires_at=form.expires_at,
            created_by=cast(User, request.user),
        )
        context = {
            "token": token,
            "secret": shown,
            "address": request.build_absolute_uri("/inspect/"),
            "key": key,
        }
        return self.shown_once(request, "accounts/inspector_shown_once.html", "Inspector token", context)

    def inspector_end_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        key = self.posted_to(request, object_id, living=False)
        given = request.POST.get("token", "")
        rows = InspectorToken.objects.of(key.account_id).filter(key=key)
        token = rows.filter(pk=int(given)).first() if given.isdigit() and len(given) < 19 else None
        if token is None:
            raise Http404("There is no such token.")
        passes.revoke(token)
        return self.back(request, key, f"The token of “{token.label}” has ended.")

    @sensitive_variables("secret", "context")
    def show_secret(
        self, request: HttpRequest, key: ApiKey, secret: str, *, is_new: bool
    ) -> HttpResponseBase:
        root = request.build_absolute_uri("/").rstrip("/")
        prefix, only = keys.parts(secret)
        is_consumer = key.kind == ApiKey.Kind.MAILPLUS
        context = {
            "key": key,
            "is_new": is_new,
            "is_consumer": is_consumer,
            "consumer_key": prefix,
            "secret": only if is_consumer else secret,
            "mailplus": f"{root}/compat/mailplus/integrationservice",
            "commands": "" if is_consumer else COMMANDS.format(root=root, key=secret),
        }
        title = "Your new API key" if is_new else "The key’s new secret"
        return self.shown_once(request, "accounts/key_shown_once.html", title, context)

    def shown_once(
        self, request: HttpRequest, template: str, title: str, context: dict[str, Any]
    ) -> HttpResponseBase:
        every = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        response = TemplateResponse(request, template, {**every, **context})
        response.headers["Cache-Control"] = "no-store"
        return response

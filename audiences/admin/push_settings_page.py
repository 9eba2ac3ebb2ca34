"""What a client allows the systems that push into it: one page per client, at the address of the list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from audiences.models import Objective, PushSettings, push_settings
from syncapp.accounts import access, scope
from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.scoping import complete

# What Activate calls its kinds of consent, and how staff know them.
ACTIVATE = {
    "newsletter": "Newsletter",
    "service": "Service messages",
    "marketing": "Marketing",
}
OF_THAT_NAME = "The objective with the key “{}”"


class PushSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Built inside the scope of the client: it offers that client's objectives only."""

    class Meta:
        model = PushSettings
        fields = ("is_enabled", "requires_approval", "restore_days", "mailplus_may_empty")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        objectives = list(Objective.objects.of(self.instance.account_id).values_list("key", "label"))
        chosen = self.instance.activate_objectives
        for kind, label in ACTIVATE.items():
            self.fields[f"activate_{kind}"] = forms.ChoiceField(
                label=f"Activate’s “{label}”",
                required=False,
                choices=[("", OF_THAT_NAME.format(kind)), *objectives],
                initial=chosen.get(kind, ""),
            )

    @property
    def activate_fields(self) -> list[Any]:
        return [self[f"activate_{kind}"] for kind in ACTIVATE]

    def save(self, commit: bool = True) -> PushSettings:
        chosen = {kind: self.cleaned_data[f"activate_{kind}"] for kind in ACTIVATE}
        self.instance.activate_objectives = {kind: key for kind, key in chosen.items() if key}
        saved: PushSettings = super().save(commit)
        return saved


@admin.register(PushSettings)
class PushSettingsAdmin(TenantAdmin):
    """For managers. A client without a row has the defaults; the row is made by the first change."""

    view_role = change_role = Role.MANAGER
    add_role = delete_role = None

    class Media:
        css = {"all": ["audiences/audiences.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        here = reverse("admin:audiences_pushsettings_changelist")
        if request.GET:
            return redirect(here)
        selected = access.of(request).selected
        if selected is None:
            return self._ask_whose(request)
        with scope.account(selected):
            return complete(self.page(request, push_settings(selected.pk), here))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404("There are no such settings.")
        return self.page(request, row, request.path)

    def page(self, request: HttpRequest, row: PushSettings, here: str) -> HttpResponseBase:
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        form = PushSettingsForm(request.POST if request.method == "POST" else None, instance=row)
        if form.is_valid():
            form.save()
            messages.success(request, "Kept. It holds from the next call on.")
            return redirect(here)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Push settings",
            "original": row if row.pk else None,
            "settings": row,
            "form": form,
        }
        return TemplateResponse(request, "audiences/push_settings.html", context)

    def _ask_whose(self, request: HttpRequest) -> HttpResponseBase:
        allowed = access.of(request)
        choices = [one for one in allowed.accounts if allowed.may(Role.MANAGER, one.pk)]
        if not choices:
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Push settings: of which client?",
            "lead": "You are looking at all clients. Each has push settings of its own.",
            "choices": choices,
            "next": request.get_full_path(),
        }
        return TemplateResponse(request, "syncapp/choose_client.html", context)

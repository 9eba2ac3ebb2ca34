"""Outgoing webhooks. The secret appears once: in the answer to the form that made or changed it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from syncapp import egress
from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.forms import TenantForm
from syncapp.admin.templatetags.shell import ago
from syncapp.egress.policy import of_settings
from syncapp.notices import endpoints, events, kinds
from syncapp.notices.admin import looks
from syncapp.notices.models import Delivery, Endpoint

SHOWN = 10


class EndpointForm(TenantForm):
    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Where messages are posted. It begins with https:// and is in the public internet.",
    )
    kinds = forms.MultipleChoiceField(
        label="Kinds of alerts",
        choices=kinds.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Which alerts it is told of. None ticked: all of them.",
    )
    events = forms.MultipleChoiceField(
        choices=events.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What happens by itself or by calls of other systems. None ticked: nothing.",
    )

    class Meta:
        model = Endpoint
        fields = ("name", "url", "hears_alerts", "kinds", "every_time", "events")

    def clean_url(self) -> str:
        try:
            return str(egress.parse(str(self.cleaned_data["url"]).strip(), of_settings()))
        except egress.Forbidden as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("hears_alerts") and not cleaned.get("events") and "events" in cleaned:
            self.add_error("events", "Tick what it is told of: alerts, or at least one event.")
        return cleaned


@admin.register(Endpoint)
class EndpointAdmin(TenantAdmin):
    """For managers: an address may hold a key of the system behind it."""

    form = EndpointForm
    view_role = add_role = change_role = delete_role = Role.MANAGER
    list_display = ("name", "host", "state", "told_of", "last_taken")
    list_before_template = "notices/endpoints_intro.html"
    search_fields = ("name",)
    change_form_outer_before_template = "notices/endpoint_top.html"
    change_form_outer_after_template = "notices/endpoint_after.html"
    empty_state = {
        "icon": "webhook",
        "title": "No webhooks yet",
        "next": "A webhook tells a system of yours, such as a service desk or a shop, what happens here.",
        "act": "Add a webhook",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("secrets")

    def get_urls(self) -> list[Any]:
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"notices_endpoint_{name}",
            )
            for name, view in (
                ("rotate", self.rotate_view),
                ("test", self.test_view),
                ("switch", self.switch_view),
            )
        ]
        return [*self.narrowed(own), *super().get_urls()]

    @admin.display(description="Host")
    def host(self, endpoint: Endpoint) -> str:
        """Without the path, which may hold a key."""
        return endpoint.url.split("/")[2] if endpoint.url.count("/") >= 2 else endpoint.url

    @admin.display(description="State", ordering="enabled")
    def state(self, endpoint: Endpoint) -> SafeString:
        return looks.of_endpoint(endpoint)

    @admin.display(description="Told of")
    def told_of(self, endpoint: Endpoint) -> str:
        alerts = ", ".join(kinds.label_of(kind) for kind in endpoint.kinds) or "all alerts"
        count = len(endpoint.events)
        told = [alerts] if endpoint.hears_alerts else []
        return " · ".join([*told, *([f"{count} event{'' if count == 1 else 's'}"] if count else [])])

    @admin.display(description="Last message taken", ordering="last_success_at")
    def last_taken(self, endpoint: Endpoint) -> str:
        return ago(endpoint.last_success_at)

    # One row: made, changed, tried, switched

    def to_change(self, request: HttpRequest, object_id: str) -> Endpoint:
        endpoint: Endpoint | None = self.get_object(request, object_id)
        if endpoint is None:
            raise Http404("There is no such webhook.")
        if request.method != "POST" or not self.has_change_permission(request, endpoint):
            raise PermissionDenied
        return endpoint

    @sensitive_variables("secret")
    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["name", "url", "hears_alerts", "kinds", "every_time", "events"])
            return
        made, secret = endpoints.make_endpoint(
            account=obj.account,
            name=obj.name,
            url=obj.url,
            kinds=obj.kinds,
            every_time=obj.every_time,
            hears_alerts=obj.hears_alerts,
            events=obj.events,
        )
        obj.pk = made.pk
        obj._state.adding = False
        request._secret_shown_once = secret  # type: ignore[attr-defined]

    @sensitive_variables("secret")
    def response_add(self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None) -> Any:
        return self.show_secret(request, obj, request._secret_shown_once, is_new=True)  # type: ignore[attr-defined]

    @sensitive_variables("secret")
    def show_secret(
        self, request: HttpRequest, endpoint: Endpoint, secret: str, *, is_new: bool
    ) -> HttpResponseBase:
        context = {
            **self.admin_site.each_context(request),
            "title": "The webhook’s secret",
            "opts": self.opts,
            "endpoint": endpoint,
            "secret": secret,
            "is_new": is_new,
        }
        response = TemplateResponse(request, "notices/secret_shown_once.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    @sensitive_variables("secret")
    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        endpoint = self.to_change(request, object_id)
        secret = endpoints.rotate_secret(endpoint)
        return self.show_secret(request, endpoint, secret, is_new=False)

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        endpoint = self.to_change(request, object_id)
        if not endpoint.enabled:
            self.message_user(request, "Switch it on first: nothing is sent while it is off.", messages.ERROR)
        else:
            endpoints.send_test(endpoint)
            self.message_user(
                request, "A test message is on its way. Reload this page to see the answer.", messages.SUCCESS
            )
        return redirect("admin:notices_endpoint_change", endpoint.pk)

    def switch_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        endpoint = self.to_change(request, object_id)
        on = request.POST.get("on") == "1"
        endpoints.switch(endpoint, on=on)
        words = "on: what waits is sent now" if on else "off: nothing is sent"
        self.message_user(request, f"“{endpoint.name}” is {words}.", messages.SUCCESS)
        return redirect("admin:notices_endpoint_change", endpoint.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its messages go with it, though nobody deletes those one by one."""
        found, counts, needed, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(needed) - {str(Delivery._meta.verbose_name)}, protected

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """One button only: what comes next is the page with the secret."""
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**only_save, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        endpoint = kwargs.get("obj")
        if endpoint is not None:
            context["deliveries"] = list(endpoint.deliveries.order_by("-pk")[:SHOWN])
            context["state"] = looks.of_endpoint(endpoint)
            context["may_change"] = self.has_change_permission(request, endpoint)
            context["both_sign"] = (
                endpoint.previous_until is not None and endpoint.previous_until > timezone.now()
            )
        return super().render_change_form(request, context, *args, **kwargs)

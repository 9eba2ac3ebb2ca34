"""Alerts: raised by the product, looked at by people."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.templatetags.shell import ago
from syncapp.notices import kinds
from syncapp.notices.admin import looks
from syncapp.notices.admin.filters import KindFilter, StateFilter
from syncapp.notices.admin.preferences import preferences_view
from syncapp.notices.door import resolve_alert
from syncapp.notices.models import Alert

SHOWN = 20


@admin.register(Alert)
class AlertAdmin(TenantAdmin):
    """Open ones first. A person may close one that nothing else will close; it opens again when it happens
    again.
    """

    add_role = change_role = delete_role = None
    resolve_role = Role.EDITOR
    list_display = ("what", "state", "kind_in_words", "since", "happened")
    list_filter = (StateFilter, KindFilter, "severity")
    list_filter_sheet = True
    list_before_template = "notices/alerts_intro.html"
    search_fields = ("title", "subject_label")
    actions = ("resolve",)
    change_form_outer_before_template = "notices/alert_top.html"
    change_form_outer_after_template = "notices/alert_after.html"
    fields = (
        "what",
        "state",
        "kind_in_words",
        "what_to_do",
        "first_at",
        "last_at",
        "times",
        "ended",
    )
    readonly_fields = fields
    empty_state = {
        "icon": "notifications",
        "title": "No alerts: nothing needs you",
        "next": "When something does, it is listed here, and you get an e-mail if you want one.",
    }

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return (F("resolved_at").desc(nulls_first=True), "-last_at", "-pk")

    def get_urls(self) -> list[Any]:
        own = path(
            "preferences/", self.admin_site.admin_view(preferences_view), name="notices_alert_preferences"
        )
        close = path(
            "<path:object_id>/resolve/",
            self.admin_site.admin_view(self.resolve_view),
            name="notices_alert_resolve",
        )
        return [own, *self.narrowed([close]), *super().get_urls()]

    @admin.display(description="What", ordering="title")
    def what(self, alert: Alert) -> SafeString:
        return format_html(
            '<span class="strong">{}</span><div class="quiet">{}</div>', alert.title, alert.subject_label
        )

    @admin.display(description="State", ordering="resolved_at")
    def state(self, alert: Alert) -> SafeString:
        return looks.of_alert(alert)

    @admin.display(description="Kind", ordering="kind")
    def kind_in_words(self, alert: Alert) -> str:
        return kinds.label_of(alert.kind)

    @admin.display(description="Since", ordering="first_at")
    def since(self, alert: Alert) -> str:
        return ago(alert.first_at)

    @admin.display(description="Happened", ordering="last_at")
    def happened(self, alert: Alert) -> str:
        return "once" if alert.times == 1 else f"{alert.times} times, last {ago(alert.last_at)}"

    @admin.display(description="What to do")
    def what_to_do(self, alert: Alert) -> str:
        return alert.words or "Open what it is about, and look."

    @admin.display(description="Resolved")
    def ended(self, alert: Alert) -> Any:
        return alert.resolved_at if alert.resolved_at is not None else "not yet"

    def resolve_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        alert = self.get_object(request, object_id)
        if alert is None:
            raise Http404("There is no such alert.")
        if request.method != "POST" or not self.has_resolve_permission(request, alert):
            raise PermissionDenied
        resolve_alert(account_id=alert.account_id, kind=alert.kind, subject=alert.subject)
        self.message_user(
            request, "Marked as resolved. What happens again is raised again.", messages.SUCCESS
        )
        return redirect("admin:notices_alert_changelist")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        alert = kwargs.get("obj")
        if alert is not None:
            context["may_resolve"] = alert.resolved_at is None and self.has_resolve_permission(request, alert)
            context["mails"] = list(alert.mails.select_related("user").order_by("-pk")[:SHOWN])
        return super().render_change_form(request, context, *args, **kwargs)

    def has_resolve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.resolve_role, obj)

    @admin.action(description="Mark the ticked alerts as resolved", permissions=["resolve"])
    def resolve(self, request: HttpRequest, rows: QuerySet[Alert]) -> None:
        closed = [
            resolve_alert(account_id=alert.account_id, kind=alert.kind, subject=alert.subject)
            for alert in rows.filter(resolved_at=None)
        ]
        self.message_user(
            request,
            f"Marked as resolved: {sum(closed)}. What happens again is raised again.",
            messages.SUCCESS,
        )

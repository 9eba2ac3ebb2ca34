"""Messages to webhooks, and what the receivers answered."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.templatetags.shell import ago
from syncapp.notices import endpoints
from syncapp.notices.admin import looks
from syncapp.notices.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(TenantAdmin):
    """Only looked at, and sent again."""

    view_role = resend_role = Role.MANAGER
    add_role = change_role = delete_role = None
    list_display = ("named", "endpoint", "look", "attempts", "answer", "made")
    list_filter = ("state", "endpoint")
    list_filter_sheet = True
    list_select_related = ("endpoint",)
    ordering = ("-pk",)
    actions = ("resend",)
    fields = (
        "endpoint",
        "type",
        "look",
        "message_id",
        "attempts",
        "answer",
        "next_attempt",
        "created_at",
        "sent",
    )
    readonly_fields = fields
    change_form_outer_after_template = "notices/delivery_after.html"
    empty_state = {
        "icon": "outgoing_mail",
        "title": "No messages yet",
        "next": "They appear when an alert is raised, or when you send a test from a webhook’s page.",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("endpoint__secrets")

    def get_urls(self) -> list[Any]:
        again = path(
            "<path:object_id>/again/",
            self.admin_site.admin_view(self.again_view),
            name="notices_delivery_again",
        )
        return [*self.narrowed([again]), *super().get_urls()]

    @admin.display(description="Message", ordering="type")
    def named(self, delivery: Delivery) -> str:
        return delivery.type

    @admin.display(description="State", ordering="state")
    def look(self, delivery: Delivery) -> SafeString:
        return looks.of_delivery(delivery)

    @admin.display(description="Answer", ordering="last_status")
    def answer(self, delivery: Delivery) -> str:
        if delivery.last_error:
            return delivery.last_error
        return str(delivery.last_status) if delivery.last_status is not None else "none yet"

    @admin.display(description="Next attempt", ordering="next_attempt_at")
    def next_attempt(self, delivery: Delivery) -> Any:
        return delivery.next_attempt_at if delivery.state == Delivery.State.WAITING else "none"

    @admin.display(description="Message")
    def sent(self, delivery: Delivery) -> SafeString:
        """As JSON to be read; sent without the line breaks."""
        try:
            body = json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False)
        except ValueError:
            body = delivery.body
        return format_html('<pre class="mono pretty">{}</pre>', body)

    @admin.display(description="Made", ordering="created_at")
    def made(self, delivery: Delivery) -> str:
        return ago(delivery.created_at)

    def has_resend_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.resend_role, obj)

    @admin.action(description="Send the ticked messages again", permissions=["resend"])
    def resend(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        for delivery in rows:
            endpoints.redeliver(delivery)
        self.message_user(request, "They are sent again, under the same webhook-id.", messages.SUCCESS)

    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        delivery = self.get_object(request, object_id)
        if delivery is None:
            raise Http404("There is no such message.")
        if request.method != "POST" or not self.has_resend_permission(request, delivery):
            raise PermissionDenied
        endpoints.redeliver(delivery)
        self.message_user(request, "It is sent again, under the same webhook-id.", messages.SUCCESS)
        return redirect("admin:notices_delivery_change", delivery.pk)

"""The log of calls in the admin: whoever sees the client sees that they were made; bodies are for managers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.templatetags.shell import ago
from syncapp.api.inspector import finding, showing
from syncapp.api.models import ApiCall


class OutcomeFilter(admin.SimpleListFilter):
    title = "answer"
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        statuses = [(status, status) for status in finding.OFFERED]
        return [("failed", "Only failures"), *statuses]

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        wanted = self.value()
        if wanted == "failed":
            return rows.filter(Q(status__gte=400) | Q(failed_items__gt=0))
        if wanted in finding.STATUSES:
            return rows.filter(status__range=finding.STATUSES[wanted])
        return rows.filter(status=int(wanted)) if wanted in finding.OFFERED else rows


@admin.register(ApiCall)
class ApiCallAdmin(TenantAdmin):
    """Only looked at."""

    class Media:
        css = {"all": ("api/keys.css",)}

    body_role = Role.MANAGER
    add_role = change_role = delete_role = None
    list_display = ("what", "system", "answer", "items", "took", "when")
    list_filter = ("key", OutcomeFilter)
    list_filter_sheet = True
    list_select_related = ("key",)
    search_fields = ("request_id__exact",)
    search_help_text = "A request id, as in X-Request-Id"
    ordering = ("-id",)
    fields = ("what", "key", "answer", "items", "took", "at", "request_id", "replay_of")
    readonly_fields = fields
    change_form_outer_after_template = "accounts/call_after.html"
    empty_state: ClassVar[dict[str, str] | None] = {
        "icon": "lan",
        "title": "No calls yet",
        "next": "They appear as soon as a system calls the API with one of the keys.",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("sealed", "key__secrets")

    @admin.display(description="Call")
    def what(self, call: ApiCall) -> SafeString:
        return format_html('<span class="mono">{} {}</span>', call.method, call.path)

    @admin.display(description="Key", ordering="key__label")
    def system(self, call: ApiCall) -> str:
        return str(call.key.label)

    @admin.display(description="Answer", ordering="status")
    def answer(self, call: ApiCall) -> SafeString:
        look = "bad" if call.status >= 400 else "warn" if call.has_failed else "good"
        return format_html('<span class="badge badge-{}">{}</span> {}', look, call.status, call.code)

    @admin.display(description="Items")
    def items(self, call: ApiCall) -> str:
        if call.received_items is None:
            return "–"
        failed = f", {call.failed_items:,} failed" if call.failed_items else ""
        return f"{call.received_items:,}{failed}"

    @admin.display(description="Took", ordering="took_ms")
    def took(self, call: ApiCall) -> str:
        return f"{call.took_ms:,.0f} ms"

    @admin.display(description="When", ordering="id")
    def when(self, call: ApiCall) -> str:
        return ago(call.at)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        call = kwargs.get("obj")
        if call is not None:
            context["title"] = f"{call.method} {call.path}"
            context["may_read"] = self.has_role(request, self.body_role, call)
            if context["may_read"]:
                context["shown"] = showing.masked(showing.show(call))
        return super().render_change_form(request, context, *args, **kwargs)

"""The calls made to ESPs: redacted, kept for 30 days, read only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connectors import look
from connectors.admin.tools import PagesAdmin
from connectors.models import Call, Run

PER_PAGE = 25


def last_calls(run: Run, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of a run's calls, newest first, by key."""
    rows = Call.objects.filter(run=run).order_by("-id")
    after = query.get("after", "")
    if after.isdecimal():
        rows = rows.filter(pk__lt=int(after[:18]))
    found = list(rows[: PER_PAGE + 1])
    more = len(found) > PER_PAGE
    page = reverse("admin:connectors_run_calls", args=[run.pk])
    return {
        "calls": found[:PER_PAGE],
        "next": f"{page}?after={found[PER_PAGE - 1].pk}" if more else "",
        "first": page if after else "",
    }


@admin.register(Call)
class CallAdmin(PagesAdmin):
    add_role = None
    change_role = None
    delete_role = None
    list_display = ["what", "connection", "answer", "duration", "people", "at_time"]
    list_filter = ["connection", "operation", "status"]
    list_select_related = ["connection"]
    ordering = ["-id"]
    empty_state: ClassVar[dict[str, str] | None] = {
        "icon": "lan",
        "title": "No calls yet",
        "next": "They appear as soon as something is sent; addresses and secrets are masked.",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("request", "response")

    @admin.display(description="Call")
    def what(self, row: Call) -> SafeString:
        return format_html('<span class="conn-mono">{} {}</span>', row.method, row.path)

    @admin.display(description="Answer", ordering="status")
    def answer(self, row: Call) -> SafeString:
        tone = "good" if row.status is not None and row.status < 400 else "bad"
        chip = format_html('<span class="conn-chip conn-{}">{}</span>', tone, row.status or "no answer")
        return format_html('{}<span class="conn-reason">{}</span>', chip, row.error) if row.error else chip

    @admin.display(description="Time", ordering="duration_ms")
    def duration(self, row: Call) -> str:
        return f"{look.number(row.duration_ms)} ms"

    @admin.display(description="When", ordering="id")
    def at_time(self, row: Call) -> Any:
        return look.when(row.at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        call = self.found(request, object_id)
        return TemplateResponse(
            request,
            "connectors/call/page.html",
            self.page_context(request, call, f"{call.method} {call.path}", call=call),
        )

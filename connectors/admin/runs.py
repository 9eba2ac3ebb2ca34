"""Runs: what was done, for whom, and why not for others. Read only: they are records."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connectors import look
from connectors.admin import runpage
from connectors.admin.calls import last_calls
from connectors.admin.goals import run_now
from connectors.admin.tools import PagesAdmin, View
from connectors.models import Run

TABS = (("summary", "Summary"), ("people", "People"), ("calls", "Calls"), ("settings", "Settings used"))


@admin.register(Run)
class RunAdmin(PagesAdmin):
    """Acting on a run (again) needs the rights of an editor; the run itself is never edited."""

    add_role = None
    delete_role = None
    list_display = ["status", "what", "trigger_words", "started", "took", "people", "result"]
    list_display_links = ["what"]
    list_filter = ["state", "trigger", "full", "goal__connection"]
    list_select_related = ["goal__connection"]
    ordering = ["-queued_at"]
    empty_state: ClassVar[dict[str, str] | None] = {
        "icon": "play_circle",
        "title": "No runs yet",
        "next": "They appear as soon as a connection is on and people change, or when you run a goal.",
    }

    def pages(self) -> list[tuple[str, str, View]]:
        return [
            ("people/", "run_people", self.people_view),
            ("calls/", "run_calls", self.calls_view),
            ("settings/", "run_settings", self.settings_view),
            ("progress/", "run_progress", self.progress_view),
            ("again/", "run_again", self.again_view),
        ]

    @admin.display(description="State", ordering="state")
    def status(self, row: Run) -> SafeString:
        return look.badge_with_reason(look.of_run(row))

    @admin.display(description="Goal", ordering="goal")
    def what(self, row: Run) -> SafeString:
        return format_html('{}<br><span class="conn-muted">{}</span>', row.goal.connection, row.goal)

    @admin.display(description="Trigger", ordering="trigger")
    def trigger_words(self, row: Run) -> SafeString:
        extra = format_html(' <span class="conn-chip">{}</span>', "full") if row.full else ""
        return format_html("{}{}", row.get_trigger_display(), extra)

    @admin.display(description="Started", ordering="queued_at")
    def started(self, row: Run) -> Any:
        return look.when(row.started_at or row.queued_at)

    @admin.display(description="Took")
    def took(self, row: Run) -> str:
        return look.lasted(row.started_at, row.finished_at)

    @admin.display(description="Checked", ordering="checked")
    def people(self, row: Run) -> str:
        return look.number(row.checked)

    @admin.display(description="Result")
    def result(self, row: Run) -> SafeString | str:
        return look.pairs(row)

    # The page of one

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        return self.page(request, object_id, "summary", lambda run: {"summary": runpage.summary(run)})

    def people_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.page(request, object_id, "people", lambda run: runpage.people(run, request.GET))

    def calls_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.page(request, object_id, "calls", lambda run: last_calls(run, request.GET))

    def settings_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.page(request, object_id, "settings", lambda run: {"used": runpage.settings_used(run)})

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The summary alone, fetched again while the run is open."""
        run = self.found(request, object_id)
        return TemplateResponse(
            request,
            "connectors/run/summary.html",
            {"run": run, "summary": runpage.summary(run), "tab": "summary"},
        )

    def page(self, request: HttpRequest, object_id: str, tab: str, values: Any) -> HttpResponse:
        run = self.found(request, object_id)
        context = self.page_context(
            request,
            run,
            f"Run of {run.goal}",
            run=run,
            goal=run.goal,
            connection=run.goal.connection,
            tab=tab,
            tabs=[(key, label, address(run, key)) for key, label in TABS],
            took=look.lasted(run.started_at, run.finished_at),
            **values(run),
        )
        return TemplateResponse(request, f"connectors/run/{tab}_page.html", context)

    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self.found(request, object_id, to_change=True)
        if request.method != "POST":
            return redirect(address(run, "summary"))
        return run_now(request, run.goal)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("goal__connection")


def address(run: Run, tab: str) -> str:
    name = "admin:connectors_run_change" if tab == "summary" else f"admin:connectors_run_{tab}"
    return reverse(name, args=[run.pk])

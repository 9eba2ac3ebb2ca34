"""Runs: what was done, for whom, and why not for others. Read only: they are records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from connectors import look
from connectors.admin import planpage, runpage
from connectors.admin.calls import last_calls
from connectors.admin.tools import PagesAdmin, View
from connectors.models import Run
from connectors.sync import runs
from connectors.sync.deciding import holding, steering
from connectors.sync.delivering import deadletters

TABS = (
    ("summary", "Summary"),
    ("plan", "Plan"),
    ("people", "People"),
    ("calls", "Calls"),
    ("settings", "Settings used"),
)


REFUSALS = (
    runs.CannotRun,
    steering.CannotCancel,
    steering.CannotUndo,
    deadletters.NobodyToReplay,
    holding.AlreadyDecided,
    holding.PlanChanged,
)


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
            ("plan/", "run_plan", self.plan_view),
            ("decide/", "run_decide", self.decide_view),
            ("cancel/", "run_cancel", self.cancel_view),
            ("undo/", "run_undo", self.undo_view),
            ("replay/", "run_replay", self.replay_view),
        ]

    @admin.display(description="State", ordering="state")
    def status(self, row: Run) -> SafeString:
        return look.badge_with_reason(look.of_run(row))

    @admin.display(description="Goal", ordering="goal")
    def what(self, row: Run) -> SafeString:
        return format_html('{}<br><span class="conn-muted">{}</span>', row.goal.connection, row.goal)

    @admin.display(description="Trigger", ordering="trigger")
    def trigger_words(self, row: Run) -> SafeString:
        kind = "dry" if row.dry else "full" if row.full else ""
        extra = format_html(' <span class="conn-chip">{}</span>', kind) if kind else ""
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
        return self.page(request, object_id, "summary", summary_values)

    def plan_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.page(request, object_id, "plan", lambda run: {"plan": planpage.shown(run)})

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
            {
                "run": run,
                "tab": "summary",
                "may_change": self.has_change_permission(request, run),
                **summary_values(run),
            },
        )

    def page(self, request: HttpRequest, object_id: str, tab: str, values: Any) -> HttpResponse:
        run = self.found(request, object_id)
        return self.shown(request, run, tab, **values(run))

    def shown(self, request: HttpRequest, run: Run, tab: str, **values: Any) -> HttpResponse:
        context = self.page_context(
            request,
            run,
            f"Run of {run.goal}",
            run=run,
            goal=run.goal,
            connection=run.goal.connection,
            tab=tab,
            tabs=[(key, label, address(run, key)) for key, label in TABS if key != "plan" or run.plan],
            took=look.lasted(run.started_at, run.finished_at),
            acts=runpage.acts(run),
            **values,
        )
        return TemplateResponse(request, f"connectors/run/{tab}_page.html", context)

    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self.found(request, object_id, to_change=True)
        if request.method != "POST":
            return redirect(address(run, "summary"))
        try:
            again = steering.run_again(run, request.user)  # type: ignore[arg-type]
        except runs.CannotRun as reason:
            messages.error(request, f"It cannot run: {reason}")
            return redirect(address(run, "summary"))
        return redirect(address(again, "summary"))

    # Decisions

    def decide_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve, dismiss or plan again a held run. The reason is asked for: it goes into the audit."""
        run = self.found(request, object_id, to_change=True)
        if request.method != "POST":
            return redirect(address(run, "plan"))
        decision, reason = request.POST.get("decision", ""), request.POST.get("reason", "").strip()
        if decision in ("approve", "dismiss") and not reason:
            return self.shown(
                request,
                run,
                "plan",
                plan=planpage.shown(run),
                decision_error="Say in a few words why: whoever looks at this run later will ask.",
            )
        try:
            said = decide(run, request.user, decision, request.POST.get("plan_hash", ""), reason)
        except REFUSALS as refused:
            messages.error(request, str(refused))
            return redirect(address(run, "plan"))
        messages.success(request, said)
        return redirect(address(run, "summary"))

    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, lambda run: steering.cancel(run, request.user))  # type: ignore[arg-type]

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        reason = request.POST.get("reason", "").strip()
        return self.act(request, object_id, lambda run: steering.undo(run, request.user, reason))  # type: ignore[arg-type]

    def replay_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user: Any = request.user
        return self.act(request, object_id, lambda run: deadletters.replay(run.goal, user, failed_in=run))

    def act(self, request: HttpRequest, object_id: str, do: Callable[[Run], Run]) -> HttpResponse:
        """Do it and go to the run that does it, or say why not."""
        run = self.found(request, object_id, to_change=True)
        if request.method == "POST":
            try:
                run = do(run)
            except REFUSALS as reason:
                messages.error(request, str(reason))
        return redirect(address(run, "summary"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("goal__connection")


def summary_values(run: Run) -> dict[str, Any]:
    """A run that is held, or only looked, shows its plan in place of counters."""
    if run.plan and (run.dry or run.state == Run.State.HELD):
        return {"plan": planpage.shown(run)}
    return {"summary": runpage.summary(run)}


def decide(run: Run, user: Any, decision: str, plan_hash: str, reason: str) -> str:
    """Carry the decision out; what to tell the person."""
    if decision == "approve":
        holding.approve(run, user, plan_hash, reason)
        return "Approved: it is planned once more, and sent if nothing changed meanwhile."
    if decision == "dismiss":
        holding.dismiss(run, user, reason)
        return "Dismissed: nothing was sent. The next run is planned anew."
    holding.plan_again(run)
    return "It is being planned again."


def address(run: Run, tab: str) -> str:
    name = "admin:connectors_run_change" if tab == "summary" else f"admin:connectors_run_{tab}"
    return reverse(name, args=[run.pk])

"""Pages of a goal's reconciliations: read the list back, look at what differs, have it repaired."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from connectors.admin import reconciliationpage
from connectors.admin.tools import PagesAdmin, View
from connectors.esp import registry
from connectors.models import Goal, Reconciliation
from connectors.sync.reconciling import reconcile, repairing


class Reconciles(PagesAdmin):
    """For the admin of goals."""

    def reconciliation_pages(self) -> list[tuple[str, str, View]]:
        return [
            ("reconciliation/", "goal_reconciliation", self.reconciliation_view),
            ("reconciliation/progress/", "goal_reconciling", self.reconciling_view),
            ("reconciliation/found/", "goal_reconciled", self.reconciled_view),
            ("reconciliation/repair/", "goal_repair", self.repair_view),
        ]

    def reconciliation_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page; a POST reads the list back now."""
        goal = self.found(request, object_id, to_change=request.method == "POST")
        if request.method == "POST":
            return self.reconcile_now(request, goal)
        values = self.reconciliation_values(request, goal)
        return TemplateResponse(request, "connectors/reconciliation/page.html", values)

    def reconciling_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part of the page that changes while the list is read."""
        goal = self.found(request, object_id)
        values = self.reconciliation_values(request, goal)
        return TemplateResponse(request, "connectors/reconciliation/live.html", values)

    def reconciliation_values(self, request: HttpRequest, goal: Goal) -> dict[str, Any]:
        values = reconciliationpage.page(goal)
        reading = values["reading"]
        return self.page_context(
            request,
            goal,
            f"Compared with the ESP: {goal}",
            goal=goal,
            connection=goal.connection,
            spec=registry.get(goal.connection.connector).spec,
            obstacle=reconcile.obstacle(goal),
            reading_words=reconciliationpage.reading_words(reading) if reading is not None else "",
            **values,
        )

    def reconcile_now(self, request: HttpRequest, goal: Goal) -> HttpResponse:
        user: Any = request.user
        try:
            reconcile.queue(goal, trigger=Reconciliation.Trigger.MANUAL, requested_by=user)
        except reconcile.CannotReconcile as reason:
            messages.error(request, f"The list cannot be read back: {reason}")
        return redirect(page_of(goal))

    def reconciled_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id)
        values = reconciliationpage.people(goal, request.GET)
        context = self.page_context(
            request,
            goal,
            f"{values['chosen_words']}: {goal}",
            goal=goal,
            connection=goal.connection,
            **values,
        )
        return TemplateResponse(request, "connectors/reconciliation/people.html", context)

    def repair_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id, to_change=True)
        if request.method == "POST":
            self.repair(request, goal)
        return redirect(page_of(goal))

    def repair(self, request: HttpRequest, goal: Goal) -> None:
        user: Any = request.user
        written = request.POST.get("reconciliation", "")
        chosen = goal.reconciliations.filter(pk=int(written[:18])).first() if written.isdecimal() else None
        try:
            if chosen is None:
                raise repairing.CannotRepair("There is a newer reconciliation: repair what that one found.")
            repairing.repair(chosen, user, request.POST.getlist("kind"), request.POST.get("reason", ""))
        except repairing.CannotRepair as reason:
            messages.error(request, str(reason))
        else:
            messages.success(
                request,
                "The repair is being prepared; its run is held until somebody has looked at its plan.",
            )


def page_of(goal: Goal) -> str:
    return reverse("admin:connectors_goal_reconciliation", args=[goal.pk])

"""What can be done with a goal besides changing it: look, pause, try one person, try failed ones again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from audiences.models import Profile
from connectors import look
from connectors.admin import failed
from connectors.admin.people import profiles_at
from connectors.admin.tools import PagesAdmin, View, given
from connectors.esp.errors import ConnectorError
from connectors.models import Goal, Run
from connectors.sync import runs
from connectors.sync.deciding import steering
from connectors.sync.delivering import deadletters, trying

MOST_FOUND = 8


class GoalActs(PagesAdmin):
    def act_pages(self) -> list[tuple[str, str, View]]:
        return [
            ("dry/", "goal_dry", self.dry_view),
            ("pause/", "goal_pause", self.pause_view),
            ("failed/", "goal_failed", self.failed_view),
            ("replay/", "goal_replay", self.replay_view),
            ("try/", "goal_try", self.try_view),
        ]

    def dry_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Plan everybody and send nobody."""

        def plan(goal: Goal) -> Run:
            user: Any = request.user
            return runs.queue_full_run(goal, trigger=Run.Trigger.MANUAL, requested_by=user, dry=True)

        return self.run_by(request, object_id, plan)

    def pause_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id, to_change=True)
        if request.method == "POST":
            if goal.enabled:
                steering.pause(goal, request.user)  # type: ignore[arg-type]
                messages.success(
                    request, "Paused: nothing is sent, and changes are caught up on when it goes on."
                )
            else:
                steering.resume(goal, request.user)  # type: ignore[arg-type]
                messages.success(request, "It goes on; what changed meanwhile is caught up on.")
        return redirect(page_of(goal))

    def failed_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id)
        context = self.page_context(
            request, goal, f"Failed people: {goal}", goal=goal, **failed.page_of(goal, request.GET)
        )
        return TemplateResponse(request, "connectors/goal/failed.html", context)

    def replay_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One person, one class, or everybody; a post that names none of these does nothing."""
        posted = request.POST

        def again(goal: Goal) -> Run:
            person = given(posted, "person")
            if person.isdecimal():
                return deadletters.replay(goal, request.user, profile_ids=[int(person[:18])])  # type: ignore[arg-type]
            if given(posted, "error_class"):
                return deadletters.replay(
                    goal,
                    request.user,  # type: ignore[arg-type]
                    error_class=given(posted, "error_class"),
                    error_code=given(posted, "code"),
                )
            if posted.get("all") == "1":
                return deadletters.replay(goal, request.user)  # type: ignore[arg-type]
            raise runs.CannotRun("Choose whom to try again.")

        return self.run_by(request, object_id, again, otherwise="admin:connectors_goal_failed")

    def run_by(
        self,
        request: HttpRequest,
        object_id: str,
        act: Callable[[Goal], Run],
        otherwise: str = "admin:connectors_goal_change",
    ) -> HttpResponse:
        """Go to the run that does it; or say why there is none."""
        goal = self.found(request, object_id, to_change=True)
        if request.method == "POST":
            try:
                return redirect(reverse("admin:connectors_run_change", args=[act(goal).pk]))
            except runs.CannotRun as reason:
                messages.error(request, f"It cannot run: {reason}")
            except deadletters.NobodyToReplay as reason:
                messages.error(request, str(reason))
        return redirect(reverse(otherwise, args=[goal.pk]))

    def try_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One person: what would be sent, exactly; then, if asked, send it and show the answer."""
        goal = self.found(request, object_id, to_change=True)
        values: dict[str, Any] = {"search": given(request.GET, "q").strip(), "found": []}
        person = given(request.GET, "person") or given(request.POST, "person")
        profile = Profile.objects.filter(pk=int(person[:18])).first() if person.isdecimal() else None
        if profile is not None:
            values |= {"person": profile, **tried(request, goal, profile)}
        elif values["search"]:
            values["found"] = list(Profile.objects.filter(pk__in=profiles_at(values["search"]))[:MOST_FOUND])
        context = self.page_context(
            request, goal, f"Test with a person: {goal}", goal=goal, connection=goal.connection, **values
        )
        return TemplateResponse(request, "connectors/goal/try.html", context)


def tried(request: HttpRequest, goal: Goal, profile: Profile) -> dict[str, Any]:
    """What would be sent; once asked to send it, the answer too."""
    try:
        if request.method == "POST" and request.POST.get("send") == "1":
            answer = trying.send(goal, profile, request.user)  # type: ignore[arg-type]
            return {
                "preview": answer.preview,
                "answer": answer,
                "said": look.of_outcome(answer.outcome, answer.words),
            }
        return {"preview": trying.preview(goal, profile)}
    except runs.CannotRun as reason:
        return {"problem": f"It cannot be tried: {reason}"}
    except ConnectorError as error:
        return {"problem": f"{error} {error.act_by.words}"}


def page_of(goal: Goal) -> str:
    return reverse("admin:connectors_goal_change", args=[goal.pk])

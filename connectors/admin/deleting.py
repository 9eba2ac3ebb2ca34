"""Deleting a goal or a connection: said in words first, as it forgets whom we put on a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from connectors import look
from connectors.admin.tools import PagesAdmin
from connectors.models import Connection, Flight, Goal, Run, Subscriber
from connectors.sync import runs

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class OnList:
    """A list, and how many people we put on it, as far as they were counted."""

    name: str
    people: int

    @property
    def words(self) -> str:
        if self.people > MOST_COUNTED:
            return f"more than {look.number(MOST_COUNTED)} people"
        return "1 person" if self.people == 1 else f"{look.number(self.people)} people"


def people_put(goal: Goal) -> OnList:
    put = Subscriber.objects.filter(goal=goal).exclude(accepted_hash=None).order_by()
    return OnList(goal.list_name or goal.name, len(put.values_list("profile_id")[: MOST_COUNTED + 1]))


class DeletesInWords(PagesAdmin):
    """The page says what is forgotten and stays; with people on a list the name has to be typed."""

    def goals_of(self, row: Any) -> list[Goal]:
        raise NotImplementedError

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deletion by ticking: the page of one row says first what it means."""
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        row = self.found(request, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        goals = self.goals_of(row)
        lists = [put for put in map(people_put, goals) if put.people]
        typed = request.POST.get("name", "").strip()
        refused = ""
        if request.method == "POST":
            if lists and typed != str(row).strip():
                refused = f"Type the name exactly as it is written: {row}"
            elif self.delete_unless_sending(row, goals):
                messages.success(request, f"“{row}” is deleted. Nothing was changed at the ESP.")
                return redirect(self.after_delete(row))
            else:
                refused = "People are being sent at this moment. Try again in a minute."
        return TemplateResponse(
            request,
            "connectors/delete.html",
            self.page_context(
                request,
                row,
                f"Delete {row}?",
                kind=self.opts.verbose_name,
                lists=lists,
                run_count=Run.objects.filter(goal__in=goals).count(),
                goals=goals,
                refused=refused,
                typed=typed,
                back=reverse(f"admin:connectors_{self.opts.model_name}_change", args=[row.pk]),
                subtitle=None,
            ),
        )

    @transaction.atomic
    def delete_unless_sending(self, row: Any, goals: list[Goal]) -> bool:
        """False while a batch is on its way: its outcome would have nowhere to go."""
        for goal in sorted(goals, key=lambda goal: goal.pk):
            runs.lock(goal)
        if Flight.objects.filter(goal__in=goals).exists():
            return False
        row.delete()
        return True

    def after_delete(self, row: Any) -> str:
        if isinstance(row, Goal):
            return reverse("admin:connectors_connection_change", args=[row.connection_id])
        return reverse(f"admin:connectors_{Connection._meta.model_name}_changelist")

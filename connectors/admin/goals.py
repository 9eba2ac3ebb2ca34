"""What a connection moves: the list, the audiences, the fields; run it, and see who is on the list and why."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from audiences.models import Audience
from connectors import look
from connectors.admin import people, runchart, when, whenpage
from connectors.admin.choices import stored_first
from connectors.admin.deleting import DeletesInWords
from connectors.admin.fieldrows import AtEsp, FieldRows, create_field, look_up
from connectors.admin.goalacts import GoalActs
from connectors.admin.reconciliation import Reconciles
from connectors.admin.tools import View
from connectors.esp import registry
from connectors.models import Goal, Run
from connectors.sync import runs
from connectors.sync.delivering import deadletters
from connectors.sync.planning.plan import goals_of_same_list
from connectors.sync.watching import scheduling
from connectors.wizard import goals
from syncapp.admin.forms import TenantForm

LAST_RUNS = 8


class GoalForm(TenantForm):
    """`for_goal` adds the list's choices and one select per field of the list."""

    audience_choice: Any = forms.ModelMultipleChoiceField(
        label="Audiences",
        queryset=None,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Everybody in one of these who agreed to be mailed.",
    )
    rows: FieldRows
    list_names: dict[str, str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "audience_choice" not in self.fields:
            return  # to be looked at only
        audiences = cast(Any, self.fields["audience_choice"])
        audiences.queryset = Audience.objects.filter(deleted_at=None)
        self.initial["audience_choice"] = list(
            self.instance.audience_links.values_list("audience_id", flat=True)
        )

    def clean_list_id(self) -> str:
        chosen = str(self.cleaned_data["list_id"])
        stored = Goal.objects.values_list("list_id", flat=True).get(pk=self.instance.pk)
        if chosen != stored and goals.has_people_on_list(self.instance):
            raise forms.ValidationError(
                "People were put on this list, and must be taken off it again when they leave: the goal stays with it. "
                "Use “Copy for another list”."
            )
        self.instance.list_name = self.list_names.get(chosen, self.instance.list_name if chosen else "")
        return chosen

    @classmethod
    def for_goal(cls, goal: Goal, at_esp: AtEsp, rows: FieldRows) -> type[GoalForm]:
        offered = [(found.id, found.name) for found in at_esp.lists or ()]
        lists = forms.ChoiceField(
            label="List",
            choices=stored_first(offered, goal.list_id, goal.list_name),
            required=False,
            widget=UnfoldAdminSelectWidget(),
            help_text=at_esp.problem or list_words(at_esp),
        )
        fields = {"rows": rows, "list_names": dict(offered), "list_id": lists, **rows.form_fields()}
        return type("GoalForm", (cls,), fields)


def list_words(at_esp: AtEsp) -> str:
    """What the list's own settings mean for us."""
    if at_esp.details is None:
        return "The client’s lists, asked just now."
    if at_esp.details.unsubscribe_reaches_all_lists:
        return "Careful: an unsubscribe on this list takes the person off every list of the client."
    if at_esp.details.confirmed_opt_in:
        return "New subscribers get an e-mail of the ESP to confirm first."
    return "An unsubscribe on this list concerns this list only."


@admin.register(Goal)
class GoalAdmin(GoalActs, Reconciles, DeletesInWords):
    list_display = ["status", "title", "connection", "list_name", "leavers"]
    list_display_links = ["title"]
    list_filter = ["enabled", "connection"]
    list_select_related = ["connection"]
    search_fields = ["name", "list_name"]
    change_form_outer_before_template = "connectors/goal/top.html"
    change_form_outer_after_template = "connectors/goal/after.html"
    empty_state: ClassVar[dict[str, str] | None] = {
        "icon": "flag_circle",
        "title": "No goals yet",
        "next": "Goals are added on the page of a connection.",
    }

    def pages(self) -> list[tuple[str, str, View]]:
        return [
            ("run/", "goal_run", self.run_view),
            ("copy/", "goal_copy", self.copy_view),
            ("fields/add/", "goal_field", self.field_view),
            ("people/", "goal_people", self.people_view),
            ("when/", "goal_when", self.when_view),
            ("when/next/", "goal_when_next", self.when_next_view),
            *self.act_pages(),
            *self.reconciliation_pages(),
        ]

    def goals_of(self, row: Goal) -> list[Goal]:
        return [row]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only from a connection's page."""
        return False

    @admin.display(description="Goal", ordering="name")
    def title(self, row: Goal) -> str:
        return row.name

    @admin.display(description="State", ordering="enabled")
    def status(self, row: Goal) -> SafeString:
        return look.badge_with_reason(look.of_goal(row))

    # The form

    def asked(self, request: HttpRequest, goal: Goal) -> tuple[AtEsp, FieldRows]:
        """The ESP's answers, asked once per request."""
        kept = getattr(request, "goal_at_esp", None)
        if kept is None:
            live = self.has_change_permission(request, goal)
            at_esp = look_up(goal) if live else AtEsp()
            kept = (at_esp, FieldRows(goal, at_esp.fields, suggest=not goal.mappings.exists()))
            request.goal_at_esp = kept  # type: ignore[attr-defined]
        return cast("tuple[AtEsp, FieldRows]", kept)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = GoalForm.for_goal(obj, *self.asked(request, obj))
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or not self.has_change_permission(request, obj):
            return [(None, {"fields": ["name", "list_name", "leavers", "enabled"]})]
        _, rows = self.asked(request, obj)
        return [
            (None, {"fields": ["name", "list_id", "audience_choice", "leavers", "enabled"]}),
            ("What fills each field of the list", {"fields": rows.names()}),
            (
                "When to hold and ask",
                {"fields": ["hold_first_run", "hold_changes", "removal_limit", "removal_percent"]},
            ),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        runs.lock(obj)
        obj.refresh_from_db(fields=["next_run_at", "last_scheduled_at"])  # it may have been started by now
        obj.parts_before = goals.parts_of(obj.pk)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        goal = form.instance
        goals.set_audiences(goal, form.cleaned_data["audience_choice"])
        goals.set_fields(goal, form.rows.chosen(form.cleaned_data))
        if "enabled" in form.changed_data:
            scheduling.plan_next([goal])
        for words in form.rows.clashes(form.cleaned_data):
            messages.warning(request, words)
        if goals.note_changes(goal.pk, goal.parts_before):
            messages.warning(
                request,
                "This changes what people get: run the goal, so that everybody is brought up to date.",
            )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        goal = self.get_object(request, object_id)
        values = {} if goal is None else self.page_values(request, goal)
        return super().change_view(request, object_id, form_url, {**values, **(extra_context or {})})

    def page_values(self, request: HttpRequest, goal: Goal) -> dict[str, Any]:
        may_change = self.has_change_permission(request, goal)
        last_runs = list(goal.runs.all()[: runchart.COLUMNS])
        return {
            "goal": goal,
            "connection": goal.connection,
            "spec": registry.get(goal.connection.connector).spec,
            "obstacle": runs.obstacle(goal),
            "objectives": [str(link) for link in goal.connection.objective_links.select_related("objective")],
            "audiences": list(goal.audiences.all()),
            "last_runs": last_runs[:LAST_RUNS],
            "chart": runchart.chart(last_runs),
            "creatable": self.asked(request, goal)[1].creatable() if may_change else [],
            "may_change": may_change,
            "when": when.kept_values(goal),
            "same_list": goals_of_same_list(goal) if goal.list_id else [],
            "has_failed": deadletters.dead(goal).exists(),
            "held": goal.runs.filter(state=Run.State.HELD).first(),
            "is_fixed": goals.has_people_on_list(goal),
        }

    # What it does

    def run_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id, to_change=True)
        if request.method != "POST":
            return redirect(reverse("admin:connectors_goal_change", args=[goal.pk]))
        return run_now(request, goal)

    def copy_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id, to_change=True)
        if request.method == "POST":
            with transaction.atomic():
                goal = goals.copy_for_another_list(goal)
            messages.success(request, "Copied: choose the list, then switch this goal on.")
        return redirect(reverse("admin:connectors_goal_change", args=[goal.pk]))

    def field_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id, to_change=True)
        if request.method == "POST":
            self.create_field(request, goal)
        return redirect(reverse("admin:connectors_goal_change", args=[goal.pk]))

    def create_field(self, request: HttpRequest, goal: Goal) -> None:
        before = goals.parts_of(goal.pk)
        answer = create_field(goal, request.POST.get("create_field", ""))
        goals.note_changes(goal.pk, before)
        if answer.value is None:
            messages.error(request, f"The field was not created: {answer.problem}")
        else:
            messages.success(
                request, f"The field “{answer.value.name}” was created and is filled from now on."
            )

    def people_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal = self.found(request, object_id)
        values = people.page_of(goal, request.GET)
        title = f"Who is on the list: {goal}"
        return TemplateResponse(
            request,
            "connectors/goal/people.html",
            self.page_context(request, goal, title, goal=goal, **values),
        )

    def when_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        goal: Goal = self.found(request, object_id, to_change=True)
        return whenpage.edit(self, request, goal)

    def when_next_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        goal: Goal = self.found(request, object_id, to_change=True)
        return whenpage.show_next(request, goal)


def run_now(request: HttpRequest, goal: Goal) -> HttpResponseRedirect:
    """Queue a full run and go to its page; or say why not."""
    try:
        run = runs.queue_full_run(goal, trigger=Run.Trigger.MANUAL, requested_by=request.user)  # type: ignore[arg-type]
    except runs.CannotRun as reason:
        messages.error(request, f"It cannot run: {reason}")
        return redirect(reverse("admin:connectors_goal_change", args=[goal.pk]))
    return redirect(reverse("admin:connectors_run_change", args=[run.pk]))

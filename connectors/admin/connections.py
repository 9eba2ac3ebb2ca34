"""One account's uses of ESPs: the list, and the page of one with what it does and who must act."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from audiences.models import Objective
from connectors import look
from connectors.admin import steps
from connectors.admin.choices import stored_first
from connectors.admin.deleting import DeletesInWords
from connectors.admin.tools import View
from connectors.esp import registry
from connectors.esp.contract import Can, Scope, Setting, Spec
from connectors.models import Authorization, Connection, Goal, Run
from connectors.wizard import goals
from connectors.wizard.remote import ask
from syncapp.admin.forms import TenantForm

SETTING = "setting_"
LAST_CALLS = 8


def own_settings(spec: Spec) -> list[Setting]:
    """Settings of one use of the connector; the client has a column of its own."""
    return [s for s in spec.settings if s.scope is Scope.CONNECTION and s.name != "client_id"]


class ConnectionForm(TenantForm):
    """`for_connection` adds the ESP's clients, asked live, and the connector's own settings."""

    objective_choice: Any = forms.ModelMultipleChoiceField(
        label="Objectives",
        queryset=None,  # per form: the scope is not known at import
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Only people who said yes to one of these are sent. Without any, it cannot run.",
    )
    spec: Spec
    client_names: dict[str, str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "authorization" not in self.fields:
            return  # to be looked at only
        objectives = cast(Any, self.fields["objective_choice"])
        objectives.queryset = Objective.objects.all()
        self.initial["objective_choice"] = list(
            self.instance.objective_links.values_list("objective_id", flat=True)
        )
        authorization = cast(Any, self.fields["authorization"])
        authorization.queryset = Authorization.objects.filter(connector=self.spec.key)
        for setting in own_settings(self.spec):
            self.initial[SETTING + setting.name] = self.instance.settings.get(setting.name, setting.default)

    def clean_client_id(self) -> str:
        chosen = str(self.cleaned_data["client_id"])
        if chosen != self.instance.client_id and any(
            map(goals.has_people_on_list, self.instance.goals.all())
        ):
            raise forms.ValidationError(
                "People were put on lists of the client there is. Set up another connection for another client."
            )
        self.instance.client_name = self.client_names.get(chosen, self.instance.client_name)
        return chosen

    def clean_objective_choice(self) -> Any:
        chosen = self.cleaned_data["objective_choice"]
        if self.instance.enabled and not chosen:
            raise forms.ValidationError("A connection that is on needs an objective: switch it off first.")
        return chosen

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        names = [setting.name for setting in own_settings(self.spec)]
        given = {name: cleaned[SETTING + name] for name in names if cleaned.get(SETTING + name)}
        self.instance.settings = {**self.instance.settings, **given}
        return cleaned

    @classmethod
    def for_connection(cls, spec: Spec, row: Connection, *, live: bool) -> type[ConnectionForm]:
        clients, problem = clients_of(row) if live else ([], "")
        fields: dict[str, Any] = {
            "spec": spec,
            "client_names": dict(clients),
            "client_id": forms.ChoiceField(
                label="ESP client",
                choices=stored_first(clients, row.client_id, row.client_name),
                required=False,
                widget=UnfoldAdminSelectWidget(),
                help_text=problem or "The clients these credentials reach, asked just now.",
            ),
        }
        for setting in own_settings(spec):
            fields[SETTING + setting.name] = forms.ChoiceField(
                label=setting.label,
                choices=setting.choices,
                required=False,
                widget=UnfoldAdminSelectWidget(),
                help_text=setting.help,
            )
        return type("ConnectionForm", (cls,), fields)


def clients_of(row: Connection) -> tuple[list[tuple[str, str]], str]:
    """(id, name) of the clients the credentials reach; with why not, in words, when the ESP gave none."""
    answer = ask(row.authorization, lambda connector: connector.clients(), row)
    if answer.value is None:
        return [], f"The clients could not be asked: {answer.problem} The stored one is kept."
    return [(client.id, client.name) for client in answer.value], ""


@admin.register(Connection)
class ConnectionAdmin(DeletesInWords):
    list_display = ["status", "title", "esp", "last_run", "last_result", "label_list", "on"]
    list_display_links = ["title"]
    list_filter = ["enabled", "state", "connector", "favourite"]
    search_fields = ["name", "description", "client_name"]
    ordering = ["-favourite", "name"]
    change_form_outer_before_template = "connectors/connection/top.html"
    change_form_outer_after_template = "connectors/connection/after.html"
    empty_state: ClassVar[dict[str, str] | None] = {
        "icon": "cable",
        "title": "No connections yet",
        "next": "Add one: eight short steps lead from credentials to the first run.",
        "act": "Set up a connection",
    }

    def pages(self) -> list[tuple[str, str, View]]:
        return [
            ("switch/", "connection_switch", self.switch_view),
            ("goals/add/", "goal_new", self.new_goal_view),
            ("setup/<slug:step>/", "setup", self.setup_view),
        ]

    def goals_of(self, row: Connection) -> list[Goal]:
        return list(row.goals.all())

    # The list

    @admin.display(description="State", ordering="state")
    def status(self, row: Connection) -> SafeString:
        missing = "" if row.is_ready else "Open it to go on."  # type: ignore[attr-defined]
        return look.badge_with_reason(look.of_connection(row, missing))

    @admin.display(description="Name", ordering="name")
    def title(self, row: Connection) -> SafeString | str:
        if not row.favourite:
            return row.name
        star = '{} <span class="material-symbols-outlined conn-star" title="Favourite">star</span>'
        return format_html(star, row.name)

    @admin.display(description="ESP", ordering="connector")
    def esp(self, row: Connection) -> SafeString:
        name = row.client_name or "no client chosen"
        return format_html(
            '<span class="conn-labels">{}<span>{}</span></span>', look.esp_badge(row.connector), name
        )

    @admin.display(description="Last run")
    def last_run(self, row: Connection) -> Any:
        run = self.run_of(row)
        return "Never" if run is None else look.when(run.queued_at)

    @admin.display(description="Last result")
    def last_result(self, row: Connection) -> SafeString | str:
        return look.pairs(self.run_of(row))

    @admin.display(description="Labels")
    def label_list(self, row: Connection) -> SafeString | str:
        labels = format_html_join(
            "", '<span class="conn-label">{}</span>', ((label,) for label in row.labels)
        )
        return format_html('<span class="conn-labels">{}</span>', labels) if row.labels else "–"

    @admin.display(description="On", ordering="enabled")
    def on(self, row: Connection) -> SafeString:
        tone, word = ("good", "On") if row.enabled else ("idle", "Off")
        return format_html('<span class="conn-dot conn-{}">{}</span>', tone, word)

    def run_of(self, row: Connection) -> Run | None:
        return cast("Run | None", getattr(row, "last_run_row", None))

    def get_queryset(self, request: HttpRequest) -> Any:
        latest = Run.objects.filter(goal__connection=OuterRef("pk")).order_by("-queued_at")
        return super().get_queryset(request).annotate(last_run_id=Subquery(latest.values("pk")[:1]))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page's last runs and readiness, read for all its rows at once."""
        listed = super().get_changelist_instance(request)
        rows = list(listed.result_list)
        runs = Run.objects.in_bulk([row.last_run_id for row in rows if row.last_run_id])
        ready = set(
            Goal.objects.filter(connection__in=rows, audience_links__isnull=False)
            .exclude(list_id="")
            .filter(connection__objective_links__isnull=False)
            .values_list("connection_id", flat=True)
        )
        for row in rows:
            row.last_run_row = runs.get(row.last_run_id)
            row.is_ready = row.pk in ready
        listed.result_list = rows
        return listed

    # The page of one

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            live = self.has_change_permission(request, obj)
            kept = getattr(request, "connection_form", None)
            if kept is None:
                spec = registry.get(obj.connector).spec
                kept = request.connection_form = ConnectionForm.for_connection(spec, obj, live=live)  # type: ignore[attr-defined]
            kwargs["form"] = kept
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        plain = ["name", "description", "labels", "favourite"]
        if obj is None or not self.has_change_permission(request, obj):
            return [(None, {"fields": plain})]
        spec = registry.get(obj.connector).spec
        sections = [
            (None, {"fields": ["name", "description"]}),
            ("Who may be sent", {"fields": ["objective_choice"]}),
            (
                spec.label,
                {"fields": ["authorization", *(["client_id"] if Can.READ_CLIENTS in spec.can else [])]},
            ),
            ("Order", {"fields": ["labels", "favourite"]}),
        ]
        advanced = [SETTING + setting.name for setting in own_settings(spec)]
        if advanced:
            sections.append(("Advanced", {"fields": advanced, "classes": ["collapse"]}))
        return sections

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "description":
            kwargs["widget"] = UnfoldAdminExpandableTextareaWidget(attrs={"rows": 2})
        if db_field.name == "labels":
            kwargs["widget"] = UnfoldAdminTextInputWidget()
            kwargs["help_text"] = "Separated by commas."
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = Connection.objects.values_list("settings", flat=True).get(pk=obj.pk)
        super().save_model(request, obj, form, change)
        goals.set_objectives(obj, form.cleaned_data["objective_choice"])
        if before != obj.settings:
            goals.resend_everything(obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        row = self.get_object(request, object_id)
        values = {} if row is None else self.page_values(request, row)
        return super().change_view(request, object_id, form_url, {**values, **(extra_context or {})})

    def page_values(self, request: HttpRequest, row: Connection) -> dict[str, Any]:
        missing = goals.what_is_missing(row)
        listed = list(row.goals.prefetch_related("audiences", "mappings"))
        for goal in listed:
            goal.last_run = goal.runs.first()  # type: ignore[attr-defined]
        return {
            "spec": registry.get(row.connector).spec,
            "state_look": look.of_connection(row, missing),
            "missing": missing,
            "goals": listed,
            "to_run": [goal for goal in listed if goal.needs_full_run and goal.enabled],
            "objectives": [str(link) for link in row.objective_links.select_related("objective")],
            "calls": list(row.calls.defer("request", "response")[:LAST_CALLS]),
            "may_change": self.has_change_permission(request, row),
            "show_save_and_add_another": False,
        }

    # What it does

    def switch_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.found(request, object_id, to_change=True)
        page = redirect(reverse("admin:connectors_connection_change", args=[row.pk]))
        if request.method != "POST":
            return page
        turn_on = request.POST.get("on") == "1"
        missing = goals.what_is_missing(row) if turn_on else ""
        if missing:
            messages.error(request, f"It cannot be switched on yet: {missing}")
            return page
        goals.switch(row, on=turn_on)
        if not turn_on:
            messages.success(
                request, "Switched off: nothing is sent or fetched. Changes are not followed meanwhile."
            )
        elif row.goals.filter(needs_full_run=True, enabled=True).exists():
            messages.warning(
                request, "Switched on. Changes were not followed while it was off: run its goals now."
            )
        else:
            messages.success(request, "Switched on: changes are followed from now on.")
        return page

    def new_goal_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.found(request, object_id, to_change=True)
        if request.method != "POST":
            return redirect(reverse("admin:connectors_connection_change", args=[row.pk]))
        goal = Goal.objects.create(
            account_id=row.account_id,
            connection=row,
            name=goals.free_name(row, "Export"),
            position=row.goals.count(),
        )
        return redirect(reverse("admin:connectors_goal_change", args=[goal.pk]))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Adding is the first step of the set-up."""
        return super().add_view(request, form_url, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        if object_id is None:
            return steps.begin(self, request)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def setup_view(self, request: HttpRequest, object_id: str, step: str) -> Any:
        return steps.show(self, request, self.found(request, object_id, to_change=True), step)

"""The steps of the set-up: what each asks, and what it keeps."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from audiences.models import Audience, Objective
from connectors.admin import credentials
from connectors.admin.choices import stored_first
from connectors.admin.fieldrows import FieldRows, create_field, look_up
from connectors.admin.when import WhenForm, form_values, kept_values
from connectors.esp import registry
from connectors.esp.contract import Spec
from connectors.models import Authorization, Connection, Goal, Run
from connectors.sync import runs
from connectors.wizard import goals
from connectors.wizard.credentials import note_works
from connectors.wizard.mapping import source_words
from connectors.wizard.remote import ask
from connectors.wizard.when import set_when
from syncapp.accounts import access
from syncapp.accounts.models import Membership

NEW = "new"
Data = QueryDict | None


class Step:
    """`form` makes the step's form; `save` keeps what a valid one says and may name the page to go to."""

    slug: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    lead: ClassVar[str] = ""

    def __init__(self, request: HttpRequest, connection: Connection) -> None:
        self.request = request
        self.connection = connection

    @property
    def template(self) -> str:
        return f"connectors/setup/{self.slug}.html"

    @property
    def goal(self) -> Goal | None:
        """The goal that the set-up makes: the connection's first."""
        return self.connection.goals.first() if self.connection.pk else None

    def obstacle(self) -> tuple[str, str] | None:
        """(the step to do first, in words why), when this one cannot be done yet."""
        return None

    def form(self, data: Data) -> forms.Form:
        raise NotImplementedError

    def save(self, form: Any) -> str | None:
        raise NotImplementedError

    def values(self, form: Any) -> dict[str, Any]:
        """What the template needs besides."""
        return {}


class AuthorizationForm(forms.Form):
    """An authorization there is, or a new one whose credentials the ESP accepts."""

    authorization = forms.ChoiceField(
        widget=forms.RadioSelect, error_messages={"required": "Choose one, or give new credentials."}
    )
    label = forms.CharField(
        label="How you call it", max_length=100, required=False, widget=UnfoldAdminTextInputWidget()
    )

    def __init__(self, *args: Any, spec: Spec, connection: Connection, may_add: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spec, self.connection = spec, connection
        self.held = list(Authorization.objects.filter(connector=spec.key).defer("secrets"))
        choices = [(str(row.pk), row.label) for row in self.held]
        field = self.fields["authorization"]
        field.choices = [*choices, *([(NEW, "New credentials")] if may_add else [])]  # type: ignore[attr-defined]
        if len(self.fields["authorization"].choices) == 1:  # type: ignore[attr-defined]
            field.initial = field.choices[0][0]  # type: ignore[attr-defined]
        if connection.authorization_id:
            field.initial = str(connection.authorization_id)
        self.fields["label"].initial = spec.label
        for name, extra in credentials.fields_of(spec).items():
            extra.required = False
            self.fields[name] = extra

    def setting_fields(self) -> list[Any]:
        return [self[name] for name in credentials.names_of(self.spec)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("authorization") == NEW and not self.errors:
            self.check_new(cleaned)
        return cleaned

    def check_new(self, cleaned: dict[str, Any]) -> None:
        for setting in credentials.settings_of(self.spec):
            if setting.required and not cleaned.get(credentials.PREFIX + setting.name):
                self.add_error(credentials.PREFIX + setting.name, "Give this one.")
        label = cleaned.get("label") or self.spec.label
        if Authorization.objects.filter(label=label).exists():
            self.add_error("label", "Another authorization of this client has this name.")
        if self.errors:
            return
        self.made = Authorization(
            account_id=self.connection.account_id,
            connector=self.spec.key,
            label=label,
            secrets=credentials.secrets_from(self.spec, cleaned),  # type: ignore[misc]
            secrets_set_at=timezone.now(),
        )
        answer = ask(self.made, lambda connector: connector.check_credentials())
        if not answer.came:
            self.add_error(None, f"{self.spec.label} was asked: {answer.problem}")


class AuthorizationStep(Step):
    slug = "authorization"
    title = "Authorization"
    question = "With which credentials?"
    lead = "Credentials are kept once and may serve several connections. They are encrypted and never shown again."

    def spec(self) -> Spec:
        known = dict(registry.choices())
        key = self.connection.connector or self.request.GET.get("connector", "")
        return registry.get(key if key in known else next(iter(known))).spec

    def may_add(self) -> bool:
        return access.of(self.request).may(Membership.Role.MANAGER, self.connection.account_id)

    def form(self, data: Data) -> forms.Form:
        return AuthorizationForm(data, spec=self.spec(), connection=self.connection, may_add=self.may_add())

    def save(self, form: Any) -> str | None:
        chosen = form.cleaned_data["authorization"]
        if chosen == NEW:
            authorization = form.made
            authorization.save()
            note_works(authorization)
        else:
            authorization = next(row for row in form.held if str(row.pk) == chosen)
        if self.connection._state.adding:
            self.connection.connector = authorization.connector
            taken = set(Connection.objects.values_list("name", flat=True))
            self.connection.name = goals.first_free(self.spec().label, taken)
        self.connection.authorization = authorization
        self.connection.save()
        return None

    def values(self, form: Any) -> dict[str, Any]:
        connectors = [(key, registry.get(key).spec) for key, _ in registry.choices()]
        return {"may_add": self.may_add(), "connectors": connectors, "NEW": NEW}


class ChoiceForm(forms.Form):
    """One of what the ESP offers."""

    choice = forms.ChoiceField(widget=forms.RadioSelect, error_messages={"required": "Choose one."})

    def __init__(self, *args: Any, choices: list[tuple[str, str]], stored: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["choice"]
        field.choices = choices  # type: ignore[attr-defined]
        field.initial = stored or (choices[0][0] if len(choices) == 1 else None)


class ClientStep(Step):
    slug = "client"
    title = "Client"
    question = "Which client at the ESP?"
    lead = (
        "These are the clients the credentials reach, asked just now. One connection works for one of them."
    )

    def __init__(self, request: HttpRequest, connection: Connection) -> None:
        super().__init__(request, connection)
        self.problem = ""

    def form(self, data: Data) -> forms.Form:
        connection = self.connection
        answer = ask(connection.authorization, lambda connector: connector.clients(), connection)
        self.problem = answer.problem
        offered = [(client.id, client.name) for client in answer.value or ()]
        choices = stored_first(offered, connection.client_id, connection.client_name)[1:]
        return ChoiceForm(data, choices=choices, stored=connection.client_id)

    def save(self, form: Any) -> str | None:
        chosen = form.cleaned_data["choice"]
        if chosen != self.connection.client_id:
            self.forget_list()
        self.connection.client_id = chosen
        self.connection.client_name = dict(form.fields["choice"].choices)[chosen].removesuffix(" (stored)")
        self.connection.save()
        return None

    def forget_list(self) -> None:
        """A list belongs to a client; one that people were put on stays (goals refuse to move then)."""
        for goal in self.connection.goals.all():
            if not goals.has_people_on_list(goal):
                Goal.objects.filter(pk=goal.pk).update(list_id="", list_name="")

    def values(self, form: Any) -> dict[str, Any]:
        return {"problem": self.problem}


class ListStep(Step):
    slug = "list"
    title = "List"
    question = "Onto which list?"
    lead = "People are added to this list, and taken off it again by your rule for leavers (next step)."

    def __init__(self, request: HttpRequest, connection: Connection) -> None:
        super().__init__(request, connection)
        self.problem = ""

    def obstacle(self) -> tuple[str, str] | None:
        return None if self.connection.client_id else ("client", "Choose the client first.")

    def form(self, data: Data) -> forms.Form:
        goal, connection = self.goal, self.connection
        answer = ask(
            connection.authorization, lambda connector: connector.lists(connection.client_id), connection
        )
        self.problem = answer.problem
        offered = [(found.id, found.name) for found in answer.value or ()]
        stored, name = (goal.list_id, goal.list_name) if goal else ("", "")
        return ChoiceForm(data, choices=stored_first(offered, stored, name)[1:], stored=stored)

    def save(self, form: Any) -> str | None:
        chosen = form.cleaned_data["choice"]
        name = dict(form.fields["choice"].choices)[chosen].removesuffix(" (stored)")
        goal = self.goal
        if goal is None:
            goal = Goal(
                account_id=self.connection.account_id,
                connection=self.connection,
                name=f"Export to {name}"[:100],
            )
        elif goal.list_id != chosen and goals.has_people_on_list(goal):
            messages.error(self.request, "People were put on the list there is: add a goal for another list.")
            return None
        before = goals.parts_of(goal.pk) if goal.pk else None
        goal.list_id, goal.list_name = chosen, name
        goal.save()
        if before is not None:
            goals.note_changes(goal.pk, before)
        return None

    def values(self, form: Any) -> dict[str, Any]:
        return {"problem": self.problem}


class AudiencesForm(forms.Form):
    audiences: Any = forms.ModelMultipleChoiceField(
        queryset=None,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one audience."},
    )
    leavers = forms.ChoiceField(choices=Goal.Leavers.choices, widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["audiences"].queryset = Audience.objects.filter(deleted_at=None)  # type: ignore[attr-defined]


class GoalStep(Step):
    """A step about the goal: there must be one with a list."""

    def obstacle(self) -> tuple[str, str] | None:
        goal = self.goal
        return None if goal is not None and goal.list_id else ("list", "Choose the list first.")

    def made_goal(self) -> Goal:
        goal = self.goal
        assert goal is not None  # noqa: S101  obstacle() was asked
        return goal


class AudiencesStep(GoalStep):
    slug = "audiences"
    title = "Audiences"
    question = "Who is put on the list?"
    lead = "Everybody in one of these audiences who agreed to be mailed."

    def form(self, data: Data) -> forms.Form:
        goal = self.made_goal()
        held = list(goal.audience_links.values_list("audience_id", flat=True))
        return AudiencesForm(data, initial={"audiences": held, "leavers": goal.leavers})

    def save(self, form: Any) -> str | None:
        goal = self.made_goal()
        before = goals.parts_of(goal.pk)
        goals.set_audiences(goal, form.cleaned_data["audiences"])
        goal.leavers = form.cleaned_data["leavers"]
        goal.save(update_fields=["leavers"])
        goals.note_changes(goal.pk, before)
        return None


class ObjectivesForm(forms.Form):
    objectives: Any = forms.ModelMultipleChoiceField(
        queryset=None,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one: without it nobody has agreed to be mailed."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["objectives"].queryset = Objective.objects.all()  # type: ignore[attr-defined]


class ObjectivesStep(GoalStep):
    slug = "objectives"
    title = "Objectives"
    question = "What must people have agreed to?"
    lead = (
        "Only people who said yes to at least one of these are sent. Who never answered is not sent; who withdraws "
        "is unsubscribed."
    )

    def form(self, data: Data) -> forms.Form:
        held = list(self.connection.objective_links.values_list("objective_id", flat=True))
        return ObjectivesForm(data, initial={"objectives": held})

    def save(self, form: Any) -> str | None:
        goals.set_objectives(self.connection, form.cleaned_data["objectives"])
        return None


class FieldsStep(GoalStep):
    slug = "fields"
    title = "Fields"
    question = "What is sent of each person?"
    lead = "The e-mail address always goes along. Choose what fills each field of the list; equal names are suggested."

    def form(self, data: Data) -> forms.Form:
        goal = self.made_goal()
        self.at_esp = look_up(goal)
        self.rows = FieldRows(goal, self.at_esp.fields, suggest=not goal.mappings.exists())
        form = forms.Form(data)
        form.fields.update(self.rows.form_fields())
        return form

    def save(self, form: Any) -> str | None:
        goal = self.made_goal()
        before = goals.parts_of(goal.pk)
        goals.set_fields(goal, self.rows.chosen(form.cleaned_data))
        key = self.request.POST.get("create_field", "")
        after = self.create(goal, key) if key else None
        goals.note_changes(goal.pk, before)
        for words in self.rows.clashes(form.cleaned_data):
            messages.warning(self.request, words)
        return after

    def create(self, goal: Goal, key: str) -> str:
        answer = create_field(goal, key)
        if answer.value is not None:
            messages.success(
                self.request, f"The field “{answer.value.name}” was created and is filled from now on."
            )
        else:
            messages.error(self.request, f"The field was not created: {answer.problem}")
        return reverse("admin:connectors_setup", args=[self.connection.pk, self.slug])

    def values(self, form: Any) -> dict[str, Any]:
        pairs = zip(self.rows.names(), self.rows.rows, strict=True)
        return {
            "problem": self.at_esp.problem,
            "rows": [(row, form[name]) for name, row in pairs],
            "creatable": self.rows.creatable(),
        }


class WhenStep(GoalStep):
    slug = "when"
    title = "When"
    question = "When does it run?"
    lead = "Changes can be followed at once; a schedule looks at everybody again from time to time."

    def form(self, data: Data) -> forms.Form:
        return WhenForm(data, goal=self.made_goal())

    def save(self, form: Any) -> str | None:
        set_when(form.goal, form.cleaned_when)
        return None

    def values(self, form: Any) -> dict[str, Any]:
        return form_values(form.goal, form)


class RecapForm(forms.Form):
    name = forms.CharField(
        label="Name of the connection", max_length=100, widget=UnfoldAdminTextInputWidget()
    )
    run_now = forms.BooleanField(label="Run now", required=False, initial=True)

    def __init__(self, *args: Any, connection: Connection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.fields["name"].initial = connection.name

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if Connection.objects.filter(name=name).exclude(pk=self.connection.pk).exists():
            raise forms.ValidationError("Another connection of this client has this name.")
        return name

    def clean(self) -> dict[str, Any]:
        missing = goals.what_is_missing(self.connection)
        if missing:
            raise forms.ValidationError(missing)
        return super().clean() or self.cleaned_data


class RecapStep(GoalStep):
    slug = "recap"
    title = "Check and switch on"
    question = "Is this what you want?"

    def form(self, data: Data) -> forms.Form:
        return RecapForm(data, connection=self.connection)

    def save(self, form: Any) -> str | None:
        connection = self.connection
        connection.name = form.cleaned_data["name"]
        connection.save(update_fields=["name"])
        goals.switch(connection, on=True)
        if form.cleaned_data["run_now"]:
            goal = self.made_goal()
            run = runs.queue_full_run(goal, trigger=Run.Trigger.MANUAL, requested_by=self.request.user)  # type: ignore[arg-type]
            messages.success(self.request, "The connection is on, and its first run is queued.")
            return reverse("admin:connectors_run_change", args=[run.pk])
        messages.success(
            self.request, "The connection is on. Run it once: then changes are followed by themselves."
        )
        return reverse("admin:connectors_connection_change", args=[connection.pk])

    def values(self, form: Any) -> dict[str, Any]:
        goal = self.made_goal()
        rows = FieldRows(goal, None, suggest=False)
        at_esp = look_up(goal)
        other_lists = Goal.objects.filter(connection__connector=self.connection.connector).exclude(pk=goal.pk)
        return {
            "problem": at_esp.problem,
            "goal": goal,
            "details": at_esp.details,
            "audiences": list(goal.audiences.all()),
            "objectives": [str(link) for link in self.connection.objective_links.select_related("objective")],
            "fields": [
                (source_words(m.source, rows.properties), m.target_label or m.target)
                for m in goal.mappings.all()
            ],
            "when": kept_values(goal),
            "missing": goals.what_is_missing(self.connection),
            "has_other_lists": other_lists.exclude(list_id="").exists(),
        }

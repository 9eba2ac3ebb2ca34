"""The mapping as a form: one select per field of the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from audiences.models import Property
from connectors.esp import registry
from connectors.esp.contract import Can, FieldType, RemoteField, RemoteList
from connectors.models import Goal
from connectors.wizard.goals import set_fields
from connectors.wizard.mapping import FIELD_TYPES, Row, clash, rows_of, source_choices, without_field
from connectors.wizard.remote import Answer, ask

PREFIX = "field_"


@dataclass(frozen=True, slots=True)
class AtEsp:
    """What the ESP says of a goal's list; None where it gave no answer, then `problem` says why."""

    lists: list[RemoteList] | None = None
    details: RemoteList | None = None
    fields: list[RemoteField] | None = None
    problem: str = ""


def look_up(goal: Goal) -> AtEsp:
    """One visit to the ESP for everything a goal's page needs."""
    connection = goal.connection
    if not connection.client_id:
        return AtEsp(problem="Choose the client at the ESP first.")
    answer: Answer[AtEsp] = ask(
        connection.authorization, lambda connector: _asked(connector, goal), connection
    )
    return answer.value if answer.value is not None else AtEsp(problem=answer.problem)


def _asked(connector: Any, goal: Goal) -> AtEsp:
    lists = connector.lists(goal.connection.client_id)
    if goal.list_id not in {found.id for found in lists}:
        gone = "The list does not exist at the ESP any more: choose another one." if goal.list_id else ""
        return AtEsp(lists=lists, problem=gone)
    return AtEsp(lists, connector.list_details(goal.list_id), connector.fields(goal.list_id))


class FieldRows:
    """The rows of one goal's mapping, as form fields and back."""

    def __init__(self, goal: Goal, remote: Sequence[RemoteField] | None, *, suggest: bool) -> None:
        self.goal = goal
        self.remote = remote
        self.properties = list(Property.objects.order_by("label"))
        self.rows: list[Row] = rows_of(goal, remote, self.properties, suggest=suggest)

    def names(self) -> list[str]:
        return [f"{PREFIX}{number}" for number in range(len(self.rows))]

    def form_fields(self) -> dict[str, forms.Field]:
        return {name: self.form_field(row) for name, row in zip(self.names(), self.rows, strict=True)}

    def form_field(self, row: Row) -> forms.Field:
        choices = source_choices(self.properties)
        known = {value for _, group in choices if isinstance(group, list) for value, _ in group}
        if row.source and row.source not in known:
            choices.append((row.source, f"{row.source} (does not exist any more)"))
        words = f" · {row.type_words}" if row.type_words else ""
        return forms.ChoiceField(
            label=f"{row.label}{words}",
            choices=choices if row.writable else [("", "— cannot be filled —")],
            initial=row.source,
            required=False,
            help_text=" ".join(
                part
                for part in ("Suggested: the names are equal." if row.suggested else "", row.problem)
                if part
            ),
            widget=UnfoldAdminSelectWidget(),
        )

    def chosen(self, cleaned: dict[str, Any]) -> list[tuple[str, str, str]]:
        """(source, target, label) of the filled fields."""
        pairs = zip(self.names(), self.rows, strict=True)
        return [(cleaned[name], row.target, row.label) for name, row in pairs if cleaned.get(name)]

    def clashes(self, cleaned: dict[str, Any]) -> list[str]:
        fields = {field.key: field for field in self.remote or ()}
        found = []
        for source, target, label in self.chosen(cleaned):
            words = clash(fields[target], source, self.properties) if target in fields else ""
            if words:
                found.append(f"{label}: {words}")
        return found

    def creatable(self) -> list[Property]:
        """Properties for which a field could be created at the ESP."""
        can = registry.get(self.goal.connection.connector).spec.can
        if self.remote is None or Can.CREATE_FIELDS not in can:
            return []
        return without_field(self.properties, self.rows)


def create_field(goal: Goal, key: str) -> Answer[RemoteField]:
    """Create a field for the property at the ESP and fill it from there."""
    found = Property.objects.filter(key=key).first()
    if found is None:
        return Answer(None, "There is no such property.")
    kind: FieldType = FIELD_TYPES[Property.Type(found.type)]
    name = field_name(found)
    answer = ask(
        goal.connection.authorization,
        lambda connector: connector.create_field(goal.list_id, name, kind),
        goal.connection,
    )
    if answer.value is not None:
        kept = [(m.source, m.target, m.target_label) for m in goal.mappings.all()]
        set_fields(goal, [*kept, (f"property:{key}", answer.value.key, answer.value.name)])
    return answer


def field_name(found: Property) -> str:
    """The label in letters every ESP takes; from the key where the label has others."""
    label = " ".join(found.label.split())
    plain = all(letter.isascii() and (letter.isalnum() or letter == " ") for letter in label)
    return label if plain and label else found.key.replace("_", " ").capitalize()

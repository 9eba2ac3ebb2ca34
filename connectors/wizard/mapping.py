"""Which value of a person goes into which field of a list: what can be chosen, what fits, what is suggested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audiences.models import Property
from connectors.esp.contract import FieldType, RemoteField
from connectors.models import Goal
from connectors.sync.sources import NAME_PROPERTIES, NAME_TARGET

PERSON_SOURCES = (
    ("profile:name", "First and last name"),
    ("profile:external_id", "External id"),
    ("profile:audiences", "Audiences the person is in"),
)
FIELD_WORDS = {
    FieldType.TEXT: "text",
    FieldType.NUMBER: "number",
    FieldType.DATE: "date",
    FieldType.BOOLEAN: "yes or no",
    FieldType.ONE_OF: "one of several options",
    FieldType.MANY_OF: "any of several options",
}
FIELD_TYPES = {
    Property.Type.TEXT: FieldType.TEXT,
    Property.Type.NUMBER: FieldType.NUMBER,
    Property.Type.BOOLEAN: FieldType.BOOLEAN,
    Property.Type.DATE: FieldType.DATE,
    Property.Type.DATETIME: FieldType.DATE,
    Property.Type.LIST: FieldType.TEXT,
}
FITTING = {
    FieldType.NUMBER: {Property.Type.NUMBER},
    FieldType.DATE: {Property.Type.DATE, Property.Type.DATETIME},
    FieldType.BOOLEAN: {Property.Type.BOOLEAN},
    FieldType.ONE_OF: {Property.Type.TEXT, Property.Type.BOOLEAN, Property.Type.NUMBER},
    FieldType.MANY_OF: {Property.Type.LIST, Property.Type.TEXT},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the list. `source` is what fills it now ("" nothing); `suggested` when nobody chose yet."""

    target: str
    label: str
    type_words: str
    source: str = ""
    suggested: bool = False
    problem: str = ""
    writable: bool = True


def normal(name: str) -> str:
    """Names that differ in case, spaces and signs only are one name."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def source_choices(properties: Sequence[Property]) -> list[tuple[str, object]]:
    """Choices for a select, in two groups."""
    return [
        ("", "— not filled —"),
        (
            "Properties",
            [(f"property:{p.key}", f"{p.label} ({p.get_type_display().lower()})") for p in properties],
        ),
        ("The person", list(PERSON_SOURCES)),
    ]


def source_words(source: str, properties: Sequence[Property]) -> str:
    labels = {f"property:{p.key}": p.label for p in properties} | dict(PERSON_SOURCES)
    return labels.get(source, source)


def rows_of(
    goal: Goal | None, remote: Sequence[RemoteField] | None, properties: Sequence[Property], *, suggest: bool
) -> list[Row]:
    """The subscriber's name and every field of the list. Without an answer of the ESP: what is mapped now."""
    mapped = {} if goal is None else {m.target: m for m in goal.mappings.all()}
    rows = [_name_row(mapped[NAME_TARGET].source if NAME_TARGET in mapped else "", suggest)]
    for field in remote or ():
        held = mapped.get(field.key)
        source = held.source if held is not None else ""
        suggested = suggest and held is None and field.writable
        if suggested:
            source = suggestion(field, properties)
        rows.append(
            Row(
                target=field.key,
                label=field.name,
                type_words=FIELD_WORDS[field.type],
                source=source,
                suggested=suggested and source != "",
                problem=clash(field, source, properties),
                writable=field.writable,
            )
        )
    known = {row.target for row in rows}
    for target, held in mapped.items():
        if target not in known:
            gone = (
                "This field does not exist on the list any more: choose “not filled”."
                if remote is not None
                else ""
            )
            rows.append(Row(target, held.target_label or target, "", held.source, problem=gone))
    return rows


def _name_row(source: str, suggest: bool) -> Row:
    if source == "" and suggest:
        return Row(NAME_TARGET, "Name", "the subscriber’s name", "profile:name", suggested=True)
    return Row(NAME_TARGET, "Name", "the subscriber’s name", source)


def suggestion(field: RemoteField, properties: Sequence[Property]) -> str:
    """The property of the same name, if its type fits; else nothing."""
    names = {normal(field.name), normal(field.key)}
    for candidate in properties:
        source = f"property:{candidate.key}"
        if (
            names & {normal(candidate.key), normal(candidate.label)}
            and clash(field, source, properties) == ""
        ):
            return source
    return "profile:external_id" if names & {"externalid", "customerid"} else ""


def clash(field: RemoteField, source: str, properties: Sequence[Property]) -> str:
    """What goes wrong with this source, in words; empty when it fits."""
    if not field.writable:
        return "The ESP gives this field no key: nothing can be written into it."
    kinds = {f"property:{p.key}": Property.Type(p.type) for p in properties}
    if source.startswith("property:") and source not in kinds:
        return "This property does not exist any more: choose another one."
    fitting = FITTING.get(field.type)
    if source == "" or fitting is None:
        return ""
    kind = kinds.get(source, Property.Type.LIST if source == "profile:audiences" else Property.Type.TEXT)
    if kind in fitting:
        return ""
    return f"{kind.label} into {FIELD_WORDS[field.type]}: values that do not fit are left out, and the run names them."


def without_field(properties: Sequence[Property], rows: Sequence[Row]) -> list[Property]:
    """Properties that go nowhere and have no field of their name: worth offering to create one."""
    used = {row.source for row in rows}
    if "profile:name" in used:
        used |= {f"property:{key}" for key in NAME_PROPERTIES}
    names = {normal(row.label) for row in rows} | {normal(row.target) for row in rows}
    return [
        p
        for p in properties
        if f"property:{p.key}" not in used and not names & {normal(p.key), normal(p.label)}
    ]

"""Members of an audience as a CSV file: streamed from a cursor of the database, so that memory stays flat.

Cells that a spreadsheet would take for a formula begin with an apostrophe. The export is on record before the first
person leaves, and how many were handed out is, too, also where the download broke off.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
import pghistory
from django import forms
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify

from audiences.models import Audience, MemberExport, Objective, Property
from syncapp.accounts import scope
from syncapp.accounts.models import User
from syncapp.admin.base import Role
from syncapp.spreadsheets import to_safe_cell

PEOPLE_AT_ONCE = 2_000
STALLED_S = 60  # somebody who takes nothing for so long holds a snapshot of the database open: it is ended
BOM = "\ufeff"

MEMBERS = """
SELECT p.external_id, p.email, m.added_at, m.source, p.properties, p.consents
FROM audiences_member m
JOIN audiences_profile p ON p.account_id = m.account_id AND p.id = m.profile_id
WHERE m.account_id = %(account)s AND p.account_id = %(account)s AND m.audience_id = %(audience)s
    AND m.state = 'member'
ORDER BY m.profile_id
"""


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the cursor."""

    external_id: str | None
    email: str | None
    added_at: datetime
    source: str
    properties: dict[str, Any]
    consents: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """`key` as in the form: email, property:city, consent:newsletter."""

    key: str
    label: str
    value: Callable[[Person], Any]


def columns_of(account_id: int) -> list[Column]:
    """Everything that can be exported, in the order of the file."""
    found = [
        Column("external_id", "External id", lambda person: person.external_id),
        Column("email", "E-mail address", lambda person: person.email),
        Column("added_at", "Member since", lambda person: person.added_at.isoformat()),
        Column("source", "Added by", lambda person: person.source),
    ]
    for row in Property.objects.of(account_id).order_by("label"):
        found.append(Column(f"property:{row.key}", row.label, property_of(row.key)))
    for objective in Objective.objects.of(account_id).order_by("label"):
        found.append(
            Column(f"consent:{objective.key}", f"Consent: {objective.label}", consent_of(objective.key))
        )
    return found


def property_of(key: str) -> Callable[[Person], Any]:
    return lambda person: person.properties.get(key)


def consent_of(key: str) -> Callable[[Person], Any]:
    return lambda person: person.consents.get(key, {}).get("state")


DEFAULT = ("external_id", "email")


class ExportForm(forms.Form):
    columns = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, initial=DEFAULT)
    bom = forms.BooleanField(required=False, initial=True)

    def __init__(self, offered: Sequence[Column], data: Any = None) -> None:
        super().__init__(data)
        field = cast(forms.MultipleChoiceField, self.fields["columns"])
        field.choices = [(column.key, column.label) for column in offered]
        field.error_messages["required"] = "Choose at least one column."


class ExportViews:
    """The page that asks what to export, and the download it leads to."""

    export_role = Role.EDITOR
    admin_site: Any

    def export_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("<path:object_id>/export/", view, name="audiences_audience_export")]

    def has_export_permission(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.has_role(request, self.export_role, obj))

    def export_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        audience = self.found(request, object_id, act="export")
        if audience.deleted_at is not None:
            raise PermissionDenied
        offered = columns_of(audience.account_id)
        form = ExportForm(offered, request.POST if request.method == "POST" else None)
        if form.is_valid():
            wanted = [column for column in offered if column.key in form.cleaned_data["columns"]]
            return download(audience, wanted, cast(User, request.user), bom=form.cleaned_data["bom"])
        exports = MemberExport.objects.of(audience.account_id).filter(audience=audience)
        context = self.act_context(
            request,
            audience,
            f"Export the members of “{audience}”",
            form=form,
            exports=list(exports.select_related("created_by").order_by("-pk")[:5]),
        )
        return TemplateResponse(request, "audiences/audience_export.html", context)


def download(
    audience: Audience, columns: Sequence[Column], user: User, *, bom: bool
) -> StreamingHttpResponse:
    """The answer; what it hands out is read while it is sent."""
    export = MemberExport.objects.create(
        account=audience.account,
        audience=audience,
        name=audience.name,
        columns=[column.key for column in columns],
        created_by=user,
    )
    name = f"{slugify(audience.name) or 'audience'}-{timezone.localtime():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        written(export, columns, user.pk, bom=bom),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def written(export: MemberExport, columns: Sequence[Column], user_id: int, *, bom: bool) -> Iterator[bytes]:
    """The file in pieces. Runs after the view, so it enters scope and audit itself.

    The scope is left before every piece is handed out: between two pieces other code of the thread runs.
    """
    members, is_whole = 0, False
    pieces = rows_of(export)
    try:
        yield (BOM if bom else "").encode() + to_csv([[column.label for column in columns]])
        while True:
            with scope.account(export.account_id):
                people = next(pieces, None)
            if people is None:
                break
            members += len(people)
            yield to_csv([column.value(person) for column in columns] for person in people)
        is_whole = True
    finally:
        with scope.account(export.account_id), pghistory.context(user=user_id):
            pieces.close()
            ended = {"finished_at": timezone.now()} if is_whole else {}
            MemberExport.objects.of(export.account_id).filter(pk=export.pk).update(members=members, **ended)


def rows_of(export: MemberExport) -> Generator[list[Person], None, None]:
    """One snapshot of the members, some thousands at a time; the rest waits in the database."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{STALLED_S}s'")
        with connection.chunked_cursor() as cursor:
            cursor.execute(MEMBERS, {"account": export.account_id, "audience": export.audience_id})
            while rows := cursor.fetchmany(PEOPLE_AT_ONCE):
                yield [to_person(*row) for row in rows]


def to_person(
    external_id: str | None,
    email: str | None,
    added_at: datetime,
    source: str,
    properties: str,
    consents: str,
) -> Person:
    """Django leaves JSON as text in cursors of one's own."""
    return Person(external_id, email, added_at, source, orjson.loads(properties), orjson.loads(consents))


def to_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([to_cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode()


def to_cell(value: Any) -> str:
    """0 and False are values; what is not known is an empty cell. A number is no formula, also a negative one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    return to_safe_cell("; ".join(str(one) for one in value) if isinstance(value, list) else str(value))

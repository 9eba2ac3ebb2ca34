"""What the list of audiences can be narrowed down to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import CharField, DateTimeField, F, Func, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from audiences.admin import folders
from audiences.models import Audience
from audiences.uses import counts_of

ACTIVE, ARCHIVED, DELETED, ALL = "active", "archived", "deleted", "all"
STATES = {
    ACTIVE: Q(deleted_at=None, archived_at=None),
    ARCHIVED: Q(deleted_at=None, archived_at__isnull=False),
    DELETED: Q(deleted_at__isnull=False),
    ALL: Q(deleted_at=None),
}
MOST_CHOICES = 200
STALE_DAYS = (7, 30, 90)
synced_at = Cast(KeyTextTransform("at", "last_sync"), DateTimeField())
Choices = list[tuple[str, str]]


class Filter(DropdownFilter):  # type: ignore[misc]
    def given(self) -> str:
        """PostgreSQL knows no NUL."""
        return str(self.value() or "").replace("\x00", "")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Audience]) -> QuerySet[Audience]:
        return self.narrow(queryset, self.given()) if self.given() else queryset

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        raise NotImplementedError


class StateFilter(Filter):
    """Without a choice: what is in use. Archived and deleted ones have views of their own."""

    title = "state"
    parameter_name = "state"
    all_option = None

    def given(self) -> str:
        wanted = super().given()
        return wanted if wanted in STATES else ACTIVE

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            (ACTIVE, "Active"),
            (ARCHIVED, "Archived"),
            (DELETED, "Deleted"),
            (ALL, "Active and archived"),
        ]

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        return rows.filter(STATES[wanted])

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The one that holds is shown as chosen, also where the address names none."""
        for choice in super().choices(changelist):
            choice["form"].data[self.parameter_name] = self.given()
            yield choice


class FolderFilter(Filter):
    title = "folder"
    parameter_name = "folder"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        found = folders.names_of(Audience.objects.filter(deleted_at=None))
        return [(folders.NONE, "In no folder"), *((path, path) for path in found[:MOST_CHOICES])]

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        return rows.filter(folders.within(wanted))


class LabelFilter(Filter):
    title = "label"
    parameter_name = "label"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        each = Func(F("labels"), function="unnest", output_field=CharField())
        found = Audience.objects.filter(deleted_at=None).order_by().values_list(each, flat=True).distinct()
        return [
            (label, label) for label in sorted(found[: MOST_CHOICES * 5], key=str.casefold)[:MOST_CHOICES]
        ]

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        return rows.filter(labels__contains=[wanted])


class SourceFilter(Filter):
    """By the system that pushes an audience; those made by rules are a source of their own."""

    title = "source"
    parameter_name = "source"
    rules = "/rules"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        living = Audience.objects.filter(deleted_at=None).exclude(source_system="")
        found = living.order_by().values_list("source_system", flat=True).distinct()[:MOST_CHOICES]
        return [*((name, name) for name in sorted(found, key=str.casefold)), (self.rules, "Made by rules")]

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        if wanted == self.rules:
            return rows.filter(kind=Audience.Kind.RULES)
        return rows.filter(source_system=wanted)


class FavouriteFilter(Filter):
    title = "favourite"
    parameter_name = "favourite"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", "Favourites only"), ("no", "Not a favourite")]

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        return rows.filter(favourite=wanted == "yes")


class UseFilter(Filter):
    """At most some thousands of audiences: their uses are counted in one query per kind of user."""

    title = "use"
    parameter_name = "used"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", "Used"), ("no", "Not used by anything")]

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        counts = counts_of(list(rows.order_by().values_list("pk", flat=True)))
        used = [pk for pk, count in counts.items() if count > 0]
        return rows.filter(pk__in=used) if wanted == "yes" else rows.exclude(pk__in=used)


class StaleFilter(Filter):
    """Pushed audiences of which nothing was heard for some days, also those never pushed that are as old."""

    title = "last sync"
    parameter_name = "stale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(days), f"Nothing for {days} days") for days in STALE_DAYS]

    def narrow(self, rows: QuerySet[Audience], wanted: str) -> QuerySet[Audience]:
        days = int(wanted) if wanted in map(str, STALE_DAYS) else STALE_DAYS[-1]
        before = timezone.now() - timedelta(days=days)
        never = Q(synced_at=None, created_at__lt=before)
        pushed = rows.filter(kind=Audience.Kind.PUSHED).annotate(synced_at=synced_at)
        return pushed.filter(Q(synced_at__lt=before) | never)


FILTERS = (StateFilter, FolderFilter, LabelFilter, SourceFilter, FavouriteFilter, UseFilter, StaleFilter)

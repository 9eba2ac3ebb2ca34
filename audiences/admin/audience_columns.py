"""The columns of the list of audiences. `overview.furnish` gave the rows what these show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from audiences.admin import wording
from audiences.admin.audience_filters import synced_at
from audiences.models import Audience
from syncapp.admin.templatetags.shell import ago

OBJECTIVES_SHOWN = 3
LABELS_SHOWN = 4
NOTHING = format_html('<span class="quiet">{}</span>', "–")
ICONS = {
    Audience.Kind.PUSHED: ("database", "Pushed by another system"),
    Audience.Kind.RULES: ("rule", "Made by rules"),
}


class AudienceColumns:
    """Display methods of the change list."""

    @admin.display(description="★")
    def star(self, audience: Any) -> SafeString:
        return star_of(audience, may_change=audience.may_change)

    @admin.display(description="Audience", ordering="name")
    def named(self, audience: Audience) -> SafeString:
        return format_html(
            '<span class="aud-name">{}<span><a class="link strong" href="{}">{}</a>{}{}</span></span>',
            source_icon(audience),
            reverse("admin:audiences_audience_change", args=[audience.pk]),
            audience.name,
            state_badge(audience),
            below_name(audience),
        )

    @admin.display(description="System", ordering="source_system")
    def system(self, audience: Audience) -> Any:
        return audience.source_system or NOTHING

    @admin.display(description="Last sync", ordering=synced_at.desc(nulls_last=True))
    def synced(self, audience: Audience) -> SafeString:
        return last_sync_words(audience)

    @admin.display(description="Members", ordering="member_count")
    def member_total(self, audience: Any) -> SafeString:
        held = format_html('<span class="aud-sub">{} held</span>', f"{audience.held_count:,}")
        return format_html(
            '<span class="aud-members"><span class="number strong">{}</span>{}{}</span>',
            f"{audience.member_count:,}",
            spark(audience.trend),
            held if audience.held_count else "",
        )

    @admin.display(description="Reachable")
    def reachable(self, audience: Any) -> Any:
        return reached_words(audience)

    @admin.display(description="Used in")
    def use_count(self, audience: Any) -> Any:
        return NOTHING if audience.uses == 0 else f"{audience.uses} place{'s' if audience.uses > 1 else ''}"


def star_of(audience: Audience, *, may_change: bool) -> SafeString:
    """A button in place: it works by keyboard, and without scripts as a submit of its form."""
    words = "Favourite" if audience.favourite else "Not a favourite"
    if not may_change:
        return format_html(
            '<span class="aud-star{}" role="img" aria-label="{}" title="{}">{}</span>',
            " is-on" if audience.favourite else "",
            words,
            words,
            "★" if audience.favourite else "☆",
        )
    address = reverse("admin:audiences_audience_favourite", args=[audience.pk])
    return format_html(
        '<button type="submit" id="star-{}" class="aud-star{}" formaction="{}" formmethod="post" formnovalidate '
        'hx-post="{}" hx-swap="outerHTML" hx-params="csrfmiddlewaretoken" aria-pressed="{}" '
        'aria-label="Favourite: {}" title="{}">{}</button>',
        audience.pk,
        " is-on" if audience.favourite else "",
        address,
        address,
        "true" if audience.favourite else "false",
        audience.name,
        "Take from the favourites" if audience.favourite else "Make it a favourite",
        "★" if audience.favourite else "☆",
    )


def source_icon(audience: Audience) -> SafeString:
    icon, words = ICONS[Audience.Kind(audience.kind)]
    return format_html(
        '<span class="material-symbols-outlined aud-icon" role="img" aria-label="{}" title="{}">{}</span>',
        words,
        words,
        icon,
    )


def state_badge(audience: Audience) -> SafeString | str:
    if audience.deleted_at is not None:
        return format_html(' <span class="badge badge-bad">{}</span>', "Deleted")
    if audience.archived_at is not None:
        return format_html(' <span class="badge">{}</span>', "Archived")
    return ""


def below_name(audience: Audience) -> SafeString | str:
    """Folder and labels, each leading to what else is there."""
    folder = (
        format_html(
            '<a class="aud-folder" href="{}">{}</a>', list_address(folder=audience.folder), audience.folder
        )
        if audience.folder
        else ""
    )
    more = len(audience.labels) - LABELS_SHOWN
    chips = format_html_join(
        "",
        '<a class="chip" href="{}">{}</a>',
        ((list_address(label=label), label) for label in audience.labels[:LABELS_SHOWN]),
    )
    rest = format_html('<span class="aud-sub">+{}</span>', more) if more > 0 else ""
    return (
        format_html('<span class="aud-below">{}{}{}</span>', folder, chips, rest) if folder or chips else ""
    )


def list_address(**query: str) -> str:
    return f"{reverse('admin:audiences_audience_changelist')}?{urlencode(query)}"


def synced_moment(audience: Audience) -> Any:
    return parse_datetime((audience.last_sync or {}).get("at") or "")


def last_sync_words(audience: Audience) -> SafeString:
    """When, what kind, by whom, and in red how many failed, with the way to their errors."""
    sync = audience.last_sync or {}
    at = synced_moment(audience)
    if at is None:
        return format_html('<span class="quiet">{}</span>', "never")
    by = system_of(sync.get("source") or "")
    parts = [
        word for word in ("replaced" if sync.get("kind") == "replace" else "", by and f"by {by}") if word
    ]
    failed = sync.get("failed") or 0
    errors = (
        format_html('<a class="aud-failed" href="{}">{} failed</a>', errors_of(audience, sync), f"{failed:,}")
        if failed
        else ""
    )
    return format_html(
        '<span class="aud-sync"><span title="{}">{}</span><span class="aud-sub">{} {}</span>{}</span>',
        date_format(timezone.localtime(at), "DATETIME_FORMAT"),
        ago(at),
        pairs(sync.get("added") or 0, sync.get("removed") or 0),
        " ".join(parts),
        errors,
    )


def system_of(source: str) -> str:
    """`api:Web shop` → “Web shop”: beside a sync it goes without saying that it was a key."""
    kind, _, name = source.partition(":")
    return name if kind == "api" and name else wording.source(source) if source else ""


def errors_of(audience: Audience, sync: Mapping[str, Any]) -> str:
    """The job with the rows that failed, or the calls with failures on the audience's page."""
    job_id = str(sync.get("job_id") or "").removeprefix("job_")
    if job_id.isdecimal():
        return reverse("admin:audiences_job_change", args=[job_id])
    return f"{reverse('admin:audiences_audience_change', args=[audience.pk])}#syncs"


def pairs(added: int, removed: int) -> SafeString:
    return format_html(
        '<span class="aud-plus" title="added">+{}</span> <span class="aud-minus" title="removed">−{}</span>',
        f"{added:,}",
        f"{removed:,}",
    )


def spark(trend: Any) -> SafeString | str:
    """Thirty days as a line; the change is in words for whoever does not see it."""
    if trend is None:
        return ""
    words = f"{trend.change:+,} since {date_format(trend.since, 'j M')}".replace("-", "−", 1)
    return format_html(
        '<svg class="aud-spark" viewBox="0 0 64 18" width="64" height="18" role="img" aria-label="{}">'
        '<title>{}</title><polyline points="{}"/></svg>',
        words,
        words,
        trend.points,
    )


def reached_words(audience: Any) -> Any:
    if audience.reached is None:
        return format_html(
            '<span class="quiet" title="{}">not counted</span>', "Counted when its page is opened"
        )
    if not audience.reached:
        return NOTHING
    shown = sorted(audience.reached, key=lambda one: -one[1])
    return format_html(
        '<span class="aud-reach" title="{}">{}</span>',
        ", ".join(f"{label}: {members:,}" for label, members in shown),
        format_html_join(
            "",
            '<span><span class="number strong">{}</span> <span class="aud-sub">{}</span></span>',
            ((f"{members:,}", label) for label, members in shown[:OBJECTIVES_SHOWN]),
        ),
    )

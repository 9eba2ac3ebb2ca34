"""How much keys are used: from the daily counts, so that nobody counts calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import F, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from syncapp.accounts.models import ApiKey
from syncapp.api import limits
from syncapp.api.models import ApiUsage, RateWindow

WEEK_DAYS = 7
SHOWN_DAYS = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over some days (UTC)."""

    calls: int = 0
    failed_calls: int = 0
    received_items: int = 0
    failed_items: int = 0
    refused_calls: int = 0

    @property
    def failed_share(self) -> float | None:
        """0 to 1; None without calls."""
        return self.failed_calls / self.calls if self.calls else None


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of the chart; heights in hundredths of the busiest day."""

    day: date
    calls: int
    failed: int
    height: int
    failed_height: int


def today() -> date:
    return datetime.now(UTC).date()


def with_usage(keys: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
    """Adds calls_today, calls_week, failed_week, last_call_at and operations_used (of the quota's present window).

    Read by index, for the rows of a page.
    """
    days = ApiUsage.objects.filter(account_id=OuterRef("account_id"), key_id=OuterRef("pk"))
    week = days.filter(day__gt=today() - timedelta(days=WEEK_DAYS))
    return keys.annotate(
        calls_today=Coalesce(Subquery(days.filter(day=today()).values("calls")[:1]), 0),
        calls_week=Coalesce(total(week, "calls"), 0),
        failed_week=Coalesce(total(week, "failed_calls"), 0),
        last_call_at=Subquery(
            days.filter(calls__gt=0).values("key_id").annotate(found=Max("last_at")).values("found")
        ),
        operations_used=Coalesce(Subquery(present_window().values("used")[:1]), 0),
    )


def present_window() -> QuerySet[RateWindow]:
    rows: QuerySet[RateWindow] = RateWindow.objects.filter(
        account_id=OuterRef("account_id"),
        key_id=OuterRef("pk"),
        quota=RateWindow.Quota.MEMBER_OPERATIONS,
        started_at__gt=timezone.now() - timedelta(seconds=limits.RATE_WINDOW_S),
    )
    return rows


def total(days: QuerySet[ApiUsage], column: str) -> Subquery:
    return Subquery(days.values("key_id").annotate(found=Sum(F(column))).values("found"))


def of_key(key: ApiKey, days: int) -> Usage:
    """Of the last days, today included."""
    rows = ApiUsage.objects.of(key.account_id).filter(key=key, day__gt=today() - timedelta(days=days))
    names = ("calls", "failed_calls", "received_items", "failed_items", "refused_calls")
    found: dict[str, Any] = rows.aggregate(**{f"all_{name}": Coalesce(Sum(name), 0) for name in names})
    return Usage(**{name: int(found[f"all_{name}"]) for name in names})


def chart(key: ApiKey) -> list[Day]:
    """A bar per day, also for days without a call."""
    since = today() - timedelta(days=SHOWN_DAYS - 1)
    rows = ApiUsage.objects.of(key.account_id).filter(key=key, day__gte=since)
    found = {day: (calls, failed) for day, calls, failed in rows.values_list("day", "calls", "failed_calls")}
    most = max((calls for calls, _ in found.values()), default=0) or 1
    bars = []
    for number in range(SHOWN_DAYS):
        day = since + timedelta(days=number)
        calls, failed = found.get(day, (0, 0))
        bars.append(Day(day, calls, failed, to_height(calls, most), to_height(failed, most)))
    return bars


def to_height(number: int, most: int) -> int:
    """What is there is seen."""
    return max(round(100 * number / most), 2) if number else 0

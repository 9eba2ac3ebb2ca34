"""Connections and runs on the dashboard. Nothing here counts a large table in full."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from connectors import look
from connectors.esp import registry
from connectors.models import Connection, Goal, Run, Subscriber
from connectors.wizard.waiting import people_waiting
from syncapp.accounts import access
from syncapp.admin.dashboard import Figure, Panel, figure, panel
from syncapp.work.models import Worker

SHOWN = 6
ALIVE_WITHIN = timedelta(seconds=30)  # workers tell of themselves every few seconds
TROUBLED = [Connection.State.ATTENTION, Connection.State.REAUTHENTICATE]


@figure(30)
def connections(request: HttpRequest) -> Figure:
    states = list(Connection.objects.filter(enabled=True).values_list("state", flat=True))
    stopped = sum(state in TROUBLED for state in states)
    if not states:
        note, tone = "none is on yet", ""
    elif stopped:
        note, tone = f"{look.number(stopped)} stopped: somebody must act", "bad"
    else:
        note, tone = "all of them work", ""
    return Figure(
        label="Connections on",
        value=look.number(len(states)),
        url=reverse("admin:connectors_connection_changelist") + "?enabled__exact=1",
        note=note,
        icon="cable",
        tone=tone,
    )


@panel(10)
def attention(request: HttpRequest) -> Panel | None:
    """What stopped or waits for a decision, and what somebody has to do about it. Left out when nothing did."""
    held = Run.objects.filter(state=Run.State.HELD).select_related("goal__connection", "account")
    with_failed = Goal.objects.filter(
        Exists(Subscriber.objects.filter(goal=OuterRef("pk")).exclude(dead_at=None))
    )
    stopped = Connection.objects.filter(enabled=True, state__in=TROUBLED).select_related("account")
    to_run = Goal.objects.filter(enabled=True, needs_full_run=True, connection__enabled=True)
    found = [
        (connection, look.of_connection(connection))
        for connection in stopped.order_by("-state_since")[:SHOWN]
    ]
    held_runs = list(held.order_by("-queued_at")[:SHOWN])
    waiting = list(
        to_run.exclude(runs__state=Run.State.HELD)
        .select_related("connection", "account")
        .order_by("-id")[:SHOWN]
    )
    failed = list(with_failed.select_related("connection", "account").order_by("-id")[:SHOWN])
    if not (found or held_runs or waiting or failed):
        return None
    return Panel(
        title="Needs attention",
        template="connectors/dashboard/attention.html",
        context={
            "connections": found,
            "held": held_runs,
            "goals": waiting,
            "failed": failed,
            "several": access.of(request).selected is None,
        },
        url=reverse("admin:connectors_connection_changelist"),
        url_words="All connections",
    )


@panel(20)
def last_runs(request: HttpRequest) -> Panel:
    runs = Run.objects.select_related("goal__connection", "account").order_by("-queued_at")
    return Panel(
        title="Last runs",
        template="connectors/dashboard/runs.html",
        context={"runs": list(runs[:SHOWN]), "several": access.of(request).selected is None},
        url=reverse("admin:connectors_run_changelist"),
        url_words="All runs",
    )


@panel(30)
def waiting_per_esp(request: HttpRequest) -> Panel:
    """People waiting to be sent, per ESP, and whether somebody is there to send them."""
    waiting = people_waiting(access.of(request).account_ids)
    return Panel(
        title="Waiting to be sent",
        template="connectors/dashboard/waiting.html",
        context={
            "workers": Worker.objects.filter(
                stopped_at=None, last_seen_at__gt=timezone.now() - ALIVE_WITHIN
            ).count(),
            "waiting": [
                (key, registry.get(key).spec.label, waiting.get(key, (0, False)))
                for key, _ in registry.choices()
            ],
        },
        side=True,
    )

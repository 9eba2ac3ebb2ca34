"""The rows behind background work."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.accounts.managers import AccountManager
from syncapp.accounts.models import Account

SILENCE = timedelta(seconds=15)


class Wakeup(models.Model):
    """One kind of work is to look at one key; at most one row per kind, key and account.

    The row goes when the work is done. `version` counts wakes and `seen_version` is what the running handler
    knew at its start: where they differ at the end, the handler is called once more. Each claim draws a new
    `lease_token`; whoever comes with an old one changes nothing. Without an account it is the system's own.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        QUARANTINED = "quarantined", "Stopped: its worker died each time"

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", null=True, verbose_name="client"
    )
    kind = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State, db_default=State.WAITING)
    priority = models.BooleanField(db_default=False, help_text="Goes before all that has none.")
    version = models.BigIntegerField(db_default=1)
    seen_version = models.BigIntegerField(db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    retry_at = models.DateTimeField(null=True, help_text="After a failure: not before this, whoever wakes.")
    attempts = models.PositiveIntegerField(db_default=0, help_text="Begun since the last success.")
    crashes = models.PositiveSmallIntegerField(db_default=0, help_text="Workers that died at it in a row.")
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    worker_id = models.UUIDField(null=True, help_text="The worker that runs it, or ran it last.")
    host = models.CharField(max_length=255, db_default="")
    pid = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    error_class = models.CharField(max_length=200, db_default="")
    error_message = models.CharField(
        max_length=300,
        db_default="",
        help_text="Where it failed, or why it was stopped; never a person's data.",
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = AccountManager()

    class Meta:
        verbose_name = "wake-up"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "key"], name="wakeup_once_per_key", nulls_distinct=False
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="wakeup_due"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="wakeup_running"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Worker(models.Model):
    """A `manage.py work` that runs or ran: the dashboard's view of it. Rows of the dead go after a day."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    processes = models.PositiveSmallIntegerField(help_text="How many handlers it runs at a time.")
    started_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)
    due = models.PositiveIntegerField(db_default=0, help_text="Wake-ups due in the whole installation.")
    running = models.PositiveIntegerField(db_default=0, help_text="Handlers running in this worker.")
    restarts = models.PositiveIntegerField(db_default=0, help_text="Times its processes had to be replaced.")

    class Meta:
        ordering = ["-last_seen_at"]

    def __str__(self) -> str:
        return f"{self.host} ({self.pid})"

    @property
    def is_alive(self) -> bool:
        """Says so every second; a database that was away explains a short silence."""
        return self.stopped_at is None and self.last_seen_at > timezone.now() - SILENCE

"""The calls made to ESPs, redacted."""

from __future__ import annotations

from django.db import models

from connectors.models.connection import Connection
from connectors.models.run import Run
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel


class Call(AccountModel):
    """One request to an ESP and its answer, without secrets and with addresses masked. Kept for 30 days."""

    connection = AccountForeignKey(
        Connection,
        on_delete=models.DO_NOTHING,
        related_name="calls",
        on_database_delete="CASCADE",
        db_index=False,
    )
    run = AccountForeignKey(
        Run,
        on_delete=models.DO_NOTHING,
        related_name="calls",
        on_database_delete="CASCADE",
        null=True,
        db_index=False,
    )
    operation = models.CharField(max_length=40)
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=500)
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty: no answer came.")
    duration_ms = models.PositiveIntegerField()
    people = models.PositiveIntegerField(default=0)
    request = models.TextField(blank=True)
    response = models.TextField(blank=True)
    error = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["account", "run", "-id"], name="call_by_run"),
            models.Index(fields=["account", "connection", "-id"], name="call_by_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} → {self.status or 'no answer'}"

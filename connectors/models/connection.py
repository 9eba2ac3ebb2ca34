"""One account's use of one ESP."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from audiences.models import Objective
from connectors.esp import registry
from connectors.models.authorization import Authorization
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel
from syncapp.audit.tracking import tracked


@tracked(
    "name",
    "description",
    "connector",
    "authorization",
    "client_id",
    "client_name",
    "settings",
    "labels",
    "favourite",
    "enabled",
)
class Connection(AccountModel):
    """An authorization, a client at the ESP, and the objectives people must have agreed to."""

    class State(models.TextChoices):
        HEALTHY = "healthy", "Healthy"
        WAITING = "waiting", "Waiting: goes on by itself"
        ATTENTION = "attention", "Needs attention"
        REAUTHENTICATE = "reauthenticate", "Needs new credentials"

    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    connector = models.CharField("ESP", max_length=40, choices=registry.choices)
    authorization = AccountForeignKey(Authorization, on_delete=models.PROTECT, related_name="connections")
    client_id = models.CharField(
        "ESP client", max_length=100, blank=True, help_text="The client's id at the ESP."
    )
    client_name = models.CharField(max_length=200, blank=True, editable=False)
    settings = models.JSONField(default=dict, blank=True)
    objectives = models.ManyToManyField(
        Objective,
        through="ConnectionObjective",
        related_name="connections",
        help_text="Only people who agreed to at least one of these are sent.",
    )
    labels = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    favourite = models.BooleanField(default=False)
    enabled = models.BooleanField(default=False, help_text="Off: nothing is sent or fetched.")
    state = models.CharField(max_length=15, choices=State, default=State.HEALTHY, editable=False)
    state_reason = models.CharField(max_length=300, blank=True, editable=False, help_text="Shown to staff.")
    state_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="connection_name_per_account"),
        ]

    def __str__(self) -> str:
        return self.name


@tracked("connection", "objective")
class ConnectionObjective(AccountModel):
    connection = AccountForeignKey(
        Connection, on_delete=models.CASCADE, related_name="objective_links", on_database_delete="CASCADE"
    )
    objective = AccountForeignKey(Objective, on_delete=models.PROTECT, related_name="connection_links")

    class Meta:
        verbose_name = "objective of a connection"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "connection", "objective"], name="objective_once_per_connection"
            ),
        ]

    def __str__(self) -> str:
        return str(self.objective)

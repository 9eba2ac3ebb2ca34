"""What a connection moves: one import or one export, field by field."""

from __future__ import annotations

from django.db import models

from audiences.models import Audience
from connectors.models.connection import Connection
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel
from syncapp.audit.tracking import tracked


@tracked("connection", "kind", "name", "list_id", "list_name", "leavers", "enabled")
class Goal(AccountModel):
    """One export of audiences to a list, or (later) one import of a list.

    `version` counts changes of what a payload is made of; it is part of every fingerprint, so that a changed
    mapping makes everybody due again.
    """

    class Kind(models.TextChoices):
        EXPORT = "export", "Export audiences to a list"

    class Leavers(models.TextChoices):
        KEEP = "keep", "Leave them on the list"
        UNSUBSCRIBE = "unsubscribe", "Unsubscribe them from the list"

    connection = AccountForeignKey(
        Connection, on_delete=models.CASCADE, related_name="goals", on_database_delete="CASCADE"
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.EXPORT)
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    list_id = models.CharField("list", max_length=100, blank=True)
    list_name = models.CharField(max_length=200, blank=True)
    audiences = models.ManyToManyField(Audience, through="GoalAudience", related_name="goals")
    leavers = models.CharField(
        "people who leave the audience",
        max_length=15,
        choices=Leavers,
        default=Leavers.KEEP,
        help_text="Only people this goal put there. Who withdraws consent is always unsubscribed.",
    )
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    needs_full_run = models.BooleanField(
        default=True,
        editable=False,
        help_text="Changes were not followed: never run, or switched off meanwhile.",
    )
    problem = models.CharField(
        max_length=300, blank=True, editable=False, help_text="Why it cannot run, for staff."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "connection", "name"], name="goal_name_per_connection"
            ),
        ]

    def __str__(self) -> str:
        return self.name


@tracked("goal", "audience")
class GoalAudience(AccountModel):
    goal = AccountForeignKey(
        Goal, on_delete=models.CASCADE, related_name="audience_links", on_database_delete="CASCADE"
    )
    audience = AccountForeignKey(Audience, on_delete=models.PROTECT, related_name="goal_links")

    class Meta:
        verbose_name = "audience of a goal"
        constraints = [
            models.UniqueConstraint(fields=["account", "goal", "audience"], name="audience_once_per_goal"),
        ]

    def __str__(self) -> str:
        return str(self.audience)


@tracked("goal", "source", "target")
class Mapping(AccountModel):
    """One field of a goal. `source` is `property:<key>`, `profile:external_id` or `profile:audiences`.

    `target` is the field's key at the ESP, or `name` for the subscriber's name.
    """

    goal = AccountForeignKey(
        Goal, on_delete=models.CASCADE, related_name="mappings", on_database_delete="CASCADE"
    )
    source = models.CharField(max_length=100)
    target = models.CharField(max_length=200)
    target_label = models.CharField(max_length=200, blank=True, editable=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "goal", "target"], name="target_once_per_goal"),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"

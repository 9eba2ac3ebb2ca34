"""What a connection moves: one import or one export, field by field."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models

from audiences.models import Audience
from connectors.models.connection import Connection
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel
from syncapp.audit.tracking import tracked


@tracked(
    "connection",
    "kind",
    "name",
    "list_id",
    "list_name",
    "leavers",
    "enabled",
    "removal_limit",
    "removal_percent",
    "hold_first_run",
    "hold_changes",
    "real_time",
    "schedule",
    "expected_by",
    "quiet_from",
    "quiet_until",
)
class Goal(AccountModel):
    """One export of audiences to a list, or (later) one import of a list.

    `version` counts changes of what a payload is made of; it is part of every fingerprint, so that a changed
    mapping makes everybody due again.
    """

    class Kind(models.TextChoices):
        EXPORT = "export", "Export audiences to a list"

    class Leavers(models.TextChoices):
        KEEP = "keep", "Leave them on the list"
        CLEAR = "clear", "Empty the field that names their audiences"
        UNSUBSCRIBE = "unsubscribe", "Unsubscribe them from the list"
        REMOVE = "remove", "Remove them from the list"

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
    removal_limit = models.PositiveIntegerField(
        "hold above so many leavers",
        default=25,
        help_text="A run that takes off more people who left than this, and more than the share below, is held.",
    )
    removal_percent = models.PositiveSmallIntegerField(
        "… and above this share of the list, in percent",
        default=5,
        validators=[MaxValueValidator(100)],
    )
    hold_first_run = models.BooleanField(
        "hold the first run", default=True, help_text="Somebody looks at the plan before anyone is sent."
    )
    hold_changes = models.BooleanField(
        "hold after a change of list, audiences or fields",
        default=True,
        help_text="Somebody looks at the plan before everybody is sent anew.",
    )
    real_time = models.BooleanField(
        "follow changes at once",
        default=True,
        help_text="Off: changes wait for the next scheduled run. Withdrawn consent is always sent at once.",
    )
    schedule = models.JSONField(null=True, blank=True, help_text="When full runs start; empty: only by hand.")
    next_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_scheduled_at = models.DateTimeField(null=True, blank=True, editable=False)
    expected_by = models.TimeField(
        null=True, blank=True, help_text="Tell people when no run started by this time of the day."
    )
    quiet_from = models.TimeField("quiet from", null=True, blank=True)
    quiet_until = models.TimeField("quiet until", null=True, blank=True)
    enabled = models.BooleanField(default=True)
    approved_version = models.PositiveIntegerField(
        null=True, editable=False, help_text="The version whose first full run was applied; none: never run."
    )
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
        indexes = [
            models.Index(
                fields=["next_run_at"], condition=~models.Q(next_run_at=None), name="goal_by_next_run"
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

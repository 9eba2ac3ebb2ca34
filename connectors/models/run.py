"""One execution of a goal, and what happened to every person in it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audiences.models import Profile
from connectors.models.goal import Goal
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, LargeAccountModel, User
from syncapp.audit.tracking import tracked


@tracked("goal", "decision", "decided_by", "decided_at", "decision_reason", updates_only=True)
class Run(AccountModel):
    """Counters obey `checked = created + updated + unchanged + Σ skipped + rejected + dead + waiting`, and on their own
    `removals = removed + removal_rejected + removal_dead + removal_skipped + removal_waiting`; waiting is 0 once
    it ended. `dead` are people given up after many tries. A held or dry run has a plan and counts nobody yet.
    """

    class Trigger(models.TextChoices):
        CHANGE = "change", "A change"
        MANUAL = "manual", "A person"
        SCHEDULE = "schedule", "The schedule"
        UNDO = "undo", "Undo of a removal"
        REPAIR = "repair", "Repair of differences"
        REPLAY = "replay", "Failed people again"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        PLANNING = "planning", "Planning"
        HELD = "held", "Held for approval"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Waiting"
        COMPLETED = "completed", "Completed"
        WARNINGS = "warnings", "Completed with warnings"
        FAILED = "failed", "Failed"
        CANCELLING = "cancelling", "Being cancelled"
        CANCELLED = "cancelled", "Cancelled"
        LOST = "lost", "Lost"

    class Decision(models.TextChoices):
        APPROVED = "approved", "Approved"
        DISMISSED = "dismissed", "Dismissed"
        CANCELLED = "cancelled", "Cancelled"
        UNDO = "undo", "Undo of a removal"

    NOT_PLANNED = (State.QUEUED, State.PLANNING, State.HELD)
    OPEN = (State.QUEUED, State.PLANNING, State.HELD, State.RUNNING, State.WAITING, State.CANCELLING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    goal = AccountForeignKey(
        Goal, on_delete=models.CASCADE, related_name="runs", on_database_delete="CASCADE"
    )
    trigger = models.CharField(max_length=10, choices=Trigger)
    full = models.BooleanField(default=False, help_text="The whole audience, not only the people touched.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True, help_text="In words, for staff.")
    dry = models.BooleanField(default=False, help_text="Shows the plan and changes nothing.")
    plan = models.JSONField(
        default=dict,
        help_text="{counts: {class: people}, samples: {class: [profile ids]}, why_held, on_list}",
    )
    plan_hash = models.CharField(
        max_length=64, blank=True, help_text="Of who is to be done what, by which version."
    )
    approved_hash = models.CharField(max_length=64, blank=True)
    decision = models.CharField(
        max_length=10, choices=Decision, blank=True, db_default="", help_text="The last one, by a person."
    )
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    undoes = AccountForeignKey(
        "self",
        on_delete=models.DO_NOTHING,
        related_name="undone_by",
        on_database_delete="SET NULL",
        null=True,
        blank=True,
    )
    settings = models.JSONField(default=dict, help_text="The goal as it was: list, mapping, version.")
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    checked = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    skipped = models.JSONField(default=dict, help_text="{reason: people}")
    rejected = models.PositiveIntegerField(default=0)
    dead = models.PositiveIntegerField(default=0, help_text="Given up after many tries.")
    waiting = models.PositiveIntegerField(default=0)
    # Removals: people we put on the list who should not be there any more.
    removals = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    removal_rejected = models.PositiveIntegerField(default=0)
    removal_dead = models.PositiveIntegerField(default=0)
    removal_skipped = models.PositiveIntegerField(default=0)
    removal_waiting = models.PositiveIntegerField(default=0)
    forgotten = models.JSONField(
        default=dict,
        db_default={},
        help_text="{operation/result/code: people} of outcomes deleted with the person.",
    )
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-queued_at"]
        indexes = [
            models.Index(fields=["account", "-queued_at"], name="run_by_time"),
            models.Index(fields=["account", "goal", "-queued_at"], name="run_by_goal"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "goal", "trigger", "dry"],
                condition=Q(state__in=["queued", "planning"]),
                name="run_waiting_once_per_goal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.goal} · {timezone.localtime(self.queued_at):%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def skipped_total(self) -> int:
        return sum(self.skipped.values())

    @property
    def adds_up(self) -> bool:
        people = (
            self.created
            + self.updated
            + self.unchanged
            + self.skipped_total
            + self.rejected
            + self.dead
            + self.waiting
        )
        removals = (
            self.removed
            + self.removal_rejected
            + self.removal_dead
            + self.removal_skipped
            + self.removal_waiting
        )
        return self.checked == people and self.removals == removals


class Outcome(LargeAccountModel):
    """What happened to one person in a run: at most one row per person, run and operation, whatever is repeated."""

    class Operation(models.TextChoices):
        UPSERT = "upsert", "Add or update"
        RESTORE = "restore", "Put back on the list"
        CLEAR = "clear", "Empty the audience field"
        UNSUBSCRIBE = "unsubscribe", "Unsubscribe"
        REMOVE = "remove", "Remove from the list"

    ADDING = (Operation.UPSERT, Operation.RESTORE)
    TAKING_OFF = (Operation.CLEAR, Operation.UNSUBSCRIBE, Operation.REMOVE)

    class Result(models.TextChoices):
        CREATED = "created", "Added"
        UPDATED = "updated", "Updated"
        SKIPPED = "skipped", "Not sent"
        REJECTED = "rejected", "Rejected by the ESP"
        REMOVED = "removed", "Taken off"
        DEAD = "dead", "Given up"

    pk = models.CompositePrimaryKey("account", "profile", "run", "operation")
    run = AccountForeignKey(
        Run,
        on_delete=models.DO_NOTHING,
        related_name="outcomes",
        on_database_delete="CASCADE",
        db_index=False,
    )
    profile = AccountForeignKey(
        Profile,
        on_delete=models.DO_NOTHING,
        related_name="outcomes",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    operation = models.CharField(max_length=12, choices=Operation)
    result = models.CharField(max_length=10, choices=Result)
    code = models.CharField(max_length=40, blank=True, help_text="The reason, or the ESP's code.")
    message = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "run", "result", "code", "profile"], name="outcome_by_result"),
        ]

    def __str__(self) -> str:
        return f"{self.get_result_display()} {self.code}".strip()

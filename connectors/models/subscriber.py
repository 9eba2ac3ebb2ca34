"""What an ESP's list holds of each person, and what it should hold: memory and queue in one row."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from audiences.models import Profile
from connectors.models.goal import Goal
from connectors.models.run import Outcome, Run
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, LargeAccountModel

UNKNOWN_HASH = uuid.UUID(int=0)


class Subscriber(LargeAccountModel):
    """`accepted_*` is what the ESP last accepted from us, written only after it did; `wanted*` what should be.

    `accepted_hash` is UNKNOWN_HASH where an answer was lost since: it may hold that, or what was sent later.
    `remote_state` is the ESP's word (active, unsubscribed, …), or ours: "left" where we took the person off because
    they left ("maybe_left": the answer to the removal was lost), "cleared" where we emptied their audience field.
    A row with `due_at` has an operation to be sent, and `run` is the run that has to account for it; without, the
    run that did last. Who is being sent right now stands in a `Flight`.
    """

    class Wanted(models.TextChoices):
        ON = "on", "On the list"
        OFF = "off", "Not on the list"

    pk = models.CompositePrimaryKey("account", "goal", "profile")
    goal = AccountForeignKey(
        Goal,
        on_delete=models.DO_NOTHING,
        related_name="subscribers",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    profile = AccountForeignKey(
        Profile,
        on_delete=models.DO_NOTHING,
        related_name="subscribers",
        checked="statement",
        db_index=False,
    )
    wanted = models.CharField(max_length=3, choices=Wanted)
    reason = models.CharField(max_length=40, blank=True, help_text="Why not on the list.")
    wanted_hash = models.UUIDField(null=True, blank=True)
    accepted_hash = models.UUIDField(null=True, blank=True)
    accepted_address = models.CharField(max_length=254, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    tried_addresses = ArrayField(
        models.CharField(max_length=254),
        null=True,
        blank=True,
        help_text="Sent to the ESP, the answer lost: it may hold them.",
    )
    remote_state = models.CharField(max_length=20, blank=True)
    kept = models.BooleanField(
        db_default=False, help_text="Left the audience, and stays on the list because a removal was undone."
    )
    operation = models.CharField(max_length=12, choices=Outcome.Operation, blank=True)
    run = AccountForeignKey(
        Run,
        on_delete=models.DO_NOTHING,
        related_name="+",
        on_database_delete="SET NULL",
        null=True,
        db_index=False,
    )
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(db_default=0, help_text="Workers that died sending them.")
    first_failed_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when nobody tries any more: refused, given up or quarantined."
    )
    error_class = models.CharField(max_length=20, blank=True, db_default="")
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["account", "goal", "operation", "profile"],
                condition=~Q(due_at=None),
                name="subscriber_due",
            ),
            models.Index(
                fields=["account", "goal", "error_class", "error_code", "profile"],
                condition=~Q(dead_at=None),
                name="subscriber_dead",
            ),
        ]

    def __str__(self) -> str:
        return f"Person {self.profile_id} for goal {self.goal_id}"


class Flight(AccountModel):
    """A batch being sent: committed before the first byte leaves, gone when its outcome is written."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    goal = AccountForeignKey(
        Goal, on_delete=models.CASCADE, related_name="flights", on_database_delete="CASCADE"
    )
    operation = models.CharField(max_length=12, choices=Outcome.Operation)
    profile_ids = ArrayField(models.BigIntegerField())
    addresses = ArrayField(models.CharField(max_length=254, null=True), null=True, help_text="As being sent.")
    fingerprints = ArrayField(models.UUIDField(), null=True, help_text="Of what is being sent.")
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{len(self.profile_ids)} people of goal {self.goal_id}"

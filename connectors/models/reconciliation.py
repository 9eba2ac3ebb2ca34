"""What comparing an ESP's list with our memory of it found."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audiences.models import Profile
from connectors.models.goal import Goal
from connectors.models.run import Run
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, LargeAccountModel, User


class Reconciliation(AccountModel):
    """One reading of a goal's list at the ESP, and the comparison with what we remember of it. Writes nothing there.

    `part` and `cursor` say where the reading stands; both are saved with the page they come from.
    `matrix` is {side: {seen: [people, of whom differ]}}, `differences` {kind: people}.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        READING = "reading", "Reading the list"
        CHECKING = "checking", "Asking again for who is missing"
        COMPARING = "comparing", "Comparing"
        DONE = "done", "Done"
        REPAIRING = "repairing", "Preparing the repair"
        FAILED = "failed", "Failed"

    class Trigger(models.TextChoices):
        NIGHTLY = "nightly", "Every night"
        MANUAL = "manual", "A person"

    READS = (State.QUEUED, State.READING, State.CHECKING, State.COMPARING)
    OPEN = (*READS, State.REPAIRING)

    goal = AccountForeignKey(
        Goal, on_delete=models.CASCADE, related_name="reconciliations", on_database_delete="CASCADE"
    )
    trigger = models.CharField(max_length=10, choices=Trigger)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it failed or waits, for staff.")
    note = models.CharField(max_length=300, blank=True, help_text="What else was noticed, for staff.")
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    part = models.CharField(max_length=20, blank=True, help_text="The state of people being read.")
    cursor = models.TextField(blank=True)
    read = models.PositiveIntegerField(default=0, help_text="People read so far.")
    expected = models.PositiveIntegerField(
        default=0, help_text="Of how many, as far as the ESP has said by now."
    )
    asked = models.PositiveIntegerField(default=0, help_text="People looked up one by one.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Troubles in a row.")
    matrix = models.JSONField(default=dict)
    differences = models.JSONField(default=dict)
    moving = models.PositiveIntegerField(default=0, help_text="Changed meanwhile, so not compared.")
    fields = models.JSONField(default=list, help_text="Keys of the list's fields that were compared.")
    repair = models.JSONField(default=dict, help_text="{kinds, reason, withdrawn, repaired: {kind: people}}")
    repaired_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    repaired_at = models.DateTimeField(null=True, blank=True)
    repair_run = AccountForeignKey(
        Run,
        on_delete=models.DO_NOTHING,
        related_name="+",
        on_database_delete="SET NULL",
        null=True,
        blank=True,
    )
    queued_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(null=True, blank=True, help_text="By the database's clock.")
    compared_at = models.DateTimeField(null=True, blank=True, help_text="By the database's clock.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-queued_at"]
        indexes = [
            models.Index(fields=["account", "goal", "-queued_at"], name="reconciliation_by_goal"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "goal"],
                condition=Q(state__in=["queued", "reading", "checking", "comparing", "repairing"]),
                name="reconciliation_once_per_goal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.goal} · {timezone.localtime(self.queued_at):%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def found(self) -> int:
        """People who differ."""
        return sum(self.differences.values())

    @property
    def percent(self) -> int:
        """Of the reading; the ESP says how many there are part by part."""
        if self.state in (self.State.QUEUED, self.State.READING):
            return min(99, 100 * self.read // self.expected) if self.expected else 0
        return 100


class ListEntry(LargeAccountModel):
    """A person as the ESP's list held them while it was read; gone as soon as they were compared.

    `fingerprint` is that of our person's inputs when the page was read, `differing` the fields in which the ESP
    holds something else than these inputs become. No values are kept.
    """

    pk = models.CompositePrimaryKey("account", "reconciliation", "address")
    reconciliation = AccountForeignKey(
        Reconciliation,
        on_delete=models.DO_NOTHING,
        related_name="entries",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    address = models.CharField(max_length=320)
    state = models.CharField(max_length=20, blank=True, help_text="Empty: not on the list.")
    suppressed = models.BooleanField(db_default=False)
    since = models.DateTimeField(null=True, blank=True, help_text="Since when in this state.")
    fingerprint = models.UUIDField(null=True, blank=True)
    differing = ArrayField(models.TextField(), null=True, blank=True)

    def __str__(self) -> str:
        return f"Entry of reconciliation {self.reconciliation_id}"


class Finding(LargeAccountModel):
    """What the last reconciliation says of one person: a cell of the matrix, and what differs, if anything.

    `side` is ours, `seen` the ESP's. `kind` is "" for who is in step. Without `profile` nobody we know has the
    address.
    """

    class Side(models.TextChoices):
        WANTED = "wanted", "Wanted"
        OURS = "ours", "Not wanted, put there by us"
        OTHERS = "others", "Not wanted, not put there by us"
        MOVING = "moving", "In movement"

    class Seen(models.TextChoices):
        ACTIVE = "active", "Subscribed"
        UNCONFIRMED = "unconfirmed", "Unconfirmed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Bounced"
        REMOVED = "removed", "Removed"
        SUPPRESSED = "suppressed", "Suppressed"
        ABSENT = "absent", "Absent"

    class Kind(models.TextChoices):
        MISSING = "missing", "Missing at the ESP"
        STATE = "state", "The ESP mails them no more"
        BACK = "back", "Back on the list at the ESP"
        FIELDS = "fields", "Fields differ"
        STAYS = "stays", "Still mailed, though taken off"
        EXTRA = "extra", "Not put there by us"

    pk = models.CompositePrimaryKey("account", "reconciliation", "side", "seen", "kind", "number")
    reconciliation = AccountForeignKey(
        Reconciliation,
        on_delete=models.DO_NOTHING,
        related_name="findings",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    side = models.CharField(max_length=7, choices=Side)
    seen = models.CharField(max_length=12, choices=Seen)
    kind = models.CharField(max_length=10, choices=Kind, blank=True)
    number = models.PositiveIntegerField()
    profile = AccountForeignKey(
        Profile,
        on_delete=models.DO_NOTHING,
        related_name="+",
        on_database_delete="CASCADE",
        checked="statement",
        null=True,
        db_index=False,
    )
    address = models.CharField(max_length=320, blank=True)
    why = models.CharField(max_length=40, blank=True, help_text="A reason as in connectors.sync.words.")
    since = models.DateTimeField(null=True, blank=True)
    differing = ArrayField(models.TextField(), null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["account", "reconciliation", "kind", "number"],
                condition=~Q(kind=""),
                name="finding_by_kind",
            ),
            models.Index(
                fields=["account", "profile"], condition=~Q(profile=None), name="finding_by_profile"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()}, {self.get_seen_display().lower()}"

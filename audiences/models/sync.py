"""Sync sessions: an audience replaced as a whole, or changed in many chunks, and visible at once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audiences.models.audience import Audience
from audiences.models.job import Job
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, ApiKey, LargeAccountModel, User
from syncapp.audit.tracking import tracked


@tracked("state", "confirmed_by", words="sync session", updates_only=True)
class SyncSession(AccountModel):
    """Chunks are staged while it is open; the commit checks the guards and swaps in one transaction.

    `guards`: {max_removed_percent, max_removed, min_total, max_failed_percent}. `guard`: what stopped it,
    {tripped, would_add, would_remove, percent}; the confirm token is kept as its SHA-256 and fits only the staged
    content whose digest is `content_sha256`. `counters`: as the summary of a batch.
    """

    class Mode(models.TextChoices):
        REPLACE = "replace", "Replace"
        DELTA = "delta", "Change"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        VALIDATING = "validating", "Being checked"
        READY = "ready", "Ready"
        BLOCKED = "blocked_by_guard", "Stopped by a guard"
        APPLYING = "applying", "Being applied"
        COMPLETED = "completed", "Completed"
        COMPLETED_WITH_ERRORS = "completed_with_errors", "Completed with errors"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"
        CANCELLED = "cancelled", "Cancelled"

    LIVE = (State.OPEN, State.VALIDATING, State.READY, State.BLOCKED, State.APPLYING)

    audience = AccountForeignKey(
        Audience, on_delete=models.CASCADE, related_name="syncs", on_database_delete="CASCADE"
    )
    key = AccountForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, related_name="+", on_database_delete="SET NULL", null=True
    )
    job = AccountForeignKey(
        Job, on_delete=models.DO_NOTHING, related_name="+", on_database_delete="SET NULL", null=True
    )
    mode = models.CharField(max_length=7, choices=Mode)
    state = models.CharField(max_length=25, choices=State, default=State.OPEN)
    snapshot_at = models.DateTimeField(help_text="As of when the caller's system looked.")
    expected_total = models.PositiveIntegerField(null=True)
    identifier = models.CharField(max_length=20, choices=Audience.Identifies)
    unknown_contacts = models.CharField(max_length=10, choices=Audience.Unknown)
    guards = models.JSONField(default=dict)
    guard = models.JSONField(null=True)
    confirm_sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    content_sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    external_run_id = models.CharField(max_length=255, blank=True)
    counters = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    committed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "audience"],
                condition=Q(
                    mode="replace", state__in=["open", "validating", "ready", "blocked_by_guard", "applying"]
                ),
                name="sync_one_replace_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["account", "key", "audience", "external_run_id"],
                condition=~Q(external_run_id=""),
                name="sync_once_per_external_run",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "audience", "-id"], name="sync_newest"),
            models.Index(
                fields=["account", "expires_at"],
                condition=Q(state__in=["open", "ready", "blocked_by_guard"]),
                name="sync_expiring",
            ),
        ]

    def __str__(self) -> str:
        return f"sync_{self.pk}"


class SyncChunk(AccountModel):
    """What came under one number. `sha256` is of the decompressed content and its media type."""

    session = AccountForeignKey(
        SyncSession, on_delete=models.CASCADE, related_name="chunks", on_database_delete="CASCADE"
    )
    number = models.PositiveIntegerField(help_text="From 1.")
    sha256 = models.BinaryField(max_length=32)
    items = models.PositiveIntegerField()
    failed = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "session", "number"], name="sync_chunk_once"),
        ]

    def __str__(self) -> str:
        return f"Chunk {self.number} of session {self.session_id}"


class StagedItem(LargeAccountModel):
    """One item of a chunk, waiting for the commit. `code`: it cannot be taken, and why."""

    pk = models.CompositePrimaryKey("account", "session", "chunk", "position")
    session = AccountForeignKey(
        SyncSession,
        on_delete=models.DO_NOTHING,
        related_name="staged",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    chunk = models.PositiveIntegerField()
    position = models.PositiveIntegerField(help_text="Within the chunk, from 0.")
    op = models.CharField(max_length=6, choices=[("add", "Add"), ("remove", "Remove")])
    kind = models.CharField(max_length=20, choices=Audience.Identifies)
    value = models.CharField(max_length=255)
    occurred_at = models.DateTimeField(null=True)
    contact = models.JSONField(null=True, help_text="Contact data to be written, as in a batch.")
    code = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    pointer = models.CharField(max_length=300, blank=True)
    original = models.TextField(null=True)  # noqa: DJ001  only of items that cannot be taken

    def __str__(self) -> str:
        return f"{self.op} {self.position} of chunk {self.chunk}"

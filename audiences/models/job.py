"""Work that external systems asked for and that goes on after the answer: imports, sync sessions, erasures."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audiences.models.audience import Audience
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, ApiKey, LargeAccountModel, User
from syncapp.audit.tracking import tracked


@tracked("kind", "approval", "decided_by", "decision_reason", words="API job", updates_only=True)
class Job(AccountModel):
    """One task of the API, with counters that add up: succeeded + failed + skipped = processed ≤ total.

    `params` is what was asked, `cursor` how far it has come, `result` what its kind answers in the end. `approval` is
    empty where nobody needs to be asked; a job waiting for a person is `queued` and not carried out.
    """

    class Kind(models.TextChoices):
        AUDIENCE_REPLACE = "audience_replace", "Replace an audience"
        AUDIENCE_DELTA = "audience_delta", "Change an audience"
        AUDIENCE_DELETE = "audience_delete", "Delete an audience"
        AUDIENCE_EMPTY = "audience_empty", "Empty an audience"
        CONTACTS_IMPORT = "contacts_import", "Import contacts"
        CONTACT_DELETE = "contact_delete", "Delete a contact"
        CONTACT_ERASE = "contact_erase", "Erase a contact"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        COMPLETED_WITH_ERRORS = "completed_with_errors", "Completed with errors"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Approval(models.TextChoices):
        WAITING = "waiting", "Waits for a person"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    kind = models.CharField(max_length=20, choices=Kind)
    state = models.CharField(max_length=25, choices=State, default=State.QUEUED)
    key = AccountForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, related_name="+", on_database_delete="SET NULL", null=True
    )
    audience = AccountForeignKey(
        Audience, on_delete=models.DO_NOTHING, related_name="jobs", on_database_delete="SET NULL", null=True
    )
    total = models.PositiveBigIntegerField(null=True, help_text="Null until it is known.")
    processed = models.PositiveBigIntegerField(default=0)
    succeeded = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)
    skipped = models.PositiveBigIntegerField(default=0)
    error_summary = models.JSONField(default=list, help_text="[{code, count, retryable, sample}]")
    params = models.JSONField(default=dict)
    cursor = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it failed or ended, in words.")
    approval = models.CharField(max_length=10, choices=Approval, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=200, blank=True)
    cancel_asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="Until when errors and results are kept.")

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["account", "-id"], name="job_newest"),
            models.Index(fields=["account", "expires_at"], name="job_expiring"),
            models.Index(
                fields=["account", "id"], condition=Q(approval="waiting"), name="job_waiting_for_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"job_{self.pk}"

    @property
    def is_over(self) -> bool:
        return self.state not in (self.State.QUEUED, self.State.RUNNING)


class JobError(LargeAccountModel):
    """One row of a job that failed. `original` is what was sent, as JSON text; it goes with the job's results."""

    pk = models.CompositePrimaryKey("account", "job", "number")
    job = AccountForeignKey(
        Job,
        on_delete=models.DO_NOTHING,
        related_name="errors",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    number = models.BigIntegerField(help_text="Position in the job, from 0; for files the line, from 1.")
    code = models.CharField(max_length=40)
    detail = models.CharField(max_length=300, blank=True)
    pointer = models.CharField(max_length=300, blank=True)
    retryable = models.BooleanField(default=False)
    original = models.TextField(null=True)  # noqa: DJ001  absent and "" differ

    def __str__(self) -> str:
        return f"{self.number}: {self.code}"


class JobPart(AccountModel):
    """A piece of what a job works on, gzipped, gone when the job's results expire. `done_at`: carried out."""

    job = AccountForeignKey(Job, on_delete=models.CASCADE, related_name="parts", on_database_delete="CASCADE")
    number = models.PositiveIntegerField(help_text="From 0.")
    items = models.PositiveIntegerField()
    first_line = models.PositiveBigIntegerField(default=0)
    body = models.BinaryField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "job", "number"], name="job_part_once")]

    def __str__(self) -> str:
        return f"Part {self.number} of job {self.job_id}"

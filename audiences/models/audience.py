"""An account's own groups of people."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audiences.models.profile import Profile
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, LargeAccountModel
from syncapp.audit.tracking import tracked

ADDED_SINCE = datetime(1900, 1, 1, tzinfo=UTC)  # everybody's


def to_name_key(name: str) -> str:
    """Trimmed, NFC, case-folded: two names with one key are one name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


@tracked(
    "external_id",
    "name",
    "description",
    "kind",
    "identifier",
    "unknown_contacts",
    "folder",
    "labels",
    "favourite",
    "source_system",
    "expires_at",
    "archived_at",
    "deleted_at",
)
class Audience(AccountModel):
    """A group of people, pushed through the API or made by rules.

    `version` counts what readers can see change (it is also the ETag); `member_count` and `held_count` are kept
    by whoever changes members, in the same transaction.
    """

    class Kind(models.TextChoices):
        PUSHED = "pushed", "Pushed by another system"
        RULES = "rules", "Made by rules"

    class Identifies(models.TextChoices):
        EXTERNAL_ID = "external_id", "External id"
        EMAIL = "email", "E-mail address"
        EMAIL_SHA256 = "email_sha256", "SHA-256 of the e-mail address"
        ID = "id", "Our own id"

    class Unknown(models.TextChoices):
        REJECT = "reject", "Reject"
        CREATE = "create", "Create the person"
        HOLD = "hold", "Hold until the person is known"

    external_id = models.CharField(max_length=255, help_text="The id other systems use; taken verbatim.")
    name = models.CharField(max_length=255)
    name_key = models.CharField(max_length=255, editable=False)
    description = models.CharField(max_length=2000, blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PUSHED, editable=False)
    identifier = models.CharField(max_length=20, choices=Identifies, default=Identifies.EXTERNAL_ID)
    unknown_contacts = models.CharField(max_length=10, choices=Unknown, default=Unknown.REJECT)
    folder = models.CharField(max_length=100, blank=True)
    labels = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    favourite = models.BooleanField(default=False)
    source_system = models.CharField(
        max_length=100, blank=True, help_text="The system that owns it, e.g. “ERP”."
    )
    source_client = models.CharField(
        max_length=8, blank=True, editable=False, help_text="Prefix of the creating key."
    )
    member_count = models.PositiveIntegerField(default=0, editable=False)
    held_count = models.PositiveIntegerField(default=0, editable=False)
    reach = models.JSONField(null=True, blank=True, editable=False, help_text="Kept by audiences.reach.")
    reach_counted_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    last_sync = models.JSONField(null=True, blank=True, editable=False)
    last_member_added_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_member_removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaced_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Snapshot time of the latest replace: everybody's last change is at least this.",
    )
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "external_id"],
                condition=Q(deleted_at=None),
                name="audience_external_id_per_account",
            ),
            models.UniqueConstraint(
                fields=["account", "name_key"],
                condition=Q(deleted_at=None),
                name="audience_name_per_account",
                violation_error_message="Another audience of this client has this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        self.name_key = to_name_key(self.name)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = to_name_key(self.name)
        super().save(*args, **kwargs)


class Member(LargeAccountModel):
    """A person in an audience, or the trace that they were (`removed`, kept 30 days so that late news is stale).

    `changed_at` is when the latest applied operation happened, in the caller's time.
    """

    class State(models.TextChoices):
        MEMBER = "member", "Member"
        REMOVED = "removed", "Removed"

    pk = models.CompositePrimaryKey("account", "audience", "profile")
    audience = AccountForeignKey(
        Audience,
        on_delete=models.DO_NOTHING,
        related_name="members",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    profile = AccountForeignKey(
        Profile,
        on_delete=models.DO_NOTHING,
        related_name="memberships",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    state = models.CharField(max_length=7, choices=State, default=State.MEMBER)
    changed_at = models.DateTimeField(default=timezone.now)
    added_at = models.DateTimeField(default=timezone.now)
    generation = models.BigIntegerField(default=0)
    source = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "profile", "audience"], name="member_by_profile"),
            # Only a query that says so itself can use it: before an ANALYZE it looks as good as the key to the
            # planner, and looking up nine thousand people by it took minutes.
            models.Index(
                fields=["account", "audience", "added_at", "profile"],
                condition=Q(state="member", added_at__gte=ADDED_SINCE),
                name="member_by_added_at",
            ),
        ]

    def __str__(self) -> str:
        return f"Person {self.profile_id} in audience {self.audience_id}"


class Pending(AccountModel):
    """An operation on a person we do not know yet, applied when the person appears (30 days)."""

    audience = AccountForeignKey(
        Audience,
        on_delete=models.DO_NOTHING,
        related_name="pending",
        on_database_delete="CASCADE",
        db_index=False,
    )
    kind = models.CharField(max_length=20, choices=Audience.Identifies)
    value = models.CharField(max_length=255)
    state = models.CharField(max_length=7, choices=Member.State, default=Member.State.MEMBER)
    changed_at = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "pending"
        constraints = [
            models.UniqueConstraint(fields=["account", "audience", "kind", "value"], name="pending_once"),
        ]
        indexes = [
            models.Index(fields=["account", "kind", "value"], name="pending_by_value"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

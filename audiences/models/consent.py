"""What people agreed to. The ledger is only ever added to; profiles carry its projection."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from audiences.models.profile import Profile
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, LargeAccountModel
from syncapp.audit.tracking import tracked


@tracked("key", "label", "description")
class Objective(AccountModel):
    """A privacy purpose a person is asked consent for. The key never changes: the ledger uses it."""

    key = models.CharField(
        max_length=60,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*$", "Small letters, digits and _, beginning with a letter.")
        ],
        help_text="Fixed after the first save; API calls name it.",
    )
    label = models.CharField(max_length=100)
    description = models.TextField(blank=True, help_text="What the person is told when asked.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["label"]
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="objective_key_per_account"),
        ]

    def __str__(self) -> str:
        return self.label


class Consent(LargeAccountModel):
    """One dated answer of one person to one objective, with source and proof. Append-only (a trigger refuses)."""

    class State(models.TextChoices):
        GRANTED = "granted", "Granted"
        DENIED = "denied", "Denied"

    profile = AccountForeignKey(
        Profile,
        on_delete=models.DO_NOTHING,
        related_name="ledger",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
    )
    objective_key = models.CharField(max_length=60)
    state = models.CharField(max_length=7, choices=State)
    source = models.CharField(max_length=100, help_text="api:<key label>, admin:<user>, or connection:<id>.")
    method = models.CharField(max_length=20, blank=True, help_text="double_opt_in, single, import, api.")
    occurred_at = models.DateTimeField(help_text="When the person answered.")
    recorded_at = models.DateTimeField(default=timezone.now, help_text="When we were told.")
    evidence = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = "consent"
        indexes = [
            models.Index(fields=["account", "profile", "-occurred_at"], name="consent_by_profile"),
        ]

    def __str__(self) -> str:
        return f"{self.objective_key}: {self.get_state_display().lower()}"


@tracked("reason", "source")
class Suppression(AccountModel):
    """An address that is never mailed for this account. Only its HMAC is kept, so that it survives an erasure."""

    class Reason(models.TextChoices):
        COMPLAINT = "complaint", "Complained of spam"
        BOUNCE = "bounce", "Bounced for good"
        REQUEST = "request", "Asked never to be mailed"
        ERASURE = "erasure", "Erased on request"
        MANUAL = "manual", "Added by staff"

    address_hmac = models.BinaryField(max_length=32, editable=False)
    reason = models.CharField(max_length=10, choices=Reason, default=Reason.MANUAL)
    source = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "address_hmac"], name="suppression_once_per_address"),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({bytes(self.address_hmac).hex()[:8]}…)"


class Erasure(AccountModel):
    """An identifier of an erased person, as an HMAC (`audiences.suppressions.to_hmac`): it never comes back.

    The address is kept as a suppression as well, which the gate reads.
    """

    class Kind(models.TextChoices):
        EXTERNAL_ID = "external_id", "External id"
        EMAIL = "email", "E-mail address"
        EMAIL_SHA256 = "email_sha256", "SHA-256 of the e-mail address"

    kind = models.CharField(max_length=20, choices=Kind)
    value_hmac = models.BinaryField(max_length=32, editable=False)
    erased_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "value_hmac"], name="erasure_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {bytes(self.value_hmac).hex()[:8]}…"

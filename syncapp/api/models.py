"""What the API remembers of its clients: used quota, answers that may be asked for again, tokens, calls."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, ApiKey, LargeAccountModel, User
from syncapp.audit.tracking import tracked


class RateWindow(AccountModel):
    """The quota one key has used since `started_at`. Written by one statement (`rates.TAKE`), never saved."""

    class Quota(models.TextChoices):
        REQUESTS = "requests", "Requests"
        MEMBER_OPERATIONS = "member_operations", "Member operations"

    key = AccountForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    quota = models.CharField(max_length=20, choices=Quota)
    started_at = models.DateTimeField()
    used = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key", "quota"], name="rate_window_once_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.used} {self.get_quota_display().lower()} since {self.started_at}"


class Reply(AccountModel):
    """An answer given for an Idempotency-Key, stored in the transaction of its effect; kept 24 hours."""

    key = AccountForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    idempotency_key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "replies"
        constraints = [
            models.UniqueConstraint(fields=["account", "key", "idempotency_key"], name="reply_once_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.status} for {self.idempotency_key}"


class AccessToken(AccountModel):
    """What a key's id and secret were exchanged for (OAuth2 client credentials). Only its SHA-256 is kept."""

    key = AccountForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(
        models.CharField(max_length=30), help_text="The key's at most; the caller may narrow."
    )
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "key"], name="access_token_of_key"),
            models.Index(fields=["expires_at"], name="access_token_expiry"),
        ]

    def __str__(self) -> str:
        return f"Token until {self.expires_at}"


@tracked("key", "label", "expires_at", "revoked_at", "created_by")
class InspectorToken(AccountModel):
    """Lets an outside developer look at one key's calls, without the admin. Only its SHA-256 is kept."""

    key = AccountForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE")
    label = models.CharField(max_length=100, help_text="Who gets it, e.g. “Web shop’s developer”.")
    token_sha256 = models.BinaryField(max_length=32, unique=True, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.label

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class ApiCall(LargeAccountModel):
    """One call of a key, kept some days (`API_CALLS_DAYS`). Written by one statement (`calls.WRITE`), never saved.

    In clear stands only what names no person: a contact's id in the path is replaced. Path, query, headers,
    bodies and the caller's address are in `sealed`, encrypted and bound to account and request id.
    """

    key = AccountForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    at = models.DateTimeField()
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=300, help_text="Without contacts' ids.")
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60, help_text="Of the error; empty where there was none.")
    request_id = models.CharField(max_length=40)
    took_ms = models.FloatField()
    received_items = models.PositiveIntegerField(null=True)
    failed_items = models.PositiveIntegerField(null=True)
    request_bytes = models.PositiveIntegerField(
        null=True, help_text="Decompressed; null where it was not read."
    )
    answer_bytes = models.PositiveIntegerField(null=True, help_text="Null where the answer was a stream.")
    replay_of = models.CharField(max_length=40, help_text="Request id of the call that was sent again.")
    sealed = models.TextField()

    class Meta:
        verbose_name = "call"
        indexes = [
            models.Index(fields=["account", "key", "-id"], name="api_call_newest"),
            models.Index(
                fields=["account", "key", "-id"],
                name="api_call_failures",
                condition=Q(status__gte=400) | Q(failed_items__gt=0),
            ),
            models.Index(fields=["account", "request_id"], name="api_call_by_request_id"),
            BrinIndex(fields=["at"], name="api_call_age"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def has_failed(self) -> bool:
        return self.status >= 400 or (self.failed_items or 0) > 0


class ApiUsage(AccountModel):
    """What a key did on one day (UTC): kept up by the statement that writes calls, so that nobody counts them."""

    key = AccountForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    day = models.DateField()
    calls = models.BigIntegerField(db_default=0)
    failed_calls = models.BigIntegerField(db_default=0, help_text="Answered with 400 or above.")
    received_items = models.BigIntegerField(db_default=0)
    failed_items = models.BigIntegerField(db_default=0)
    refused_calls = models.BigIntegerField(db_default=0, help_text="With the right secret after its end.")
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key", "day"], name="api_usage_once_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls on {self.day}"


class RefusedCalls(models.Model):
    """Calls without a valid key on one day (UTC). Whose they were is unknown, so they are only counted."""

    day = models.DateField(primary_key=True)
    calls = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "refused calls"

    def __str__(self) -> str:
        return f"{self.calls} on {self.day}"


class FailedAttempts(models.Model):
    """Wrong credentials from one address for one client id, since `started_at`. Of nobody's account."""

    who_sha256 = models.BinaryField(primary_key=True, max_length=32)
    started_at = models.DateTimeField()
    failures = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "failed attempts"

    def __str__(self) -> str:
        return f"{self.failures} since {self.started_at}"


class UsedNonce(AccountModel):
    """A nonce of a signed call (OAuth 1.0a): the same call is not taken twice.

    Kept while its timestamp would be accepted (`audiences.compat.mailplus.nonces` writes and forgets them).
    """

    key = AccountForeignKey(
        ApiKey, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    nonce_sha256 = models.BinaryField(max_length=32, help_text="Of timestamp and nonce.")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key", "nonce_sha256"], name="nonce_once_per_key"),
        ]
        indexes = [
            models.Index(fields=["account", "key", "expires_at"], name="nonce_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"Nonce until {self.expires_at}"

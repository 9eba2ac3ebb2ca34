"""What the API remembers of its clients: used quota, and answers that may be asked for again."""

from __future__ import annotations

from django.db import models

from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, ApiKey


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

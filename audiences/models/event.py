"""What people did, and the products it was about: accepted from other systems, for later use."""

from __future__ import annotations

from django.db import models

from audiences.models.profile import Profile
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, LargeAccountModel


class Event(LargeAccountModel):
    """Something a person did. `stream` is where it came from (`activate`), `type` its name there.

    `dedupe_key` is the SHA-256 (hex) of what makes it the same event: the same one sent twice is one row.
    """

    profile = AccountForeignKey(
        Profile,
        on_delete=models.DO_NOTHING,
        related_name="events",
        on_database_delete="CASCADE",
        checked="statement",
        db_index=False,
        null=True,
    )
    stream = models.CharField(max_length=40)
    type = models.CharField(max_length=60)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    dedupe_key = models.CharField(max_length=64)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "stream", "dedupe_key"], name="event_once"),
        ]
        indexes = [
            models.Index(fields=["account", "profile", "-occurred_at"], name="event_by_profile"),
        ]

    def __str__(self) -> str:
        return f"{self.type} at {self.occurred_at}"


class Product(AccountModel):
    """A product of a shop, as another system describes it. Key: its id and language."""

    external_id = models.CharField(max_length=255)
    language = models.CharField(max_length=20, blank=True)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "external_id", "language"], name="product_once"),
        ]

    def __str__(self) -> str:
        return self.external_id

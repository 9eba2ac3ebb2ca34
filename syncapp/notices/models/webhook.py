"""Outgoing webhooks."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel
from syncapp.audit.tracking import tracked
from syncapp.notices.models.alert import Alert
from syncapp.secrets import EncryptedJSONField


@tracked("name", "hears_alerts", "kinds", "every_time", "events", "enabled", "disabled_reason")
class Endpoint(AccountModel):
    """A system of the client's that is told about alerts and events. Its URL may hold a key, so the trail leaves
    it out.

    `secrets`: `current`, and `previous` until `previous_until`, during a rotation.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, help_text="Which system it is, e.g. “Service desk”.")
    url = models.CharField("address", max_length=500, help_text="Begins with https://.")
    hears_alerts = models.BooleanField(
        "alerts", default=True, db_default=True, help_text="It is told when something needs a person."
    )
    kinds = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="Empty: all of them."
    )
    events = ArrayField(
        models.CharField(max_length=40),
        default=list,
        db_default=[],
        blank=True,
        help_text="Empty: none of them.",
    )
    every_time = models.BooleanField(
        "every time",
        default=False,
        help_text="Also when an open alert happens again, not only the first time.",
    )
    secrets = EncryptedJSONField(default=dict, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "webhook"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="endpoint_name_per_account"),
        ]

    def __str__(self) -> str:
        return self.name

    def wants(self, kind: str) -> bool:
        return self.hears_alerts and (not self.kinds or kind in self.kinds)


class Delivery(AccountModel):
    """One message to one endpoint. `body` is kept as text: what is signed is what is sent, byte for byte."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    endpoint = AccountForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="deliveries", on_database_delete="CASCADE",
        verbose_name="webhook",
    )  # fmt: skip
    alert = AccountForeignKey(
        Alert, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", null=True
    )
    type = models.CharField(max_length=40)
    occurrence = models.PositiveIntegerField(db_default=1)
    merge_key = models.CharField(
        max_length=120,
        db_default="",
        editable=False,
        help_text="What happens again before the first attempt, under the same key, is added to this message.",
    )
    message_id = models.CharField("webhook-id", max_length=40, editable=False)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State, db_default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(db_default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    last_status = models.PositiveSmallIntegerField("status", null=True)
    last_error = models.CharField("answer", max_length=200, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "endpoint", "alert", "type", "occurrence"],
                name="delivery_once_per_occurrence",
            ),
        ]
        indexes = [
            models.Index(
                fields=["account", "endpoint", "next_attempt_at"],
                condition=Q(state="waiting"),
                name="delivery_waiting",
            ),
            models.Index(fields=["account", "endpoint", "-id"], name="delivery_newest"),
            models.Index(
                fields=["account", "endpoint", "merge_key"],
                condition=Q(state="waiting", attempts=0) & ~Q(merge_key=""),
                name="delivery_merging",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.endpoint}"

    def as_bytes(self) -> bytes:
        return self.body.encode()

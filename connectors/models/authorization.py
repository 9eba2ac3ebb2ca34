"""Named credentials at an ESP."""

from __future__ import annotations

import uuid

from django.core.validators import MinValueValidator
from django.db import models

from connectors.esp import registry
from syncapp.accounts.models import AccountModel
from syncapp.audit.tracking import tracked
from syncapp.secrets import EncryptedJSONField


@tracked("connector", "label", "base_url", "calls_per_minute", "state")
class Authorization(AccountModel):
    """Credentials of one account at one ESP, usable by several connections."""

    class State(models.TextChoices):
        UNCHECKED = "unchecked", "Not checked yet"
        WORKS = "works", "Works"
        REFUSED = "refused", "Refused: needs new credentials"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connector = models.CharField("ESP", max_length=40, choices=registry.choices)
    label = models.CharField(
        max_length=100, help_text="How staff call it, e.g. “Campaign Monitor of the agency”."
    )
    base_url = models.CharField(
        "base address",
        max_length=300,
        blank=True,
        help_text="Only where the ESP has several hosts, or for a simulator. Empty: the connector's own.",
    )
    secrets = EncryptedJSONField(
        default=dict, blank=True, help_text="Keys as in the connector's specification."
    )
    secrets_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    calls_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Only when the ESP promised you a rate. Empty: learned from what the ESP allows.",
    )
    external_identity = models.CharField(max_length=200, blank=True, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.UNCHECKED, editable=False)
    state_reason = models.CharField(max_length=300, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["label"]
        constraints = [
            models.UniqueConstraint(fields=["account", "label"], name="authorization_label_per_account"),
        ]

    def __str__(self) -> str:
        return self.label

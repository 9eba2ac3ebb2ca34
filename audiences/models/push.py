"""What a client allows the systems that push into it."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from syncapp.accounts.models import AccountModel
from syncapp.api import limits
from syncapp.audit.tracking import tracked


@tracked("is_enabled", "requires_approval", "restore_days", "mailplus_may_empty", "activate_objectives")
class PushSettings(AccountModel):
    """One row per account; an account without a row has the defaults."""

    is_enabled = models.BooleanField(
        "audience API", default=True, help_text="Off: every call is refused with feature_not_enabled."
    )
    requires_approval = models.BooleanField(
        "destructive calls need a person",
        default=False,
        help_text="Deleting, emptying, replacing and erasing wait until somebody here approves.",
    )
    restore_days = models.PositiveSmallIntegerField(
        "days a deleted audience can be restored",
        default=limits.RESTORE_DEFAULT_DAYS,
        validators=[MinValueValidator(1), MaxValueValidator(limits.RESTORE_MOST_DAYS)],
    )
    mailplus_may_empty = models.BooleanField(
        "a Mail+ removal without a body empties",
        default=False,
        help_text="As Spotler Mail+ does. Off: such a call is refused, for it is usually a mistake.",
    )
    activate_objectives = models.JSONField(
        "objectives of Activate’s consents",
        default=dict,
        blank=True,
        help_text="{newsletter, service, marketing: objective key}; a missing one is the objective of that name.",
    )

    class Meta:
        verbose_name = "push settings"
        verbose_name_plural = "push settings"
        constraints = [models.UniqueConstraint(fields=["account"], name="push_settings_once")]

    def __str__(self) -> str:
        return "Push settings"


def push_settings(account_id: int) -> PushSettings:
    """The account's, or the defaults (not saved)."""
    found = PushSettings.objects.of(account_id).first()
    return found or PushSettings(account_id=account_id)

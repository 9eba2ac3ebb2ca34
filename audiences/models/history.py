"""How audiences came to be what they are: who joined and left, and how many there were."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from audiences.models.audience import Audience
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel


class MembershipChange(AccountModel):
    """Who really joined and left an audience in one transaction: one row per call, with arrays of people.

    `lowest` and `highest` bound the ids in both arrays, so that looking for one person reads few of them.
    """

    audience = AccountForeignKey(
        Audience, on_delete=models.CASCADE, related_name="+", on_database_delete="CASCADE", db_index=False
    )
    at = models.DateTimeField(help_text="When it was applied.")
    source = models.CharField(max_length=100, blank=True, help_text="As in Member.source.")
    added = ArrayField(models.BigIntegerField(), default=list)
    removed = ArrayField(models.BigIntegerField(), default=list)
    lowest = models.BigIntegerField()
    highest = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["account", "audience", "-at"], name="membership_change_newest")]

    def __str__(self) -> str:
        return f"{len(self.added)} joined, {len(self.removed)} left"


class AudienceSize(AccountModel):
    """Members at the end of a day (UTC), and until then the latest count; written by whoever changes members."""

    audience = AccountForeignKey(
        Audience, on_delete=models.CASCADE, related_name="sizes", on_database_delete="CASCADE", db_index=False
    )
    day = models.DateField()
    members = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "audience", "day"], name="audience_size_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.members} on {self.day}"

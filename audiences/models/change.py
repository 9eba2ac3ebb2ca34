"""The durable change feed: which people were touched, one row per batch."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from syncapp.accounts.models import AccountModel


class Change(AccountModel):
    """People touched in one transaction.

    One array per batch instead of a row per person: a million changed people are a hundred rows. Consumers
    claim rows by `planned_at`, never by a cursor over ids: ids become visible out of order.
    `origin` is where the change came from (`connection:7`), so that it is not sent back there.
    """

    profile_ids = ArrayField(models.BigIntegerField())
    origin = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    planned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "id"], condition=Q(planned_at=None), name="change_not_planned"),
        ]

    def __str__(self) -> str:
        return f"{len(self.profile_ids)} people"

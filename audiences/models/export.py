"""What left the product as a file: who took which people out, when, and how many."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from audiences.models.audience import Audience
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, User
from syncapp.audit.tracking import tracked


@tracked("name", "columns", "members", "created_by", "finished_at", words="member export")
class MemberExport(AccountModel):
    """A download of an audience's members. The row is there before the first person leaves.

    `name` is the audience's at that time. `finished_at` stays empty where the download broke off; `members` then
    says how many were handed out at least.
    """

    audience = AccountForeignKey(
        Audience, on_delete=models.DO_NOTHING, related_name="+", on_database_delete="SET NULL", null=True
    )
    name = models.CharField(max_length=255)
    columns = ArrayField(models.CharField(max_length=80), default=list)
    members = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.members} members of {self.name}"

"""E-mails to the people who look after a client."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel, User
from syncapp.notices.models.alert import Alert


class Mail(AccountModel):
    """One e-mail to one person: exactly one row per alert, occurrence and person, sent at least once.

    A worker that dies between the mail server's "accepted" and our commit sends it again, with the same
    Message-ID. Texts are rendered when it is sent; no text and no address is stored here.
    """

    class About(models.TextChoices):
        RAISED = "raised", "Alert raised"
        RESOLVED = "resolved", "Alert resolved"
        DIGEST = "digest", "Daily digest"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        DROPPED = "dropped", "Not sent: no longer wanted or allowed"
        FAILED = "failed", "Given up"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    about = models.CharField(max_length=10, choices=About)
    alert = AccountForeignKey(
        Alert, on_delete=models.CASCADE, related_name="mails", on_database_delete="CASCADE", null=True
    )
    occurrence = models.PositiveIntegerField(db_default=1)
    day = models.DateField(null=True, help_text="Of a digest: the account's own date.")
    state = models.CharField(max_length=10, choices=State, db_default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(db_default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    error = models.CharField(max_length=200, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "alert", "user", "about", "occurrence"], name="mail_once_per_occurrence"
            ),
            models.UniqueConstraint(
                fields=["account", "user", "day"], condition=Q(about="digest"), name="mail_one_digest_a_day"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="mail_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_about_display()} to {self.user}"


class Digest(AccountModel):
    """The digest of one day was planned, whether or not there was anything to say."""

    day = models.DateField(help_text="The account's own date.")
    planned_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="digest_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"Digest of {self.day}"

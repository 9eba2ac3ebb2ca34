"""Something that needs a person."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from syncapp.accounts.models import AccountModel


class Alert(AccountModel):
    """Open until resolved; at most one is open per kind and subject. Written by `syncapp.notices.door`.

    `subject` and `source` are references of the package that raised it, like `goal:7` and `connection:5`: this
    package knows no goals. `told_times` is the `times` whose telling was planned, 0 before the first.
    """

    class Severity(models.TextChoices):
        ERROR = "error", "Error"
        WARNING = "warning", "Warning"
        INFO = "info", "For your information"

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    subject_label = models.CharField("about", max_length=200)
    source = models.CharField(max_length=120, db_default="")
    severity = models.CharField(max_length=10, choices=Severity)
    title = models.CharField(max_length=200)
    words = models.CharField(max_length=1000, blank=True, help_text="What to do; never a person's data.")
    url = models.CharField(max_length=300, help_text="The page where it can be mended; begins with /.")
    first_at = models.DateTimeField("since", db_default=Now())
    last_at = models.DateTimeField("last time", db_default=Now())
    times = models.PositiveIntegerField(db_default=1)
    told_times = models.PositiveIntegerField(db_default=0)
    told_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField("resolved", null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "subject"],
                condition=Q(resolved_at=None),
                name="alert_open_once_per_subject",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-resolved_at"], name="alert_by_resolution"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def link(self) -> str:
        """The address of the page, or nothing where it is not one of this site."""
        return self.url if self.url.startswith("/") and not self.url.startswith("//") else ""

"""What a person wants to be told."""

from __future__ import annotations

from django.db import models

from syncapp.accounts.models import AccountModel, User


class Preference(AccountModel):
    """A person's choice for one kind of alert in one account; where there is none, the default holds.

    `source` empty: for everything in the account; else for one source, like `connection:5`, and stronger.
    Kind `digest` is the daily digest: `never`, anything else is yes.
    """

    class When(models.TextChoices):
        NEVER = "never", "Off"
        FIRST = "first", "First time"
        EVERY = "every", "Every time"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    source = models.CharField(max_length=120, blank=True, default="")
    when = models.CharField(max_length=5, choices=When)
    resolved = models.BooleanField(default=True, help_text="Also say when it is resolved.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "user", "kind", "source"], name="preference_once_per_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.get_when_display()}"

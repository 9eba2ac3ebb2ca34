"""How fast calls may go to an ESP account, and whether they go at all."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from connectors.models.authorization import Authorization
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import AccountModel


class CallBudget(models.Model):
    """The calls of one set of credentials, whichever accounts and authorizations use it.

    Belongs to no account and holds nothing that could be read: `key` is an HMAC. Only the statements in
    `connectors.pace.budget` write here, one at a time per row, by the server's clock. Rows nobody used for two
    days go.
    """

    key = models.BinaryField(primary_key=True, max_length=32)
    # The limit: what an authorization's people set, what the ESP told, what its refusals taught.
    set_calls = models.PositiveIntegerField(null=True, help_text="Calls per minute.")
    set_at = models.DateTimeField(null=True)
    told_calls = models.PositiveIntegerField(null=True)
    told_s = models.FloatField(null=True)
    told_at = models.DateTimeField(null=True)
    learned_per_s = models.FloatField(null=True, help_text="Where it began again after the last refusal.")
    ceiling_per_s = models.FloatField(null=True, help_text="The rate at the last refusal.")
    learned_at = models.DateTimeField(null=True)
    blocked_until = models.DateTimeField(null=True)
    # The bucket: below 0 permits of the near future are given out.
    tokens = models.FloatField(null=True, help_text="None: full.")
    spare = models.FloatField(null=True, help_text="What people at pages may take besides; none: full.")
    refilled_at = models.DateTimeField(db_default=Now())
    holders = models.JSONField(
        db_default=models.Value({}, models.JSONField()), help_text="Who has calls open."
    )
    # What went lately.
    minute = models.BigIntegerField(db_default=0, help_text="Minutes since 1970.")
    used_now = models.IntegerField(db_default=0)
    used_before = models.IntegerField(db_default=0)
    streak = models.FloatField(db_default=0, help_text="Calls since `streak_at`.")
    streak_at = models.DateTimeField(null=True)
    # The answer to the last statement; RETURNING knows rows as written only.
    had = models.FloatField(null=True)
    per_s = models.FloatField(null=True)
    window_s = models.FloatField(null=True)
    given = models.IntegerField(db_default=0)
    slots = models.IntegerField(db_default=0)
    wait_s = models.FloatField(db_default=0)

    class Meta:
        verbose_name = "budget of calls"

    def __str__(self) -> str:
        return bytes(self.key).hex()[:8]


class Breaker(AccountModel):
    """Stops the calls of one authorization while they only fail. No row: they never failed.

    `recent` holds the last 20 calls as bits, 1 for a failure. `credentials` is the key of the budget, so that
    whatever was found out about old credentials says nothing about new ones.
    """

    class State(models.TextChoices):
        CLOSED = "closed", "Closed: calls are made"
        OPEN = "open", "Open: no calls are made"
        HALF_OPEN = "half_open", "Half open: one call tries"

    class Cause(models.TextChoices):
        FAILING = "failing", "The ESP fails"
        CREDENTIALS = "credentials", "The ESP does not accept the credentials"

    authorization = AccountForeignKey(
        Authorization, on_delete=models.CASCADE, related_name="breakers", on_database_delete="CASCADE"
    )
    credentials = models.BinaryField(max_length=32)
    state = models.CharField(max_length=10, choices=State, db_default=State.CLOSED)
    was = models.CharField(max_length=10, choices=State, db_default=State.CLOSED)
    cause = models.CharField(max_length=12, choices=Cause, db_default="", blank=True)
    reason = models.CharField(max_length=300, db_default="", blank=True)
    since = models.DateTimeField(db_default=Now())
    probe_at = models.DateTimeField(null=True)
    probing_until = models.DateTimeField(null=True)
    openings = models.PositiveIntegerField(db_default=0, help_text="In a row; each waits longer.")
    failures = models.PositiveIntegerField(db_default=0, help_text="In a row.")
    recent = models.IntegerField(db_default=0)
    seen = models.PositiveSmallIntegerField(db_default=0, help_text="Calls in `recent`, 20 at most.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "authorization"], name="breaker_of_authorization"),
        ]

    def __str__(self) -> str:
        return self.get_state_display()

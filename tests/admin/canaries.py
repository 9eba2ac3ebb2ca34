"""A row of every tenant table, with a canary in every text: where it is seen, a row was seen."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, time
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from syncapp.accounts import scope
from syncapp.accounts.fields import AccountForeignKey
from syncapp.accounts.models import Account, User
from syncapp.secrets import EncryptedJSONField

TERM = "cnry"  # what searches look for: no page may answer it with the whole canary
AT = "2026-05-01T12:00:00.000000Z"
Rows = dict[type[models.Model], models.Model]


def canary_of(account: Account) -> str:
    return f"{TERM}{account.slug}7q"


def tenant_models() -> list[type[models.Model]]:
    """Every model with rows of accounts; tables of events fill themselves."""
    return [
        model
        for model in apps.get_models()
        if any(field.name == "account" for field in model._meta.local_fields)
        and not hasattr(model, "pgh_tracked_model")
    ]


def plant(account: Account, user: User) -> Rows:
    """One row per tenant model, those first that others refer to."""
    made: Rows = {}
    waiting = tenant_models()
    with scope.account(account):
        while waiting:
            ready = [model for model in waiting if needs(model) <= set(made)]
            assert ready, f"cannot make rows of {waiting}"
            for model in ready:
                made[model] = make(model, account, user, made)
                waiting.remove(model)
    return made


def needs(model: type[models.Model]) -> set[type[models.Model]]:
    return {
        field.remote_field.model
        for field in model._meta.local_fields
        if isinstance(field, AccountForeignKey) and field.remote_field.model is not model
    }


def make(model: type[models.Model], account: Account, user: User, made: Rows) -> models.Model:
    manager: Any = model._default_manager
    existing = manager.filter(account=account).first() if model._meta.label == "accounts.Membership" else None
    if existing is not None:
        existing.reason = canary_of(account)
        existing.save()
        return existing
    values = {
        field.name: value_of(model, field, account, user, made)
        for field in model._meta.local_fields
        if not field.primary_key or isinstance(field, models.UUIDField)
    }
    return manager.create(
        **{name: value for name, value in values.items() if value is not models.NOT_PROVIDED}
    )


SPECIAL: dict[str, Any] = {
    "audiences.Profile.consents": {"newsletter": {"state": "granted", "at": AT}},
    "audiences.Profile.forgotten_at": None,
    "audiences.Audience.last_sync": {"at": AT, "kind": "delta", "added": 1, "removed": 0, "failed": 0},
    "audiences.Audience.deleted_at": None,
    "audiences.Audience.archived_at": None,
    "audiences.Change.profile_ids": [1],
    "connectors.Run.forgotten": {},
    "connectors.Run.skipped": {"no_consent": 1},
    "connectors.Reconciliation.matrix": {"wanted": {"active": [1, 1]}},
    "connectors.Reconciliation.differences": {"fields": 1},
    "connectors.Reconciliation.part": "active",
    "connectors.Reconciliation.fields": ["[City]"],
    "connectors.Run.state": "warnings",
    "connectors.Connection.connector": "campaign_monitor",
    "connectors.Authorization.connector": "campaign_monitor",
    "accounts.ApiKey.revoked_at": None,
    "accounts.ApiKey.scopes": ["members:read"],
}


def value_of(model: type[models.Model], field: Any, account: Account, user: User, made: Rows) -> Any:
    name, canary = f"{model._meta.label}.{field.name}", canary_of(account)
    if name in SPECIAL:
        return SPECIAL[name]
    if field.name == "account":
        return account
    if isinstance(field, AccountForeignKey):
        return made.get(field.remote_field.model)
    if isinstance(field, models.ForeignKey):
        return user if field.remote_field.model is User else models.NOT_PROVIDED
    return plain_value(field, canary)


def plain_value(field: Any, canary: str) -> Any:
    if isinstance(field, EncryptedJSONField):
        return {"api_key": f"{canary}-secret-of-32-characters"}
    if field.choices:
        return next(iter(field.flatchoices))[0]
    if isinstance(field, ArrayField):
        return [canary] if isinstance(field.base_field, models.CharField) else [1]
    if isinstance(field, models.JSONField):
        return {"words": canary, "first_name": canary}
    if isinstance(field, models.BinaryField):
        return canary.encode().ljust(32)[:32]
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.CharField | models.TextField):
        return text_for(field, canary)
    if isinstance(field, models.BooleanField):
        return True
    if isinstance(field, models.DateField):  # a DateTimeField is one, too
        return datetime(2026, 5, 1, 12, tzinfo=UTC)
    if isinstance(field, models.TimeField):
        return time(12)
    return models.NOT_PROVIDED if field.has_default() else 1


def text_for(field: Any, canary: str) -> str:
    if field.name == "email":
        return f"{canary}@example.com"
    if field.name == "prefix":
        return canary.encode().hex()[-8:]
    return canary[: field.max_length] if field.max_length else canary


def fingerprint(account: Account) -> dict[str, Any]:
    """A hash of the account's rows per table, events included."""
    with scope.everything("a photograph of one account"), connection.cursor() as cursor:
        found = {}
        for model in apps.get_models():
            if any(field.column == "account_id" for field in model._meta.local_fields):
                table = model._meta.db_table
                cursor.execute(
                    f'SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{table}" t '
                    "WHERE account_id = %s",
                    [account.pk],
                )
                found[table] = cursor.fetchone()
        cursor.execute("SELECT t::text FROM accounts_account t WHERE id = %s", [account.pk])
        found["accounts_account"] = cursor.fetchone()
    return found

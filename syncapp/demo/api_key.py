"""The API key of the demo's curl: made per installation, kept beside the database so that it can be shown again."""

from __future__ import annotations

from pathlib import Path

from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from syncapp.demo.home import keep_key, kept_key
from syncapp.demo.seeding.clients import KEY_CLIENT

LABEL = "Web shop"
SCOPES = (
    ApiKey.Scope.AUDIENCES_READ,
    ApiKey.Scope.AUDIENCES_WRITE,
    ApiKey.Scope.MEMBERS_READ,
    ApiKey.Scope.MEMBERS_WRITE,
    ApiKey.Scope.CONTACTS_WRITE,
    ApiKey.Scope.CONSENTS_WRITE,
)


def ensure_key(home: Path) -> None:
    """Leave a working key in the home; a lost or revoked one is replaced by a new one."""
    try:
        keys.check(kept_key(home))
    except keys.Refused:
        account = Account.objects.get(slug=KEY_CLIENT.slug)
        with scope.account(account):
            made = ApiKey.objects.filter(label__startswith=LABEL).count()
        label = f"{LABEL} {made + 1}" if made else LABEL
        _, key = keys.issue(account, label, SCOPES)
        keep_key(home, key)

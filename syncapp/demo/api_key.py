"""The demo's API keys: made per installation, kept beside the database so that they can be shown again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from syncapp.demo.home import DOCS_KEY_FILE, KEY_FILE, keep_key, kept_key
from syncapp.demo.seeding.clients import KEY_CLIENT

WEB_SHOP = (
    ApiKey.Scope.AUDIENCES_READ,
    ApiKey.Scope.AUDIENCES_WRITE,
    ApiKey.Scope.MEMBERS_READ,
    ApiKey.Scope.MEMBERS_WRITE,
    ApiKey.Scope.CONTACTS_WRITE,
    ApiKey.Scope.CONSENTS_WRITE,
)
# file in the home: (label, scopes)
KEYS = {
    KEY_FILE: ("Web shop", WEB_SHOP),
    DOCS_KEY_FILE: ("Documentation", tuple(ApiKey.Scope)),
}


def ensure_keys(home: Path) -> None:
    """Leave working keys in the home; a lost or revoked one is replaced by a new one."""
    for name, (label, scopes) in KEYS.items():
        try:
            keys.check(kept_key(home, name))
        except keys.Refused:
            keep_key(home, make_key(label, scopes), name)


def make_key(label: str, scopes: Sequence[ApiKey.Scope]) -> str:
    account = Account.objects.get(slug=KEY_CLIENT.slug)
    with scope.account(account):
        made = ApiKey.objects.filter(label__startswith=label).count()
    _, key = keys.issue(account, f"{label} {made + 1}" if made else label, scopes)
    return key

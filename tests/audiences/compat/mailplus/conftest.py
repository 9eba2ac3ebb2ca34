from __future__ import annotations

import pytest

from audiences.models import PushSettings
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from tests.audiences.compat.mailplus.signing import MailPlus


@pytest.fixture
def mailplus_of(db):
    def make(account, label="CRM", scopes=None):
        allowed = ApiKey.Scope.values if scopes is None else scopes
        _, shown = keys.issue(account, label, allowed, kind=ApiKey.Kind.MAILPLUS)
        return MailPlus(*keys.parts(shown))

    return make


@pytest.fixture
def mailplus(mailplus_of, ann_account):
    return mailplus_of(ann_account)


@pytest.fixture
def settings_of(db):
    def make(account, **values):
        with scope.account(account):
            PushSettings.objects.update_or_create(account=account, defaults=values)

    return make


@pytest.fixture
def people_of(profile_of):
    """People with the external ids c-1, c-2, …"""

    def make(account, count):
        return [profile_of(account, f"c{n}@example.com", external_id=f"c-{n}") for n in range(1, count + 1)]

    return make

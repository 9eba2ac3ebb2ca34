"""Users by role at the pages of Ann's client, where a system has pushed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from syncapp.accounts import scope
from syncapp.accounts.models import Account, Membership, User
from tests.audiences.admin.scene import PushScene
from tests.conftest import PASSWORD


@pytest.fixture
def scene(ann_account: Account, objective_of: Callable[..., Any]) -> PushScene:
    objective_of(ann_account, "newsletter")
    return PushScene(ann_account)


@pytest.fixture
def signed_in(ann_account: Account) -> Callable[..., Client]:
    """`signed_in("viewer")`: a client of somebody with that role at Ann's."""

    def sign_in(role: str) -> Client:
        user = User.objects.create_user(f"{role}@agency.example", PASSWORD, name=role.capitalize())
        with scope.account(ann_account):
            Membership.objects.create(account=ann_account, user=user, role=role)
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


@pytest.fixture
def at_anns(client: Client, ann: User, ann_account: Account) -> Client:
    """Ann manages her client."""
    client.force_login(ann)
    return client

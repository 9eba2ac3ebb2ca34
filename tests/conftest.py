"""Two accounts, Ann's and Bob's, and Charlie who has access to neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import TransactionTestCase

from audiences.models import Audience, Objective, Profile
from syncapp.accounts import scope
from syncapp.accounts.models import Account, Membership, User
from tests.emptying import empty_tables
from tests.work.fixtures import worker  # noqa: F401  a fixture

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True, scope="session")
def cheap_hashes() -> None:
    """Django's hash takes 0.4 s per user, on purpose; hundreds of tests make users."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True, scope="session")
def quick_emptying() -> None:
    """Only where a superuser is at hand: in the embedded server."""
    if "EMBEDDED" in settings.DATABASES["default"]:
        TransactionTestCase._fixture_teardown = empty_tables


@pytest.fixture
def ann_account(db: None) -> Account:
    return Account.objects.create(name="Ann’s Bicycles", slug="ann", colour="#0f766e")


@pytest.fixture
def bob_account(db: None) -> Account:
    return Account.objects.create(name="Bob’s Books", slug="bob", colour="#b45309")


def member_of(account: Account, email: str, name: str) -> User:
    user = User.objects.create_user(email, PASSWORD, name=name)
    with scope.account(account):
        Membership.objects.create(account=account, user=user, role=Membership.Role.MANAGER)
    return user


@pytest.fixture
def ann(ann_account: Account) -> User:
    return member_of(ann_account, "ann@agency.example", "Ann Smit")


@pytest.fixture
def bob(bob_account: Account) -> User:
    return member_of(bob_account, "bob@agency.example", "Bob Jansen")


@pytest.fixture
def charlie(db: None) -> User:
    """Signs in, but belongs to no account."""
    return User.objects.create_user("charlie@stranger.example", PASSWORD, name="Charlie")


@pytest.fixture
def agency_admin(db: None) -> User:
    return User.objects.create_user("boss@agency.example", PASSWORD, name="Boss", is_agency_admin=True)


@pytest.fixture
def in_ann(ann_account: Account) -> Iterator[Account]:
    """The test runs inside Ann's account."""
    with scope.account(ann_account):
        yield ann_account


@pytest.fixture
def audience_of(db: None) -> Callable[..., Audience]:
    def make(account: Account, name: str = "Newsletter", **fields: object) -> Audience:
        with scope.account(account):
            return Audience.objects.create(
                account=account, name=name, external_id=str(fields.pop("external_id", name.lower())), **fields
            )

    return make


@pytest.fixture
def objective_of(db: None) -> Callable[..., Objective]:
    def make(account: Account, key: str = "newsletter") -> Objective:
        with scope.account(account):
            return Objective.objects.create(account=account, key=key, label=key.capitalize())

    return make


@pytest.fixture
def profile_of(db: None) -> Callable[..., Profile]:
    def make(account: Account, email: str, **fields: object) -> Profile:
        with scope.account(account):
            return Profile.objects.create(account=account, email=email, **fields)

    return make

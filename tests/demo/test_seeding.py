"""The demo's data: the same each time, about nobody real, and never beside anybody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from audiences.models import Audience, Consent, Profile, Suppression
from connectors.models import Connection, Run
from syncapp.accounts import scope
from syncapp.accounts.models import Account, User
from syncapp.demo import seeding
from syncapp.demo.seeding.clients import AGENCY_ADMIN, CLIENTS, PASSWORD
from syncapp.demo.seeding.people import people_of

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
RESERVED = ("example.com", "example.org", "example.net")


def test_people_are_the_same_each_time_and_have_reserved_addresses() -> None:
    for client in CLIENTS:
        people = people_of(client, NOW)
        assert people == people_of(client, NOW)
        assert len(people) == client.people
        addresses = [person.email for person in people if person.email]
        assert len(set(addresses)) == len(addresses)
        assert all(address.endswith(RESERVED) for address in addresses)
        assert all(given.occurred_at <= NOW for person in people for given in person.consents)


@pytest.mark.django_db
def test_seeding_makes_every_client_once() -> None:
    assert seeding.seed() == sum(client.people for client in CLIENTS)
    assert seeding.seed() == 0
    assert User.objects.get(email=AGENCY_ADMIN[1]).check_password(PASSWORD)
    for client in CLIENTS:
        account = Account.objects.get(slug=client.slug)
        with scope.account(account):
            assert Profile.objects.count() == client.people
            assert set(Consent.objects.values_list("state", flat=True)) == {"granted", "denied"}
            assert Suppression.objects.exists()
            assert all(audience.member_count > 0 for audience in Audience.objects.all())
    check_runs_are_planned_not_invented()


def check_runs_are_planned_not_invented() -> None:
    with scope.everything("every client's runs"):
        assert set(Run.objects.values_list("state", flat=True)) == {Run.State.PLANNING, Run.State.HELD}
        assert Run.objects.get(state=Run.State.HELD).plan["counts"]["added"] > 0
        assert all(run.decision_reason for run in Run.objects.filter(state=Run.State.PLANNING))
        assert Connection.objects.filter(enabled=False).count() == 1
        goals = {run.goal_id for run in Run.objects.filter(goal__connection__enabled=True)}
        assert len(goals) == Run.objects.count()


@pytest.mark.django_db
def test_a_database_with_other_accounts_is_refused(ann_account: Account) -> None:
    with pytest.raises(seeding.Refused, match="accounts or users of its own"):
        seeding.seed()
    assert Account.objects.get() == ann_account
    assert not User.objects.exists()

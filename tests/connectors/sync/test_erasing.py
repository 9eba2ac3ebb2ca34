"""Erasing people the engine put on a list: off the list first, then every row about them, and never back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from audiences import erasing, jobs
from audiences.erasing import work
from audiences.ingest import ConsentGiven, Contact, Operation, apply, load
from audiences.jobs.carrying import carry_out
from audiences.models import Change, Consent, Job, Member, Profile
from connectors import tasks
from connectors.models import Call, Flight, Outcome, Reconciliation, Run, Subscriber
from connectors.sync.watching.conservation import differences_of
from syncapp.work import Slice
from tests.connectors.sync.world import World

JAN, EVA = "jan@example.nl", "eva@example.nl"


@pytest.fixture
def jan(world: World) -> Profile:
    """On the list, as is Eva."""
    world.push(JAN, EVA, first_name="Jan")
    world.work()
    assert world.on_list == {JAN: "Active", EVA: "Active"}
    return Profile.objects.get(email=JAN)


def erase(jan: Profile) -> Job:
    return work.erase(client=None, account_id=jan.account_id, profile_id=jan.pk, source="test")


def go_on(job: Job) -> float | None:
    """What a worker does when it looks at the job."""
    pause = carry_out(job.account_id, str(job.pk), Slice())
    job.refresh_from_db()
    return pause


def test_erased_people_come_off_the_list_and_their_rows_go(world, jan):
    job = erase(jan)
    assert go_on(job) is not None, "the list still holds them"
    assert job.result == {"waits_for": ["Campaign Monitor: Newsletter"]}
    assert world.on_list[JAN] == "Active"
    world.work()
    assert world.on_list == {JAN: "Unsubscribed", EVA: "Active"}
    assert go_on(job) is None
    assert (job.state, job.result) == ("completed", {"left_at": []})
    for model in (Profile, Subscriber, Member):
        assert model.objects.count() == 1, f"{model}: only Eva’s"
    assert not Outcome.objects.filter(profile_id=jan.pk).exists()
    assert not Consent.objects.filter(profile_id=jan.pk).exists()


def test_the_books_stay_closed(world, jan):
    job = erase(jan)
    world.work()
    go_on(job)
    assert job.is_over
    assert differences_of(world.account) == []


def test_nothing_in_the_calls_names_them(world, jan):
    world.push(EVA, first_name="Eva")
    world.work()
    job = erase(jan)
    world.work()
    go_on(job)
    texts = [call.request + call.response for call in Call.objects.all()]
    assert not any("j***@" in text for text in texts)
    assert any("e***@" in text for text in texts), "other people’s are left"


def tables_with(text: str) -> list[str]:
    """Every table in which a row of the account says this."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        found = []
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{table}" t WHERE position(%s IN t::text) > 0)', [text]
            )
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def test_no_table_names_them(world):
    """Address, external id and a property, after a life of a person: sent, compared with the ESP, answered, failed."""
    contact = Contact("xavier@example.nl", "crm-4711", {"first_name": "Xyzzy", "city": "Quuxville"})
    consent = ConsentGiven("newsletter", "granted", timezone.now())
    apply(
        account=world.account,
        audience=world.audience,
        operations=[Operation(0, "add", "external_id", "crm-4711", contact, (consent,))],
        unknown="create",
        source="test",
    )
    world.push(EVA)
    world.work()
    reconcile = Reconciliation.objects.create(account=world.account, goal=world.goal, trigger="manual")
    tasks.reconcile_goal(world.account.pk, str(reconcile.pk), Slice())
    texts = ("xavier@example.nl", "crm-4711", "Xyzzy", "Quuxville")
    assert all(tables_with(text) for text in texts)
    job = erase(Profile.objects.get(external_id="crm-4711"))
    world.work()
    assert go_on(job) is None
    assert {text: tables_with(text) for text in texts} == {text: [] for text in texts}
    assert tables_with(EVA), "the search finds who is there"


@pytest.mark.parametrize("way", ["batch", "load", "sync"])
def test_they_are_not_put_back_on_the_list(world, jan, way):
    job = erase(jan)
    world.work()
    go_on(job)
    if way == "load":
        loaded = load(
            account=world.account,
            audience=world.audience,
            contacts=[Contact(JAN), Contact(EVA)],
            source="test",
        )
        assert [error.code for error in loaded.errors] == ["erased"]
    else:
        unknown = "create" if way == "batch" else "hold"
        result = apply(
            account=world.account,
            audience=world.audience,
            operations=[Operation(0, "add", "email", JAN, Contact(JAN))],
            unknown=unknown,
            source="test",
        )
        assert [error.code for error in result.errors] == ["erased"]
    world.work()
    world.run_fully()
    assert world.on_list == {JAN: "Unsubscribed", EVA: "Active"}
    assert Profile.objects.count() == 1


def test_an_erasure_before_the_first_delivery_sends_nothing(world):
    world.push(JAN)
    world.plan()
    job = erase(Profile.objects.get())
    assert go_on(job) is not None, "planned and not yet called off"
    world.work()
    assert (world.on_list, go_on(job)) == ({}, None)
    assert differences_of(world.account) == []


def test_it_waits_for_what_is_on_its_way(world, jan):
    flight = Flight.objects.create(
        account=world.account, goal=world.goal, operation="upsert", profile_ids=[jan.pk]
    )
    job = erase(jan)
    Change.objects.update(planned_at=timezone.now())
    assert go_on(job) is not None
    flight.delete()


def test_a_goal_that_is_switched_off_is_waited_for(world, jan):
    world.goal.enabled = False
    world.goal.save()
    job = erase(jan)
    world.work()
    assert go_on(job) is not None
    world.goal.enabled = True
    world.goal.save()
    world.run_fully()
    assert world.on_list[JAN] == "Unsubscribed"
    assert (go_on(job), job.state) == (None, "completed")


def test_what_is_given_up_is_told(world, jan):
    job = erase(jan)
    world.plan()
    Subscriber.objects.filter(profile=jan).update(due_at=None, dead_at=timezone.now(), run=None)
    Run.objects.filter(removal_waiting__gt=0).update(removal_waiting=0)
    assert go_on(job) is None
    assert (job.state, job.result) == (
        "completed_with_errors",
        {"left_at": ["Campaign Monitor: Newsletter"]},
    )
    assert "Campaign Monitor: Newsletter" in job.reason
    assert not Profile.objects.filter(pk=jan.pk).exists()


def test_an_address_that_is_somebody_elses_by_now_is_left_to_them(world, jan):
    """Jan got another address, and Piet has his old one; the list never heard of it."""
    Profile.objects.filter(pk=jan.pk).update(email="jan@new.example")
    world.push(JAN)
    job = erase(jan)
    world.work()
    assert go_on(job) is None
    assert world.on_list[JAN] == "Active"
    assert Profile.objects.filter(email=JAN).exists()


def test_deleting_takes_them_off_too_and_lets_them_come_back(world, jan):
    assert work.delete(account_id=world.account.pk, profile_id=jan.pk, source="test")
    assert work.vanish_when_settled(world.account.pk, str(jan.pk), Slice()) is not None
    world.work()
    assert world.on_list[JAN] == "Unsubscribed"
    assert work.vanish_when_settled(world.account.pk, str(jan.pk), Slice()) is None
    assert not Profile.objects.filter(pk=jan.pk).exists()
    world.push(JAN)
    assert Profile.objects.filter(email=JAN).exists()


def test_a_cancelled_job_does_not_keep_the_row(world, jan):
    job = erase(jan)
    assert go_on(job) is not None
    jobs.cancel(job)
    go_on(job)
    assert job.state == "cancelled"
    world.work()
    assert work.vanish_when_settled(world.account.pk, str(jan.pk), Slice()) is None
    assert not Profile.objects.filter(pk=jan.pk).exists()
    assert erasing.is_erased_address(world.account.pk, JAN)

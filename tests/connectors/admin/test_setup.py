"""Setting a connection up, step by step, as a browser without JavaScript would."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import Audience, Objective
from connectors.models import Authorization, Connection, Goal, Run
from syncapp.accounts import scope
from tests.browser.scene import furnish
from tests.connectors.admin.scene import API_KEY, AT_ESP

ADD = "/admin/connectors/connection/add/"


@pytest.fixture
def client(transactional_db, esp, ann, ann_account, signed_in):
    furnish(ann_account, ann)
    return signed_in(ann)


@pytest.fixture
def place(client, esp):
    return esp.seed(AT_ESP)["clients"][0]


def step(connection: Connection, slug: str) -> str:
    return reverse("admin:connectors_setup", args=[connection.pk, slug])


def begin(client, account) -> Connection:
    answer = client.post(ADD, {"authorization": "new", "label": "Agency", "setting_api_key": API_KEY})
    with scope.account(account):
        connection = Connection.objects.get()
    assert answer["Location"] == step(connection, "client")
    return connection


def test_from_nothing_to_people_on_the_list(client, place, ann_account, esp):
    connection = begin(client, ann_account)
    with scope.account(ann_account):
        audience = Audience.objects.get(external_id="newsletter-readers").pk
        objective = Objective.objects.get(key="newsletter").pk
    for slug, given in (
        ("client", {"choice": place["id"]}),
        ("list", {"choice": place["lists"][0]["id"]}),
        ("audiences", {"audiences": [audience], "leavers": "unsubscribe"}),
        ("objectives", {"objectives": [objective]}),
    ):
        assert client.get(step(connection, slug)).status_code == 200
        assert client.post(step(connection, slug), given).status_code == 302, slug
    page = client.get(step(connection, "fields"))
    assert page.content.decode().count(">suggested<") == 3, "the name, the city and the bikes"
    initial = {name: field.initial for name, field in page.context["form"].fields.items()}
    assert client.post(step(connection, "fields"), initial).status_code == 302
    recap = client.get(step(connection, "recap")).content.decode()
    for words in ("said yes to", "billed twice", "all lists of the client", "is unsubscribed from the list"):
        assert words in recap, words
    answer = client.post(step(connection, "recap"), {"name": "News of Ann", "run_now": "on"})
    with scope.account(ann_account):
        run = Run.objects.get()
        assert answer["Location"] == reverse("admin:connectors_run_change", args=[run.pk])
        connection.refresh_from_db()
        assert (connection.name, connection.enabled, run.full) == ("News of Ann", True, True)
        assert list(run.goal.mappings.values_list("source", "target")) == [
            ("profile:name", "name"),
            ("property:city", "[City]"),
            ("property:bikes", "[Bikes]"),
        ]


def test_a_wrong_key_is_said_at_once_and_nothing_is_kept(client, ann_account):
    page = client.post(
        ADD, {"authorization": "new", "label": "Agency", "setting_api_key": "wrong-key-0123456789"}
    )
    assert page.status_code == 200
    assert "Someone of the account must act." in page.content.decode()
    assert "wrong-key-0123456789" not in page.content.decode()
    with scope.account(ann_account):
        assert not Authorization.objects.exists()
        assert not Connection.objects.exists()


def test_a_half_done_set_up_is_off_and_can_be_gone_on_with(client, place, ann_account):
    connection = begin(client, ann_account)
    client.post(step(connection, "client"), {"choice": place["id"]})
    page = client.get(reverse("admin:connectors_connection_change", args=[connection.pk])).content.decode()
    assert "Continue the set-up" in page
    assert "No goals yet" in page
    with scope.account(ann_account):
        assert not Connection.objects.get().enabled
    skipped = client.get(step(connection, "recap"))
    assert skipped["Location"] == step(connection, "list")
    on = client.post(
        reverse("admin:connectors_connection_switch", args=[connection.pk]), {"on": "1"}, follow=True
    )
    assert "It cannot be switched on yet" in on.content.decode()
    with scope.account(ann_account):
        assert not Connection.objects.get().enabled


def test_going_back_changes_the_client_and_forgets_its_list(client, place, ann_account, esp):
    connection = begin(client, ann_account)
    other = esp.seed({"clients": [{"name": "Other", "lists": [{"title": "Elsewhere"}]}]})["clients"][0]
    client.post(step(connection, "client"), {"choice": place["id"]})
    client.post(step(connection, "list"), {"choice": place["lists"][0]["id"]})
    client.post(step(connection, "client"), {"choice": other["id"]})
    assert client.get(step(connection, "audiences"))["Location"] == step(connection, "list")
    with scope.account(ann_account):
        assert Goal.objects.get().list_id == ""


def test_a_client_the_esp_did_not_name_is_not_taken(client, place, ann_account):
    connection = begin(client, ann_account)
    assert client.post(step(connection, "client"), {"choice": "0" * 32}).status_code == 200
    with scope.account(ann_account):
        assert Connection.objects.get().client_id == ""


def test_the_esp_being_down_keeps_what_was_chosen(client, place, ann_account, esp):
    connection = begin(client, ann_account)
    client.post(step(connection, "client"), {"choice": place["id"]})
    esp.faults([{"kind": "status", "status": 503}])
    page = client.get(step(connection, "client")).content.decode()
    assert "(stored)" in page
    assert "We try again by ourselves." in page


def test_another_clients_audience_is_not_taken(client, place, ann_account, bob_account, audience_of):
    connection = begin(client, ann_account)
    client.post(step(connection, "client"), {"choice": place["id"]})
    client.post(step(connection, "list"), {"choice": place["lists"][0]["id"]})
    foreign = audience_of(bob_account, "Bob’s readers")
    page = client.post(step(connection, "audiences"), {"audiences": [foreign.pk], "leavers": "keep"})
    assert page.status_code == 200
    assert "Bob’s readers" not in page.content.decode()


def test_a_field_is_created_from_the_set_up(client, place, ann_account):
    connection = begin(client, ann_account)
    client.post(step(connection, "client"), {"choice": place["id"]})
    client.post(step(connection, "list"), {"choice": place["lists"][1]["id"]})
    answer = client.post(
        step(connection, "fields"), {"field_0": "profile:name", "create_field": "city"}, follow=True
    )
    assert "was created and is filled from now on" in answer.content.decode()
    with scope.account(ann_account):
        assert set(Goal.objects.get().mappings.values_list("source", flat=True)) == {
            "profile:name",
            "property:city",
        }

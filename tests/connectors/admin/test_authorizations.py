"""Credentials go in, are tried, and never come out."""

from __future__ import annotations

import pytest
from django.urls import reverse

from connectors.models import Authorization, Connection
from syncapp.accounts import scope
from syncapp.work.models import Wakeup
from tests.connectors.admin.scene import API_KEY

ADD = "/admin/connectors/authorization/add/"
WRONG = "not-the-key-of-anybody-0123456789"


@pytest.fixture
def client(transactional_db, esp, ann, signed_in):
    return signed_in(ann)


def change_of(row: Authorization) -> str:
    return reverse("admin:connectors_authorization_change", args=[row.pk])


def test_good_credentials_are_tried_and_shown_by_their_end_only(client, ann_account):
    page = client.post(
        ADD, {"label": "Agency", "setting_api_key": API_KEY, "base_url": ""}, follow=True
    ).content.decode()
    with scope.account(ann_account):
        row = Authorization.objects.get()
    assert row.state == Authorization.State.WORKS
    assert "accepts these credentials" in page
    page = client.get(change_of(row)).content.decode()
    assert API_KEY not in page
    assert f"ends in {API_KEY[-4:]}" in page


def test_wrong_credentials_are_kept_and_said_to_be_refused(client, ann_account):
    page = client.post(ADD, {"label": "Agency", "setting_api_key": WRONG}, follow=True).content.decode()
    with scope.account(ann_account):
        assert Authorization.objects.get().state == Authorization.State.REFUSED
    assert "Someone of the account must act." in page
    assert WRONG not in page


def test_an_empty_input_keeps_what_is_stored(client, ann_account):
    client.post(ADD, {"label": "Agency", "setting_api_key": API_KEY})
    with scope.account(ann_account):
        row = Authorization.objects.get()
    client.post(change_of(row), {"label": "Agency of Ann", "setting_api_key": "", "base_url": ""})
    with scope.account(ann_account):
        row = Authorization.objects.get()
        assert row.label == "Agency of Ann"
        assert row.secrets.reveal("api_key") == API_KEY


def test_no_address_but_those_of_the_connector_and_the_environment(client, ann_account):
    page = client.post(
        ADD, {"label": "Agency", "setting_api_key": API_KEY, "base_url": "http://169.254.169.254/"}
    )
    assert page.status_code == 200
    assert "is not one of the available choices" in page.content.decode()
    with scope.account(ann_account):
        assert not Authorization.objects.exists()


def test_the_esp_being_down_refuses_nothing(client, ann_account, esp):
    client.post(ADD, {"label": "Agency", "setting_api_key": API_KEY})
    esp.faults([{"kind": "status", "status": 503}])
    with scope.account(ann_account):
        row = Authorization.objects.get()
    page = client.post(
        reverse("admin:connectors_authorization_check", args=[row.pk]), follow=True
    ).content.decode()
    assert "We try again by ourselves." in page
    with scope.account(ann_account):
        assert Authorization.objects.get().state == Authorization.State.WORKS


def test_new_credentials_wake_what_was_stopped(scene, signed_in, ann):
    with scope.account(scene.account):
        Authorization.objects.update(state="refused")
        Connection.objects.update(state="reauthenticate", state_reason="Refused.")
        Wakeup.objects.all().delete()
    signed_in(ann).post(
        change_of(scene.authorization),
        {"label": "Agency", "setting_api_key": API_KEY, "base_url": scene.authorization.base_url},
    )
    with scope.account(scene.account):
        assert Connection.objects.get().state == Connection.State.HEALTHY
        assert Authorization.objects.get().state == Authorization.State.WORKS
        assert list(Wakeup.objects.values_list("kind", "key")) == [("connectors.deliver", str(scene.goal.pk))]


def test_no_event_holds_a_secret(client, ann_account):
    client.post(ADD, {"label": "Agency", "setting_api_key": API_KEY})
    with scope.account(ann_account):
        events = list(Authorization.pgh_event_model.objects.values())
    assert events
    assert not any("secrets" in event or API_KEY in str(event) for event in events)


def test_the_page_shows_how_fast_calls_go(client, ann_account, esp):
    client.post(ADD, {"label": "Agency", "setting_api_key": API_KEY})
    with scope.account(ann_account):
        row = Authorization.objects.get()
    page = client.get(change_of(row)).content.decode()
    assert "Calls are made" in page
    assert "the ESP names none, and has refused nothing" in page
    client.post(change_of(row), {"label": "Agency", "setting_api_key": "", "calls_per_minute": "90"})
    page = client.get(change_of(row)).content.decode()
    assert "of 90 a minute (set by people)" in page
    assert 'aria-valuemax="90"' in page


def test_the_page_says_what_a_refused_call_and_refused_credentials_stop(client, ann_account, esp):
    client.post(ADD, {"label": "Agency", "setting_api_key": API_KEY})
    with scope.account(ann_account):
        row = Authorization.objects.get()
    check = reverse("admin:connectors_authorization_check", args=[row.pk])
    esp.faults([{"kind": "status", "status": 401}])
    page = client.post(check, follow=True).content.decode()
    assert "Needs new credentials" in page
    page = client.post(check, follow=True).content.decode()  # asked by people, so it is tried
    assert "Calls are made" in page
    esp.faults([{"kind": "rate_limited", "retry_after": 60}])
    page = client.post(check, follow=True).content.decode()
    assert "The ESP asked to wait" in page


@pytest.mark.parametrize("calls", ["0", "-5", "many"])
def test_a_rate_that_is_none_is_refused_at_its_field(client, ann_account, calls):
    client.post(ADD, {"label": "Agency", "setting_api_key": API_KEY})
    with scope.account(ann_account):
        row = Authorization.objects.get()
    page = client.post(change_of(row), {"label": "Agency", "calls_per_minute": calls})
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == ["calls_per_minute"]
    with scope.account(ann_account):
        assert Authorization.objects.get().calls_per_minute is None

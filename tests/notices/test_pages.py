"""The pages: alerts and the bell, what a person is told, webhooks."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Account, Membership
from syncapp.notices import endpoints, kinds, resolve_alert
from syncapp.notices.models import Alert, Delivery, Endpoint, Preference
from syncapp.notices.recipients import choices_in
from tests.conftest import member_of

OK, FOUND, FORBIDDEN, NOT_FOUND = 200, 302, 403, 404
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{32,}")
BELL = re.compile(r'class="bell"[^>]*aria-label="([^"]*)"')
ALERTS = "/admin/notices/alert/"
PREFERENCES = "/admin/notices/alert/preferences/"
ENDPOINTS = "/admin/notices/endpoint/"


def signed_in(user, chosen=""):
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    if chosen:
        session = client.session
        session["selected_client"] = chosen
        session.save()
    return client


@pytest.fixture
def at_anns(ann, known_kinds):
    return signed_in(ann)


def page_of(client, address):
    response = client.get(address)
    assert response.status_code == OK, address
    return response.content.decode()


def bell_of(client):
    found = BELL.search(page_of(client, "/admin/"))
    return found.group(1) if found else None


# Alerts and the bell


def test_the_bell_counts_open_alerts_of_the_clients_in_view(
    ann, bob, charlie, agency_admin, ann_account, bob_account, raise_failed
):
    for number in range(2):
        raise_failed(ann_account, subject=f"goal:{number}")
    raise_failed(bob_account)
    resolve_alert(account_id=bob_account.pk, kind="run_failed", subject="goal:7")
    assert bell_of(signed_in(ann)) == "2 open alerts"
    assert bell_of(signed_in(bob)) == "No open alerts"
    assert bell_of(signed_in(charlie)) is None
    assert bell_of(signed_in(agency_admin)) == "2 open alerts"
    assert bell_of(signed_in(agency_admin, "bob")) == "No open alerts"


def test_the_bell_counts_no_further_than_it_can_show(
    ann, ann_account, raise_failed, django_assert_max_num_queries
):
    with scope.account(ann_account):
        Alert.objects.bulk_create(
            Alert(
                account=ann_account, kind="run_failed", subject=f"goal:{number}", subject_label="x", severity="error",
                title="x", url="/", first_at=timezone.now(), last_at=timezone.now(), times=1, told_times=0,
            )
            for number in range(150)
        )  # fmt: skip
    assert bell_of(signed_in(ann)) == "99+ open alerts"


def test_open_alerts_come_first_and_resolved_ones_stay(at_anns, ann_account, raise_failed):
    raise_failed(ann_account, subject="goal:1", title="The old one")
    raise_failed(ann_account, subject="goal:2", title="The new one")
    resolve_alert(account_id=ann_account.pk, kind="run_failed", subject="goal:2")
    page = page_of(at_anns, ALERTS)
    assert page.index("The old one") < page.index("The new one")
    assert "The new one" not in page_of(at_anns, f"{ALERTS}?state=open")
    assert "The old one" not in page_of(at_anns, f"{ALERTS}?state=resolved")
    assert "The old one" not in page_of(at_anns, f"{ALERTS}?kind=run_held")


def test_an_alert_leads_to_its_page_and_to_no_other_site(at_anns, ann_account, raise_failed):
    alert_id = raise_failed(ann_account, url="/admin/connectors/run/7/change/")
    address = f"{ALERTS}{alert_id}/change/"
    assert 'href="/admin/connectors/run/7/change/"' in page_of(at_anns, address)
    with scope.account(ann_account):
        Alert.objects.update(url="javascript:alert(1)", title="<script>x</script>")
    page = page_of(at_anns, address)
    assert "javascript:alert" not in page
    assert "<script>x" not in page


@pytest.mark.parametrize(("role", "closes"), [("viewer", False), ("editor", True), ("manager", True)])
def test_an_editor_marks_alerts_as_resolved(ann_account, raise_failed, role, closes):
    user = member_of(ann_account, "one@agency.example", "One")
    with scope.account(ann_account):
        Membership.objects.filter(user=user).update(role=role)
    alert_id = raise_failed(ann_account)
    signed_in(user).post(ALERTS, {"action": "resolve", "_selected_action": [alert_id], "index": "0"})
    with scope.account(ann_account):
        assert (Alert.objects.get().resolved_at is not None) == closes


def test_the_page_of_an_alert_says_who_was_told_and_closes_it(ann, ann_account, bob, raise_failed, work):
    alert_id = raise_failed(ann_account)
    work()
    address = f"{ALERTS}{alert_id}/"
    page = page_of(signed_in(ann), f"{address}change/")
    assert "Ann Smit" in page
    assert "Sent" in page
    assert signed_in(bob).post(f"{address}resolve/").status_code == NOT_FOUND
    assert signed_in(ann).get(f"{address}resolve/").status_code == FORBIDDEN
    assert signed_in(ann).post(f"{address}resolve/").status_code == FOUND
    assert "Mark as resolved" not in page_of(signed_in(ann), f"{address}change/")


# What a person is told


def posted(**fields):
    return {"client": "ann", "digest-shown": "1", **fields}


def said(account, user):
    with scope.account(account):
        rows = Preference.objects.filter(user=user).exclude(kind=kinds.DIGEST)
        return {(row.kind, row.source): (row.when, row.resolved) for row in rows}


def test_the_page_shows_what_holds_by_default(at_anns, ann_account):
    page = page_of(at_anns, PREFERENCES)
    assert re.search(r'name="when-run_failed" value="first" checked', page)
    assert re.search(r'name="when-run_warnings" value="never" checked', page)
    assert re.search(r'name="digest" checked', page)
    assert "It waits until somebody approves its plan." in page


def test_a_choice_is_kept_and_counts(at_anns, ann, ann_account):
    data = posted(**{"when-run_failed": "every", "when-run_warnings": "first", "resolved-run_warnings": "on"})
    assert at_anns.post(PREFERENCES, data).status_code == FOUND
    assert said(ann_account, ann) == {
        ("run_failed", ""): ("every", False),
        ("run_warnings", ""): ("first", True),
    }
    with scope.account(ann_account):
        assert choices_in(ann_account.pk, kinds.DIGEST)[ann.pk].when == "never"
    page = page_of(at_anns, PREFERENCES)
    assert re.search(r'name="when-run_failed" value="every" checked', page)
    assert not re.search(r'name="digest" checked', page)


def test_one_connection_may_differ_and_follow_again(at_anns, ann, ann_account):
    at_anns.post(PREFERENCES, posted(**{"source": "connection:5", "when-run_failed": "never"}))
    assert said(ann_account, ann) == {("run_failed", "connection:5"): ("never", False)}
    with scope.account(ann_account):
        assert choices_in(ann_account.pk, "run_failed", "connection:5")[ann.pk].when == "never"
        assert choices_in(ann_account.pk, "run_failed", "connection:6")[ann.pk].when == "first"
    page = page_of(at_anns, f"{PREFERENCES}?source=connection:5")
    assert "Weekly letter only" in page
    at_anns.post(PREFERENCES, posted(**{"source": "connection:5", "when-run_failed": ""}))
    assert said(ann_account, ann) == {}


def test_the_same_for_all_my_clients(agency_admin, ann_account, bob_account, known_kinds):
    data = posted(**{"when-run_failed": "first", "everywhere": "on"})
    signed_in(agency_admin).post(PREFERENCES, data)
    for account in (ann_account, bob_account):
        assert said(account, agency_admin) == {("run_failed", ""): ("first", False)}


@pytest.mark.parametrize("way", ["get", "post"])
def test_another_client_cannot_be_chosen(at_anns, ann, ann_account, bob_account, way):
    """An unknown client and one of others are the same: one's own is meant."""
    for slug in ("bob", "nobody"):
        if way == "get":
            page = page_of(at_anns, f"{PREFERENCES}?client={slug}")
            assert "Bob’s Books" not in page
        else:
            at_anns.post(PREFERENCES, posted(**{"client": slug, "when-run_failed": "every"}))
    assert said(bob_account, ann) == {}


def test_nonsense_changes_nothing(at_anns, ann, ann_account):
    data = {"client": "ann", "when-run_failed": "always", "when-unknown": "first", "source": "connection:999"}
    assert at_anns.post(PREFERENCES, data).status_code == FOUND
    assert said(ann_account, ann) == {}


def test_who_has_no_client_is_told_what_to_do(charlie, known_kinds):
    assert "There is no client for you yet" in page_of(signed_in(charlie), PREFERENCES)
    assert signed_in(charlie).post(PREFERENCES, posted()).status_code == OK


# Webhooks


def add(client, **fields):
    data = {
        "name": "Service desk",
        "url": "https://desk.example.com/hooks/K3Y",
        "hears_alerts": "on",
        "kinds": ["run_failed"],
        **fields,
    }
    return client.post(f"{ENDPOINTS}add/", data)


def test_a_secret_is_shown_once(at_anns, ann_account):
    answer = add(at_anns)
    (secret,) = set(SECRET.findall(answer.content.decode()))
    assert "no-store" in answer.headers["Cache-Control"]
    with scope.account(ann_account):
        endpoint = Endpoint.objects.get()
        assert endpoints.valid_secrets(endpoint) == [secret]
        assert (endpoint.kinds, endpoint.events, endpoint.enabled) == (["run_failed"], [], True)
    for address in (ENDPOINTS, f"{ENDPOINTS}{endpoint.pk}/change/", f"{ENDPOINTS}{endpoint.pk}/history/"):
        later = page_of(at_anns, address)
        assert "Service desk" in later
        assert secret not in later
    assert "K3Y" not in page_of(at_anns, ENDPOINTS)


def test_a_new_secret_is_shown_once_and_both_sign(at_anns, ann_account):
    (old,) = set(SECRET.findall(add(at_anns).content.decode()))
    with scope.account(ann_account):
        endpoint = Endpoint.objects.get()
    answer = at_anns.post(f"{ENDPOINTS}{endpoint.pk}/rotate/")
    (new,) = set(SECRET.findall(answer.content.decode()))
    assert "no-store" in answer.headers["Cache-Control"]
    with scope.account(ann_account):
        assert endpoints.valid_secrets(Endpoint.objects.get()) == [new, old]
    assert "signed with the secret before it" in page_of(at_anns, f"{ENDPOINTS}{endpoint.pk}/change/")
    assert at_anns.get(f"{ENDPOINTS}{endpoint.pk}/rotate/").status_code == FORBIDDEN


def test_saving_keeps_the_secret(at_anns, ann_account):
    (secret,) = set(SECRET.findall(add(at_anns).content.decode()))
    with scope.account(ann_account):
        endpoint = Endpoint.objects.get()
    data = {"name": "Desk", "url": "https://desk.example.com/other", "events": ["audience.deleted"]}
    assert at_anns.post(f"{ENDPOINTS}{endpoint.pk}/change/", data).status_code == FOUND
    with scope.account(ann_account):
        endpoint = Endpoint.objects.get()
        assert (endpoint.name, endpoints.valid_secrets(endpoint)) == ("Desk", [secret])
        assert (endpoint.hears_alerts, endpoint.events) == (False, ["audience.deleted"])
    assert "1 event" in page_of(at_anns, ENDPOINTS)


def test_a_webhook_has_to_hear_something(at_anns, ann_account):
    answer = add(at_anns, hears_alerts="", kinds=[])
    assert "Tick what it is told of" in answer.content.decode()
    with scope.account(ann_account):
        assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://desk.example.com/", "has to begin with https://"),
        ("https://127.0.0.1/", "host name instead of a number"),
        ("https://[::ffff:10.0.0.1]/", "host name instead of a number"),
        ("https://localhost/", "inside a network"),
        ("https://desk.example.com:8443/", "Port 8443 is not allowed"),
        ("https://user:pass@desk.example.com/", "user name or password"),
        ("https://2130706433/", "ends in a number"),
        ("nonsense", "has to begin with https://"),
        ("https://" + "a" * 500, "500 characters"),
        ("", "Fill in: Address."),
    ],
)
def test_a_bad_address_is_refused_in_words(at_anns, ann_account, url, words):
    answer = add(at_anns, url=url)
    assert answer.status_code == OK
    assert words in answer.content.decode()
    with scope.account(ann_account):
        assert not Endpoint.objects.exists()


def test_trying_switching_and_sending_again(at_anns, ann_account, receiver, work):
    with scope.account(ann_account):
        endpoint, _ = endpoints.make_endpoint(account=ann_account, name="Service desk", url=receiver.url)
    page = f"{ENDPOINTS}{endpoint.pk}"
    at_anns.post(f"{page}/test/")
    work()
    assert len(receiver.got) == 1
    shown = page_of(at_anns, f"{page}/change/")
    assert "webhook.test" in shown
    assert "Delivered" in shown
    with scope.account(ann_account):
        delivery = Delivery.objects.get()
    assert "webhook.test" in page_of(at_anns, f"/admin/notices/delivery/{delivery.pk}/change/")
    at_anns.post(f"/admin/notices/delivery/{delivery.pk}/again/")
    work()
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
    at_anns.post(f"{page}/switch/", {"on": "0"})
    at_anns.post(f"{page}/test/")
    work()
    assert len(receiver.got) == 2
    assert "Switched off by a person." in page_of(at_anns, f"{page}/change/")
    at_anns.post(f"{page}/switch/", {"on": "1"})
    data = {"action": "resend", "_selected_action": [delivery.pk], "index": "0"}
    at_anns.post("/admin/notices/delivery/", data)
    work()
    assert len(receiver.got) == 3


def test_a_webhook_is_deleted_with_its_messages(at_anns, ann_account, receiver, work):
    with scope.account(ann_account):
        endpoint, _ = endpoints.make_endpoint(account=ann_account, name="Service desk", url=receiver.url)
        endpoints.send_test(endpoint)
    assert at_anns.post(f"{ENDPOINTS}{endpoint.pk}/delete/", {"post": "yes"}).status_code == FOUND
    with scope.account(ann_account):
        assert not Endpoint.objects.exists()
        assert not Delivery.objects.exists()
    work()
    assert receiver.got == []


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_webhooks_are_for_managers(ann_account, known_kinds, role):
    user = member_of(ann_account, "one@agency.example", "One")
    with scope.account(ann_account):
        Membership.objects.filter(user=user).update(role=role)
        endpoint, _ = endpoints.make_endpoint(
            account=ann_account, name="Desk", url="https://x.example.com/K3Y"
        )
    client = signed_in(user)
    assert client.get(ENDPOINTS).status_code == FORBIDDEN
    assert client.get(f"{ENDPOINTS}{endpoint.pk}/change/").status_code == FORBIDDEN
    for act in ("rotate", "test", "switch", "delete"):
        assert client.post(f"{ENDPOINTS}{endpoint.pk}/{act}/", {"post": "yes"}).status_code == FORBIDDEN
    assert "Webhooks" not in page_of(client, "/admin/")


def test_another_clients_webhook_does_not_exist(bob, ann_account, known_kinds):
    with scope.account(ann_account):
        endpoint, _ = endpoints.make_endpoint(account=ann_account, name="Desk", url="https://x.example.com/")
    client = signed_in(bob)
    for act in ("rotate", "test", "switch"):
        assert client.post(f"{ENDPOINTS}{endpoint.pk}/{act}/").status_code == NOT_FOUND
    assert Account.objects.count() == 2


def test_the_pages_are_found(at_anns):
    page = page_of(at_anns, "/admin/")
    for name in ("notices_alert_changelist", "notices_endpoint_changelist", "notices_alert_preferences"):
        assert reverse(f"admin:{name}") in page

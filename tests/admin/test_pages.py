"""What the pages promise: keys shown once, answers recorded, addresses suppressed, deletions guarded."""

from __future__ import annotations

import html
import re
import shlex

import pytest
from django.test import Client
from django.urls import reverse

from audiences import uses
from audiences.admin.search import by_term
from audiences.models import Audience, Consent, Profile, Suppression
from audiences.suppressions import is_suppressed
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey, User

FOUND, OK, FORBIDDEN = 302, 200, 403
KEY = re.compile(r"ak_live_[0-9a-f]{8}_[A-Za-z0-9]{43}")


@pytest.fixture
def at_anns(client, ann, ann_account):
    client.force_login(ann)
    return client


def make_key(client, label="Web shop"):
    return client.post(
        reverse("admin:accounts_apikey_add"),
        {"label": label, "scopes": ["members:write"], "expires_at_0": "", "expires_at_1": ""},
    )


def test_a_key_is_shown_once_and_works(at_anns, ann_account):
    answer = make_key(at_anns)
    shown = KEY.findall(answer.content.decode())
    assert len(set(shown)) == 1
    assert "no-store" in answer.headers["Cache-Control"]
    assert keys.check(shown[0]).account_id == ann_account.pk
    with scope.account(ann_account):
        key = ApiKey.objects.get()
    for page in ("changelist", "change", "history"):
        arguments = [] if page == "changelist" else [key.pk]
        later = at_anns.get(reverse(f"admin:accounts_apikey_{page}", args=arguments)).content.decode()
        assert key.prefix in later
        assert shown[0].rsplit("_", 1)[1] not in later
        assert bytes(key.secret_sha256).hex() not in later


def commands_on(page):
    """(method, address, headers, body) of every curl on a page, with $KEY filled in."""
    text = html.unescape(page)
    key = KEY.search(text)
    for command in re.findall(r"curl .*?(?=\n\n|</pre>)", text, re.DOTALL):
        words = shlex.split(command.replace("\\\n", " ").replace("$KEY", key.group() if key else "$KEY"))
        headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
        yield words[2], words[3].removeprefix("http://testserver"), headers, words[words.index("-d") + 1]


def run(method, address, headers, body):
    given = {"HTTP_AUTHORIZATION": headers["Authorization"], "content_type": headers["Content-Type"]}
    return Client().generic(method, address, body, **given)


def test_the_ready_commands_work(at_anns, ann_account, audience_of):
    """Those of a new key, and the one of an audience's page."""
    form = at_anns.get(reverse("admin:accounts_apikey_add")).context["adminform"].form
    data = {"label": "Web shop", "scopes": form["scopes"].initial, "expires_at_0": "", "expires_at_1": ""}
    page = at_anns.post(reverse("admin:accounts_apikey_add"), data).content.decode()
    answers = [run(*command) for command in commands_on(page)]
    assert [answer.status_code for answer in answers] == [201, OK]
    assert answers[1].json()["summary"]["added"] == 1
    audience = audience_of(
        ann_account, "Näme & “quotes”", external_id="it's/odd é", unknown_contacts="create"
    )
    shown = at_anns.get(reverse("admin:audiences_audience_change", args=[audience.pk])).content.decode()
    (command,) = commands_on(shown)
    bearer = {**command[2], "Authorization": f"Bearer {KEY.search(html.unescape(page)).group()}"}
    assert run(command[0], command[1], bearer, command[3]).json()["summary"]["added"] == 1


def test_a_revoked_key_stops_at_once(at_anns, ann_account):
    secret = KEY.search(make_key(at_anns).content.decode()).group()
    with scope.account(ann_account):
        key = ApiKey.objects.get()
    revoke = reverse("admin:accounts_apikey_revoke", args=[key.pk])
    assert at_anns.get(revoke).status_code == FORBIDDEN
    assert at_anns.post(revoke).status_code == FOUND
    with pytest.raises(keys.Refused):
        keys.check(secret)
    assert make_key(at_anns).status_code == OK  # the label is taken: said in words
    assert "of this client has this" in make_key(at_anns).content.decode()


def test_a_member_is_added_by_address_and_hears_no_difference(at_anns, ann_account, bob):
    for email in ("bob@agency.example", "new@agency.example"):
        data = {"email": email, "role": "viewer", "expires_at_0": "", "expires_at_1": "", "reason": ""}
        assert at_anns.post(reverse("admin:accounts_membership_add"), data).status_code == FOUND
    assert not User.objects.get(email="new@agency.example").has_usable_password()
    assert User.objects.count() == 3


def test_an_answer_goes_into_the_ledger_with_its_proof(at_anns, ann, ann_account, objective_of, profile_of):
    objective_of(ann_account, "newsletter")
    profile = profile_of(ann_account, "eve@example.com")
    address = reverse("admin:audiences_profile_answer", args=[profile.pk])
    answer = {
        "objective": "newsletter", "state": "granted", "occurred_at": "2026-05-01T10:00", "method": "single",
        "note": "By phone, call 7731",
    }  # fmt: skip
    assert at_anns.post(address, answer).status_code == FOUND
    with scope.account(ann_account):
        row = Consent.objects.get()
        assert Profile.objects.get().consents["newsletter"]["state"] == "granted"
    assert (row.state, row.source, row.evidence["note"]) == (
        "granted",
        f"admin:{ann.email}",
        "By phone, call 7731",
    )
    page = at_anns.get(reverse("admin:audiences_profile_change", args=[profile.pk])).content.decode()
    assert "By phone, call 7731" in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("objective", "unknown"),
        ("state", "maybe"),
        ("occurred_at", "2990-01-01T00:00"),
        ("note", ""),
        ("method", "x"),
    ],
)
def test_a_bad_answer_is_refused_in_place(at_anns, ann_account, objective_of, profile_of, field, value):
    objective_of(ann_account, "newsletter")
    profile = profile_of(ann_account, "eve@example.com")
    answer = {"objective": "newsletter", "state": "granted", "occurred_at": "2026-05-01T10:00", "method": "single",
              "note": "signed"}  # fmt: skip
    response = at_anns.post(
        reverse("admin:audiences_profile_answer", args=[profile.pk]), {**answer, field: value}
    )
    assert response.status_code == OK
    assert "form-error" in response.content.decode()
    with scope.account(ann_account):
        assert not Consent.objects.exists()


def test_a_suppressed_address_is_kept_as_a_fingerprint(at_anns, ann_account):
    add = reverse("admin:audiences_suppression_add")
    assert at_anns.post(add, {"address": " Eve@Example.com ", "reason": "request"}).status_code == FOUND
    with scope.account(ann_account):
        row = Suppression.objects.get()
        assert is_suppressed(ann_account, "eve@example.com")
    for page, arguments in (("changelist", []), ("change", [row.pk])):
        shown = at_anns.get(reverse(f"admin:audiences_suppression_{page}", args=arguments)).content.decode()
        assert "eve@example.com" not in shown.lower()
    again = at_anns.post(add, {"address": "eve@example.com", "reason": "request"})
    assert "suppressed already" in again.content.decode()


def test_who_was_erased_stays_suppressed(at_anns, ann_account):
    with scope.account(ann_account):
        row = Suppression.objects.create(account=ann_account, address_hmac=b"x" * 32, reason="erasure")
    delete = reverse("admin:audiences_suppression_delete", args=[row.pk])
    assert at_anns.post(delete, {"post": "yes"}).status_code == FORBIDDEN


def test_an_audience_in_use_is_not_deleted(at_anns, ann_account, audience_of, monkeypatch):
    audience = audience_of(ann_account)
    delete = reverse("admin:audiences_audience_delete", args=[audience.pk])
    use = uses.Use("export", "1", "Weekly letter", "on", "/admin/")
    monkeypatch.setattr(uses, "_finders", [lambda found: [use]])
    page = at_anns.post(delete, {"post": "yes"}).content.decode()
    assert "Weekly letter" in page
    assert "in use" in page
    monkeypatch.setattr(uses, "_finders", [])
    assert at_anns.post(delete, {"post": "yes"}).status_code == FOUND
    with scope.account(ann_account):
        assert Audience.objects.get().deleted_at is not None
    page = at_anns.get(reverse("admin:audiences_audience_change", args=[audience.pk])).content.decode()
    assert "It can be restored, with its members" in page


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("ann.smit@example.com", {"ann.smit@example.com"}),
        (" Ann.Smit@Example.COM ", {"ann.smit@example.com"}),
        ("ann", {"ann.smit@example.com", "annz@example.com", "ann-99@example.com"}),
        ("ann.", {"ann.smit@example.com"}),
        ("ann-9", {"ann-99@example.com"}),
        ("annz", {"annz@example.com"}),
        ("C-1", {"ann.smit@example.com"}),
        ("zz", {"zz@example.com"}),
        ("%", set()),
        ("_nn", set()),
    ],
)
def test_people_are_found_by_the_beginning_of_what_is_known(at_anns, ann_account, profile_of, term, found):
    profile_of(ann_account, "ann.smit@example.com", external_id="C-100")
    for email in ("annz@example.com", "ann-99@example.com", "zz@example.com", "bert@example.com"):
        profile_of(ann_account, email)
    page = at_anns.get(reverse("admin:audiences_profile_changelist"), {"q": term})
    assert {row.email for row in page.context["cl"].result_list} == found


def test_the_search_names_a_range_that_an_index_can_answer(in_ann):
    """Under row-level security LIKE alone would read every person."""
    sql = str(by_term(Profile.objects.all(), "ann.smit").query)
    assert '"email" >= ann.smit' in sql
    assert '"email" < ann.smiu' in sql

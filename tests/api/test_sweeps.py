"""What holds for every operation, taken from the document: none can be forgotten."""

from __future__ import annotations

import re

import pytest

from audiences import jobs
from audiences.models import Job
from syncapp.accounts import scope
from tests.api.described import Described, described, state

ALL = described()
OTHERS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
NOBODYS = {
    "external_id": "nothing",
    "contact_external_id": "niemand",
    "job_id": "job_987654321",
    "sync_id": "sync_987654321",
    "webhook_id": "987654321",
}


@pytest.fixture(autouse=True)
def many_calls(settings):
    settings.API_REQUESTS_PER_MINUTE = settings.API_MEMBER_OPERATIONS_PER_MINUTE = 10**9


@pytest.fixture
def own(api):
    """Values of path parameters that lead to something of Ann's."""
    return own_things(api)


def own_things(api):
    api.put("/audiences/vip-2024", {"name": "VIP", "unknown_contacts": "create"})
    api.put("/contacts/c-1", {"email": "c1@example.nl"})
    api.batch("vip-2024", {"add": ["c-1"]})
    at = {"mode": "delta", "snapshot_at": "2026-01-31T12:00:00Z"}
    hook = {"name": "Hook", "url": "https://example.com/", "events": ["audience.created"]}
    return {
        "external_id": "vip-2024",
        "contact_external_id": "c-1",
        "purpose": "newsletter",
        "number": "1",
        "sync_id": api.post("/audiences/vip-2024/syncs", at).json()["id"],
        "webhook_id": api.post("/webhooks", hook).json()["id"],
    }


def send(api, one: Described, values, **headers):
    """With a body that no operation takes, so that nothing happens where one is taken."""
    if one.media_types:
        headers.setdefault("content_type", one.media_types[0])
    body = {"no_such_field": 1} if one.media_types else None
    return api.send(one.method, one.address(values), body, **headers)


def test_every_answer_names_its_call_and_what_remains(api, own):
    for one in ALL:
        answer = send(api, one, own)
        assert re.fullmatch(r"req_[0-9a-f]{24}", answer.headers["X-Request-Id"]), one.name
        assert re.fullmatch(r'"default";q=\d+;w=60', answer.headers["RateLimit-Policy"]), one.name
        assert re.fullmatch(r'"default";r=\d+;t=\d+', answer.headers["RateLimit"]), one.name
        assert answer.headers["Cache-Control"] == "no-store", one.name
        assert answer.headers["X-Content-Type-Options"] == "nosniff", one.name


def test_without_a_key_nothing_is_told(api, own):
    before = state()
    for one in ALL:
        answer = send(api, one, own, authorization="")
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials"), one.name
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), one.name
        assert "X-Request-Id" in answer.headers, one.name
        assert "RateLimit" not in answer.headers, one.name
    assert state() == before


def test_a_key_without_the_scope_is_told_which_one(api_of, ann_account, own):
    bare = api_of(ann_account, "Nothing", [])
    before = state()
    for one in ALL:
        scopes = [found for way in one.operation["security"] for found in way.get("oauth2", ())]
        answer = send(bare, one, own)
        if one.name != "limits_get":
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), one.name
            assert answer.json()["scope"] in scopes, one.name
    assert state() == before


def test_pages_are_not_offered(api, own):
    for one in ALL:
        answer = send(api, one, own, accept="text/html")
        assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable"), one.name


def test_other_media_types_are_refused(api, own):
    for one in ALL:
        if one.media_types:
            answer = send(api, one, own, content_type="application/pdf")
            assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), one.name
            named = [answer.headers.get(name, "") for name in ("Accept", "Accept-Post", "Accept-Patch")]
            assert set(one.media_types) <= set(re.split(r"[, ]+", ",".join(named))), one.name


def test_head_is_get_without_the_body(api, own):
    for one in ALL:
        if one.method == "GET":
            get, head = send(api, one, own), api.send("HEAD", one.address(own))
            assert (head.status_code, head.content) == (get.status_code, b""), one.name
            for name in ("Content-Type", "ETag", "Allow"):
                assert head.headers.get(name) == get.headers.get(name), (one.name, name)


def test_other_methods_are_told_the_right_ones(api, own):
    """A contact called “batch” is read and written one by one at the address of the operation of this name."""
    for path in sorted({one.path for one in ALL}):
        there = [one for one in ALL if one.path == path]
        methods = {one.method for one in there} | {"HEAD" for one in there if one.method == "GET"}
        answer = api.send("OPTIONS", there[0].address(own))
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), path
        allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
        named = path.rpartition("/")[2] in ("batch", "imports")
        assert methods <= allowed if named else methods == allowed, path
        for method in set(OTHERS) - allowed:
            answer = api.send(method, there[0].address(own))
            assert answer.status_code == 405, (path, method)
            assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed, (path, method)


def test_what_is_bobs_is_as_what_is_nobodys(api_of, ann_account, bob_account):
    """The same answer for Bob's ids and for ids of nothing, but for the id itself."""
    ann, bob = api_of(ann_account), api_of(bob_account)
    own_things(ann)
    foreign = {
        **own_things(bob),
        "external_id": "bobs",
        "contact_external_id": "bruno",
        "job_id": job_of(bob_account),
    }
    bob.put("/audiences/bobs", {"name": "Bob’s"})
    bob.put("/contacts/bobs", {"email": "b@example.nl"})
    bob.put("/contacts/bruno", {"email": "b2@example.nl"})
    seen = 0
    for one in ALL:
        for place in one.places:
            if place in NOBODYS:
                values = (foreign[place], NOBODYS[place])
                answers = [plain(send(ann, one, {**foreign, place: value}), value) for value in values]
                assert answers[0] == answers[1], (one.name, place)
                seen += 1
    assert seen >= 40


def job_of(account):
    with scope.account(account):
        return str(jobs.queue(client=None, account_id=account.pk, kind=Job.Kind.CONTACTS_IMPORT))


def plain(answer, value):
    """Status and body, without what differs by nature."""
    text = re.sub(r"req_[0-9a-f]{24}", "req", answer.content.decode())
    return answer.status_code, text.replace(value, "…")

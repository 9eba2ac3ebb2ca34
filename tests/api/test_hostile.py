"""Every writing operation with what nobody sends in earnest: refused as a problem, and nothing has changed."""

from __future__ import annotations

import re

import pytest

from syncapp.api import catalogue
from tests.api.described import Described, described, state, writing
from tests.api.hostile import BODIES, HEADERS, IDS, LINES, ROWS

WRITING = list(writing())
ALL = described()
INSIDES = re.compile(
    rb"Traceback|psycopg|django|SELECT |INSERT |audiences_|\.py\b|<html|<!doctype", re.IGNORECASE
)
HERE = {"external_id": "vip-2024", "contact_external_id": "c-1", "purpose": "newsletter", "number": "1"}
WITHOUT_BODY_TOO = ("member_put",)
TEXTS = {"application/x-ndjson": LINES, "text/csv": ROWS}


@pytest.fixture(autouse=True)
def many_calls(settings):
    settings.API_REQUESTS_PER_MINUTE = settings.API_MEMBER_OPERATIONS_PER_MINUTE = 10**9


@pytest.fixture
def here(api, vip):
    """Where the calls go: something is there for every path parameter."""
    vip_path = "/audiences/vip-2024"
    api.put("/contacts/c-1", {"email": "c1@example.nl"})
    session = api.post(f"{vip_path}/syncs", {"mode": "delta", "snapshot_at": "2026-01-31T12:00:00Z"}).json()
    hook = {"name": "Hook", "url": "https://example.com/", "events": ["audience.created"]}
    return {**HERE, "sync_id": session["id"], "webhook_id": api.post("/webhooks", hook).json()["id"]}


def check(answer, sent):
    assert answer.status_code < 500, (sent, answer.content)
    if answer.status_code >= 400:
        body = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json", sent
        assert catalogue.BY_CODE[body["code"]].status == body["status"] == answer.status_code, sent
        assert body["request_id"] == answer.headers["X-Request-Id"], sent
        assert not INSIDES.search(answer.content), (sent, answer.content)


def test_the_corpus_is_large_enough():
    assert len(WRITING) * len(BODIES) >= 500
    assert len(ALL) * len(IDS) >= 500
    assert len(WRITING) * len(HEADERS) >= 300


@pytest.mark.parametrize("one", WRITING, ids=lambda one: one.name)
def test_bodies_change_nothing(api, here, one: Described):
    before = state()
    for body in BODIES:
        if body == b"" and one.name in WITHOUT_BODY_TOO:
            continue
        answer = api.send(one.method, one.address(here), body, content_type=one.media_types[0])
        check(answer, body)
        assert answer.status_code >= 400, (body, answer.content)
    assert state() == before


@pytest.mark.parametrize("one", WRITING, ids=lambda one: one.name)
def test_headers_change_nothing(api, here, one: Described):
    """The body has a field that nobody knows, so that headers which are merely odd do not let it through."""
    before = state()
    for headers in HEADERS:
        given = {"content_type": one.media_types[0], **headers}
        answer = api.send(one.method, one.address(here), {"no_such_field": 1}, **given)
        check(answer, headers)
        assert answer.status_code >= 400, (headers, answer.content)
    assert state() == before


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_ids_lead_nowhere(api, here, one: Described):
    before = state()
    for place in one.places:
        for value in IDS:
            body = {"no_such_field": 1} if one.media_types else None
            check(api.send(one.method, one.address({place: value}), body), value)
    assert state() == before


@pytest.mark.parametrize(
    "one", [one for one in WRITING if set(one.media_types) & set(TEXTS)], ids=lambda one: one.name
)
def test_lines_and_rows_are_never_our_fault(api, here, one: Described):
    """They may be taken as items that fail; the state of a session or job is not judged here."""
    for media_type in one.media_types:
        for body in TEXTS.get(media_type, ()):
            check(api.send(one.method, one.address(here), body, content_type=media_type), body)

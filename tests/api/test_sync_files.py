"""Chunks as JSON, lines of JSON and CSV; what is wrong with them, and where."""

from __future__ import annotations

import base64
import gzip
import hashlib

import orjson
import pytest

from audiences.models import Profile, Property
from syncapp.accounts import scope
from syncapp.api import limits
from tests.api.syncing import Syncs

NDJSON = "application/x-ndjson"
CSV = "text/csv"


@pytest.fixture
def syncs(api, ann_account, audience_of):
    with scope.account(ann_account):
        Profile.objects.bulk_create(
            Profile(account=ann_account, external_id=f"c-{n}", email=f"c{n}@example.com") for n in range(10)
        )
        for key in ("city", "points", "vip", "born_on", "likes"):
            kind = {"points": "number", "vip": "boolean", "born_on": "date", "likes": "list"}.get(key, "text")
            Property.objects.create(account=ann_account, key=key, label=key, type=kind)
    audience_of(ann_account, "VIP 2024", external_id="vip-2024")
    return Syncs(api, ann_account)


def finish(syncs, sync, total):
    syncs.work(syncs.commit(sync, 1, total).json()["id"])
    return syncs.get(sync)


def members(syncs):
    return sorted(syncs.api.members("vip-2024"))


def errors_of(answer):
    return [(one["index"], one["line"], one["code"]) for one in answer.json()["errors"]]


def code(answer):
    return answer.status_code, answer.json()["code"]


def test_lines_of_json(syncs):
    sync = syncs.open()
    body = b'"c-0"\n{"external_id": "c-1", "properties": {"points": 3}}\r\n\n"c-2"'
    answer = syncs.put(sync, 1, body, content_type=NDJSON)
    assert (answer.status_code, answer.json()["items"]) == (201, 3)
    assert finish(syncs, sync, 3)["state"] == "completed"
    assert members(syncs) == ["c-0", "c-1", "c-2"]


def test_bad_lines_are_named_by_their_line(syncs):
    sync = syncs.open()
    lines = [
        '"c-0"',
        "{broken",
        "",
        '{"external_id": "c-1", "external_id": "c-2"}',
        "17",
        '{"colour": "red"}',
        '{"properties": {}}',
        '"' + "x" * 256 + '"',
        '{"external_id": "c-3", "properties": {"points": "many"}}',
        '{"email": "no address"}',
        '"c\\u0000"',
        '"c-4"',
    ]
    answer = syncs.put(sync, 1, "\n".join(lines).encode(), content_type=NDJSON)
    assert (answer.status_code, answer.json()["items"], answer.json()["failed"]) == (201, 11, 9)
    assert errors_of(answer) == [
        (1, 2, "malformed_json"),
        (2, 4, "malformed_json"),
        (3, 5, "invalid_identifier"),
        (4, 6, "unknown_field"),
        (5, 7, "invalid_identifier"),
        (6, 8, "invalid_identifier"),
        (7, 9, "invalid_contact"),
        (8, 10, "invalid_identifier"),
        (9, 11, "invalid_identifier"),
    ]
    assert answer.json()["errors"][0]["original"] == "{broken"
    assert answer.json()["errors"][6]["pointer"] == "/lines/9/properties/points"
    session = finish(syncs, sync, 11)
    assert (session["counters"]["added"], session["counters"]["failed"]) == (2, 9)
    assert members(syncs) == ["c-0", "c-4"]
    rows = syncs.api.get(f"/jobs/{session['job_id']}/errors").json()["items"]
    assert rows[0]["pointer"] == "/chunks/1/lines/2"
    assert rows[0]["original"] == "{broken"


def test_csv_with_properties(syncs, in_ann):
    sync = syncs.open()
    body = (
        "\ufeffexternal_id,city,points,vip,born_on,likes\r\n"
        'c-0,"Ghent, ""East""",7,true,1980-12-31,bikes; books\r\n'
        "c-1,,,,,\r\n"
        "\r\n"
        '"c-2","two\nlines",1.5,no,,\r\n'
    )
    answer = syncs.put(sync, 1, body.encode(), content_type="text/csv; charset=utf-8")
    assert (answer.status_code, answer.json()["failed"]) == (201, 0)
    assert finish(syncs, sync, 3)["state"] == "completed"
    stored = dict(Profile.objects.values_list("external_id", "properties"))
    assert stored["c-0"] == {
        "city": 'Ghent, "East"',
        "points": 7,
        "vip": True,
        "born_on": "1980-12-31",
        "likes": ["bikes", "books"],
    }
    assert stored["c-1"] == {}
    assert stored["c-2"] == {"city": "two\nlines", "points": 1.5, "vip": False}


def test_bad_rows_are_named_by_the_line_they_begin_on(syncs):
    sync = syncs.open()
    body = 'external_id,city,points\nc-0,"two\nlines",1\nc-1,Ghent\nc-2,Ghent,many\n,Ghent,2\nc-3,Ghent,3,4\n'
    answer = syncs.put(sync, 1, body.encode(), content_type=CSV)
    assert errors_of(answer) == [
        (1, 4, "invalid_contact"),
        (2, 5, "invalid_contact"),
        (3, 6, "invalid_identifier"),
        (4, 7, "invalid_contact"),
    ]
    assert answer.json()["errors"][1]["original"] == {"external_id": "c-2", "city": "Ghent", "points": "many"}


def test_csv_of_a_delta(syncs):
    syncs.replace(["c-0", "c-1"], snapshot_at="2026-06-30T12:00:00Z")
    sync = syncs.open("delta")
    body = "op,external_id,occurred_at\nremove,c-0,\nadd,c-2,2026-07-01T13:00:00Z\nmove,c-3,\nadd,c-4,noon\n"
    answer = syncs.put(sync, 1, body.encode(), content_type=CSV)
    assert [one[2] for one in errors_of(answer)] == ["invalid_operation", "invalid_contact"]
    finish(syncs, sync, 4)
    assert members(syncs) == ["c-1", "c-2"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"\n", "required"),
        (b"city\nGhent\n", "required"),
        (b"external_id,colour\nc-0,red\n", "unknown_field"),
        (b"external_id,city,city\nc-0,a,b\n", "duplicate_column"),
        (b'external_id\n"c-0\n', "malformed_csv"),
        (b'external_id\n"c-0"x\n', "malformed_csv"),
        (b"external_id\n\xff\xfe\n", "invalid_encoding"),
        (b"external_id,op\nc-0,add\n", "unknown_field"),
    ],
)
def test_wrong_csv_is_refused_as_a_whole(syncs, body, wrong):
    sync = syncs.open()
    answer = syncs.put(sync, 1, body, content_type=CSV)
    assert code(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["code"] == wrong
    assert syncs.get(sync)["received"]["chunks"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b" ", 400),
        (b"{", 400),
        (b'{"members": [], "members": []}', 400),
        (b'["c-0"]', 422),
        (b'{"operations": [{"op": "add", "id": "c-0"}]}', 422),
        (b'{"members": "c-0"}', 422),
        (b'{"members": ["c-0"], "more": 1}', 422),
        (b"[" * 100_000, 400),
    ],
)
def test_wrong_json_is_refused_as_a_whole(syncs, body, status):
    sync = syncs.open()
    assert syncs.put(sync, 1, body).status_code == status
    assert syncs.get(sync)["received"]["chunks"] == 0


def test_members_of_every_sort_in_one_chunk(syncs):
    sync = syncs.open()
    items = [
        "c-0",
        7,
        None,
        [],
        {"external_id": 7},
        {"external_id": "c-1"},
        "",
        "tab\there\\",
        "c\u0000",
        True,
    ]
    answer = syncs.put(sync, 1, items)
    assert (answer.status_code, answer.json()["failed"]) == (201, 7)
    session = finish(syncs, sync, 10)
    assert members(syncs) == ["c-0", "c-1"]
    rows = syncs.api.get(f"/jobs/{session['job_id']}/errors").json()["items"]
    assert rows[-2]["original"] == "c\u0000" or rows[-2]["original"] is True
    assert "tab\there\\" in [row["original"] for row in rows]


def test_gzip_and_digest(syncs):
    sync = syncs.open()
    plain = orjson.dumps({"members": ["c-0", "c-1"]})
    zipped = gzip.compress(plain)
    digest = base64.b64encode(hashlib.sha256(zipped).digest()).decode()
    sent = {"content_encoding": "gzip", "content_digest": f"sha-256=:{digest}:"}
    assert syncs.put(sync, 1, zipped, **sent).status_code == 201
    assert syncs.put(sync, 1, plain).status_code == 200  # the same content
    wrong = base64.b64encode(hashlib.sha256(plain).digest()).decode()
    sent["content_digest"] = f"sha-256=:{wrong}:"
    assert code(syncs.put(sync, 2, zipped, **sent)) == (422, "digest_mismatch")
    sent["content_digest"] = "sha-256=nonsense"
    assert code(syncs.put(sync, 2, zipped, **sent)) == (400, "invalid_header")
    sent["content_digest"] = "md5=:nonsense:"
    assert syncs.put(sync, 2, zipped, **sent).status_code == 201  # of a kind we do not know


@pytest.mark.parametrize("content_type", ["application/json", NDJSON, CSV])
def test_bombs_are_refused(syncs, content_type):
    sync = syncs.open()
    bomb = gzip.compress(b"external_id\n" + b"0" * (limits.DECOMPRESSED_BYTES + 1))
    answer = syncs.put(sync, 1, bomb, content_type=content_type, content_encoding="gzip")
    assert code(answer) == (413, "body_too_large")
    lines = gzip.compress(b"\n" * 1_000_000 + b'"c-0"\n' * (limits.CHUNK_ITEMS + 1))
    if content_type == NDJSON:
        answer = syncs.put(sync, 1, lines, content_type=content_type, content_encoding="gzip")
        assert code(answer) == (413, "too_many_items")
    assert code(syncs.put(sync, 1, bomb[:-5], content_encoding="gzip"))[0] in (400, 413)
    assert syncs.get(sync)["received"]["chunks"] == 0


@pytest.mark.parametrize("content_type", ["application/json", NDJSON, CSV])
def test_a_chunk_takes_50000_items_and_not_one_more(syncs, content_type):
    sync = syncs.open()
    for more, status in ((1, 413), (0, 201)):
        ids = [f"x-{n}" for n in range(limits.CHUNK_ITEMS + more)]
        body = {
            "application/json": orjson.dumps({"members": ids}),
            NDJSON: "\n".join(f'"{one}"' for one in ids).encode(),
            CSV: ("external_id\n" + "\n".join(ids)).encode(),
        }[content_type]
        answer = syncs.put(sync, 1, body, content_type=content_type)
        assert answer.status_code == status
        if more:
            assert answer.json()["code"] == "too_many_items"
            assert answer.json()["limit"] == limits.CHUNK_ITEMS


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "text/csv; charset=latin-1", ""])
def test_other_media_types_are_refused(syncs, content_type):
    sync = syncs.open()
    assert code(syncs.put(sync, 1, b"c-0", content_type=content_type)) == (415, "unsupported_media_type")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "100001", "9999999999"])
def test_chunks_are_numbered_from_1(syncs, number):
    sync = syncs.open()
    assert syncs.api.put(f"/syncs/{sync}/chunks/{number}", {"members": []}).status_code == 422


def test_members_quota_covers_chunks(syncs, settings):
    settings.API_MEMBER_OPERATIONS_PER_MINUTE = 3
    sync = syncs.open()
    answer = syncs.put(sync, 1, ["c-0", "c-1"])
    assert answer.headers["Member-Quota"].startswith("limit=3, remaining=1")
    assert syncs.put(sync, 1, ["c-0", "c-1"]).status_code == 200  # a repeat costs nothing
    assert code(syncs.put(sync, 2, ["c-2", "c-3"])) == (429, "rate_limited")
    assert syncs.get(sync)["received"]["chunks"] == 1

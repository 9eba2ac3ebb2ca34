"""The list of members: complete and without repeats while members come and go."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audiences.api import member_rows
from audiences.models import Member
from syncapp.accounts import scope


def pages(api, query):
    cursor = ""
    while True:
        page = api.get(f"/audiences/vip-2024/members?{query}{cursor}")
        assert page.status_code == 200, page.content
        yield page
        if page.json()["next_cursor"] is None:
            return
        cursor = f"&cursor={page.json()['next_cursor']}"


@pytest.mark.parametrize("sort", ["id", "added_at"])
def test_pages_hold_everybody_once_while_others_come_and_go(api, vip, sort):
    api.batch("vip-2024", {"add": [f"c-{n}" for n in range(23)]})
    seen = []
    for number, page in enumerate(pages(api, f"sort={sort}&limit=5")):
        seen += [item["contact"]["external_id"] for item in page.json()["items"]]
        if number == 1:
            assert 'rel="next"' in page.headers["Link"]
            api.batch("vip-2024", {"remove": [seen[0], "c-22"], "add": ["late"]})
    stayed = {f"c-{n}" for n in range(22)}
    assert len(seen) == len(set(seen))
    assert stayed <= set(seen) <= stayed | {"late", "c-22"}


def test_an_item_says_who_since_when_and_through_which_key(api, vip):
    api.batch(
        "vip-2024", {"operations": [{"op": "add", "id": "c-1", "contact": {"email": "Jan@example.nl"}}]}
    )
    (item,) = api.get("/audiences/vip-2024/members").json()["items"]
    assert set(item) == {"contact", "added_at", "last_change_at", "source"}
    assert (item["contact"]["external_id"], item["contact"]["email"]) == ("c-1", "jan@example.nl")
    assert item["source"] == "api:ERP"
    answer = api.batch("vip-2024", {"identifier": "id", "remove": [item["contact"]["id"]]})
    assert answer.json()["summary"]["removed"] == 1


def test_added_since_and_fields(api, vip, ann_account):
    api.batch("vip-2024", {"add": ["old", "new"]})
    now = timezone.now()
    with scope.account(ann_account):
        Member.objects.filter(profile__external_id="old").update(added_at=now - timedelta(days=30))
    since = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = api.get(f"/audiences/vip-2024/members?added_since={since}&fields=contact").json()["items"]
    assert [(set(item), item["contact"]["external_id"]) for item in found] == [({"contact"}, "new")]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=1e2", "limit"),
        ("limit=٣", "limit"),
        ("sort=name", "sort"),
        ("added_since=yesterday", "added_since"),
        ("added_since=2026-01-01T00:00:00", "added_since"),
        ("added_since=2026-13-01T00:00:00Z", "added_since"),
        ("fields=contact,secret", "fields"),
        ("offset=5", "offset"),
        ("limit=5&limit=6", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=WzEsImlkIiwiIiwxXQ", "cursor"),
        ("cursor=" + "W" * 3000, "cursor"),
    ],
)
def test_wrong_parameters_are_named(api, vip, query, parameter):
    answer = api.get(f"/audiences/vip-2024/members?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == parameter


def test_a_cursor_belongs_to_its_list(api, vip):
    api.batch("vip-2024", {"add": ["a", "b"]})
    api.put("/audiences/other", {"name": "Other"})
    cursor = api.get("/audiences/vip-2024/members?limit=1").json()["next_cursor"]
    for list_of in ("/audiences/other/members?", "/audiences/vip-2024/members?sort=added_at&"):
        assert api.get(f"{list_of}cursor={cursor}").json()["errors"][0]["parameter"] == "cursor"


def test_the_order_by_time_follows_its_index(vip, in_ann):
    """And nothing else does: a look-up of many people by it took minutes before the first ANALYZE."""
    params = {"account": vip.account_id, "audience": vip.pk, "floor": None, "limit": 100}
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        plans = []
        for sql in (member_rows.BY_TIME, member_rows.BY_ID):
            cursor.execute(f"EXPLAIN {sql.format(conditions='')}", params)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    indexes = [re.findall(r"Index .*Scan using (\w+) on audiences_member", plan) for plan in plans]
    assert [["added_at" in name for name in names] for names in indexes] == [[True], [False]], plans

"""The audience resource over HTTP: create, patch, list, uses; and calls that race."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from django.db import connection

from audiences import uses
from audiences.models import Audience
from audiences.uses import Use
from syncapp.accounts import scope

MERGE_PATCH = "application/merge-patch+json"


def test_post_creates_once(api):
    answer = api.post(
        "/audiences", {"external_id": "a/b", "name": "VIP", "tags": ["crm"], "state": "archived"}
    )
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"] == "/api/v1/audiences/a%2Fb"
    assert api.get(answer.headers["Location"]).json() == answer.json()
    assert (answer.json()["state"], answer.headers["ETag"]) == ("archived", '"1"')
    again = api.post("/audiences", {"external_id": "a/b", "name": "Other"})
    assert (again.status_code, again.json()["code"]) == (409, "external_id_taken")
    assert again.json()["conflict"] == {"external_id": "a/b"}
    twin = api.post("/audiences", {"external_id": "c", "name": " vip "})
    assert (twin.status_code, twin.json()["code"]) == (409, "name_taken")
    assert twin.json()["conflict"] == {"external_id": "a/b"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "N"}, "validation_failed"),
        ({"external_id": "a"}, "validation_failed"),
        ({"external_id": "", "name": "N"}, "validation_failed"),
        ({"external_id": "x" * 256, "name": "N"}, "validation_failed"),
        ({"external_id": ".", "name": "N"}, "invalid_external_id"),
        ({"external_id": "..", "name": "N"}, "invalid_external_id"),
        ({"external_id": None, "name": "N"}, "validation_failed"),
        ({"external_id": "a", "name": "N", "state": "deleted"}, "validation_failed"),
    ],
)
def test_post_refuses_what_cannot_be(api, body, code):
    answer = api.post("/audiences", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert api.get("/audiences").json()["items"] == []


@pytest.mark.parametrize("content_type", [MERGE_PATCH, "application/json", f"{MERGE_PATCH}; charset=utf-8"])
def test_patch_changes_only_what_it_names(api, content_type):
    api.put(
        "/audiences/a",
        {
            "name": "A",
            "description": "first",
            "tags": ["x"],
            "source": {"system": "ERP"},
            "identifier": "email",
        },
    )
    answer = api.send(
        "PATCH", "/audiences/a", {"description": None, "tags": ["y"]}, content_type=content_type
    )
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["name"], body["description"], body["tags"]) == ("A", "", ["y"])
    assert (body["source"]["system"], body["identifier"], body["version"]) == ("ERP", "email", 2)
    assert answer.headers["ETag"] == '"2"'


def test_patch_where_nothing_changes_keeps_the_version(api, vip):
    same = api.send("PATCH", "/audiences/vip-2024", {"name": "VIP 2024", "source": {}})
    assert (same.status_code, same.json()["version"]) == (200, 1)
    assert api.send("PATCH", "/audiences/vip-2024", {}).json() == same.json()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"name": None}, "/name"), ({"nmae": "x"}, "/nmae"), ({"state": "deleted"}, "/state"), ([], "")],
)
def test_patch_points_to_what_is_wrong(api, vip, body, pointer):
    answer = api.send("PATCH", "/audiences/vip-2024", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_patch_of_another_version_id_or_media_type(api, vip):
    stale = api.send("PATCH", "/audiences/vip-2024", {"name": "N"}, if_match='"7"')
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    other = api.send("PATCH", "/audiences/vip-2024", {"external_id": "else"})
    assert (other.status_code, other.json()["code"]) == (422, "external_id_mismatch")
    patch = api.send("PATCH", "/audiences/vip-2024", b"[]", content_type="application/json-patch+json")
    assert (patch.status_code, patch.headers["Accept-Patch"]) == (415, f"{MERGE_PATCH}, application/json")
    assert api.send("PATCH", "/audiences/no", {"name": "N"}).json()["code"] == "audience_not_found"
    right = api.send("PATCH", "/audiences/vip-2024", {"name": "N"}, if_match='"1"')
    assert (right.status_code, right.json()["version"]) == (200, 2)


def test_an_archived_audience_keeps_its_members_and_takes_changes(api, vip):
    api.batch("vip-2024", {"add": ["c-1"]})
    body = api.send("PATCH", "/audiences/vip-2024", {"state": "archived"}).json()
    assert (body["state"], body["member_count"]) == ("archived", 1)
    assert api.batch("vip-2024", {"add": ["c-2"]}).status_code == 200
    version = api.get("/audiences/vip-2024").json()["version"]
    assert (
        api.put("/audiences/vip-2024", {"name": "VIP 2024", "state": "archived"}).json()["version"] == version
    )
    assert api.put("/audiences/vip-2024", {"name": "VIP 2024"}).json()["state"] == "archived"
    assert api.put("/audiences/vip-2024", {"name": "VIP 2024", "state": None}).json()["state"] == "active"


def names_of(api, query: str = "") -> list[str]:
    answer = api.get(f"/audiences{query}")
    assert answer.status_code == 200, answer.content
    return [item["name"] for item in answer.json()["items"]]


@pytest.fixture
def five(api):
    """“beta” is archived, “gone” deleted."""
    for number, (name, tags) in enumerate(
        [("delta", ["crm"]), ("Alpha", ["crm", "erp"]), ("beta", []), ("Ceta", ["CRM"]), ("gone", ["crm"])]
    ):
        api.put(f"/audiences/{number}", {"name": name, "tags": tags})
    api.send("PATCH", "/audiences/2", {"state": "archived"})
    api.delete("/audiences/4")


def test_a_list_is_filtered(api, five):
    assert names_of(api) == ["Alpha", "beta", "Ceta", "delta"]
    assert names_of(api, "?name=ETA") == ["beta", "Ceta"]
    assert names_of(api, "?name=%25") == []
    assert names_of(api, "?tag=crm") == ["Alpha", "delta"]
    assert names_of(api, "?state=active") == ["Alpha", "Ceta", "delta"]
    assert names_of(api, "?state=archived") == ["beta"]
    deleted = api.get("/audiences?state=deleted").json()["items"]
    assert [(one["name"], one["state"], one["deleted_at"] is None) for one in deleted] == [
        ("gone", "deleted", False)
    ]
    since = api.get("/audiences/1").json()["updated_at"]
    assert set(names_of(api, f"?updated_since={quote(since)}")) == {"Alpha", "Ceta", "beta"}
    assert names_of(api, "?updated_since=2999-01-01T00:00:00Z") == []


@pytest.mark.parametrize("sort", ["name", "-name", "updated_at", "-updated_at", "created_at", "-created_at"])
def test_pages_follow_each_other_in_every_order(api, five, sort):
    whole = names_of(api, f"?sort={sort}")
    assert len(whole) == 4
    paged, path = [], f"/audiences?sort={sort}&limit=1"
    while path is not None:
        answer = api.get(path)
        paged += [item["name"] for item in answer.json()["items"]]
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json()["next_cursor"] is None)
        path = None if link is None else link.split(">")[0].removeprefix("<")
    assert paged == whole
    turned = sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"
    assert names_of(api, f"?sort={turned}") == whole[::-1]


def test_a_page_begun_before_a_deletion_goes_on(api, five):
    cursor = api.get("/audiences?limit=2").json()["next_cursor"]
    api.delete("/audiences/2")
    api.put("/audiences/9", {"name": "aaa"})
    assert names_of(api, f"?limit=2&cursor={cursor}") == ["Ceta", "delta"]


@pytest.mark.parametrize(
    "query",
    [
        "state=gone", "sort=id", "sort=--name", "sort=", "limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=",
        "updated_since=yesterday", "updated_since=2026-01-01T00:00:00", "updated_since=0001-01-01T00:00:00Z",
        "nmae=x", "name=a&name=b", "name=%00", "updated_since=3128-02-26T08:42:51-21:44&sort=x",
    ],
)  # fmt: skip
def test_queries_that_cannot_be_are_refused(api, five, query):
    answer = api.get(f"/audiences?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


def test_zones_the_database_does_not_know_are_known_here(api):
    at = "2030-02-26T08:42:51-21:44"
    assert api.put("/audiences/a", {"name": "A", "expires_at": at}).status_code == 201
    assert api.get("/audiences/a").json()["expires_at"] == "2030-02-27T06:26:51Z"
    assert names_of(api, f"?updated_since={quote(at)}") == []


def test_a_cursor_of_another_list_is_refused(api, five):
    cursor = api.get("/audiences?limit=1").json()["next_cursor"]
    for query in ("sort=-name", "tag=crm", "state=active", "name=a"):
        assert api.get(f"/audiences?{query}&cursor={cursor}").status_code == 422


def test_a_list_counts_whom_each_audience_reaches(api, objective_of, ann_account):
    objective_of(ann_account)
    granted = [{"objective": "newsletter", "state": "granted", "occurred_at": "2026-01-01T00:00:00Z"}]
    for name, people in (("a", 2), ("b", 0), ("c", 1)):
        api.put(f"/audiences/{name}", {"name": name, "unknown_contacts": "create", "identifier": "email"})
        api.batch(
            name,
            {
                "operations": [
                    {"op": "add", "id": f"{name}{one}@example.com", "consents": granted}
                    for one in range(people)
                ]
            }
            if people
            else {"add": ["z@example.com"]},
        )
    found = {item["name"]: item["reachable_count"] for item in api.get("/audiences").json()["items"]}
    assert found == {"a": {"newsletter": 2}, "b": {"newsletter": 0}, "c": {"newsletter": 1}}


def test_uses_are_listed_with_their_page(api, vip, monkeypatch):
    assert api.get("/audiences/vip-2024/usages").json() == []
    use_it(monkeypatch)
    assert api.get("/audiences/vip-2024/usages").json() == [
        {
            "kind": "audience",
            "id": "7",
            "name": "Everybody in the north",
            "state": "active",
            "url": "/admin/audiences/audience/7/change/",
            "blocks_delete": True,
        }
    ]


def use_it(monkeypatch, *, blocks: bool = True) -> None:
    """As the rules of another audience will."""
    url = "/admin/audiences/audience/7/change/"
    use = Use("audience", "7", "Everybody in the north", "active", url, blocks_delete=blocks)
    monkeypatch.setattr(uses, "_finders", [*uses._finders, lambda audience: [use]])


@pytest.fixture
def kept_connections_closed(transactional_db):
    yield
    connection.close()


def at_once(calls):
    def call(one):
        try:
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call, one) for one in calls]]


def test_two_ids_race_for_one_name(kept_connections_closed, api_of, ann_account):
    api = api_of(ann_account)
    for attempt in range(4):
        answers = at_once(
            [lambda n=n, a=attempt: api.put(f"/audiences/{a}-{n}", {"name": f"Name {a}"}) for n in range(4)]
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"name_taken"}


def test_posts_race_for_one_id_and_puts_do_not(kept_connections_closed, api_of, ann_account):
    api = api_of(ann_account)
    posts = at_once(
        [lambda n=n: api.post("/audiences", {"external_id": "a", "name": f"N{n}"}) for n in range(6)]
    )
    assert sorted(answer.status_code for answer in posts) == [201, 409, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in posts if answer.status_code == 409} == {"external_id_taken"}
    puts = at_once([lambda: api.put("/audiences/b", {"name": "B"}) for _ in range(6)])
    assert sorted(answer.status_code for answer in puts) == [200, 200, 200, 200, 200, 201]
    assert {answer.json()["version"] for answer in puts} == {1}


def test_patches_of_one_version_race_and_one_wins(kept_connections_closed, api_of, ann_account):
    api = api_of(ann_account)
    api.put("/audiences/a", {"name": "A"})
    answers = at_once(
        [
            lambda n=n: api.send("PATCH", "/audiences/a", {"description": str(n)}, if_match='"1"')
            for n in range(5)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    assert api.get("/audiences/a").json()["version"] == 2


def test_the_trail_names_the_key(api, ann_account, vip):
    api.send("PATCH", "/audiences/vip-2024", {"state": "archived"})
    with scope.account(ann_account):
        event = Audience.pgh_event_model.objects.order_by("-pgh_id").first()
    assert event.pgh_context["key"] == "ERP"
    assert event.archived_at <= datetime.now(UTC)

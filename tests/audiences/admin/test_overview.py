"""The list of audiences: what its rows say, how it is narrowed, and that it stays quick."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audiences import uses
from audiences.admin import folders
from audiences.models import Audience
from syncapp.accounts import scope

LIST = "/admin/audiences/audience/"
FOUND, OK, FORBIDDEN, NOT_FOUND = 302, 200, 403, 404


def names(page):
    return [row.name for row in page.context["cl"].result_list]


@pytest.fixture
def several(scene):
    """Newsletter readers in “Loyalty” with a favourite's star, and four others."""
    scene.push(scene.newsletter, range(4))
    scene.audience("Spring", "Campaigns/2026", ["spring"], source_system="CRM")
    scene.audience("Autumn", "Campaigns", ["autumn", "spring"], source_system="CRM")
    now = timezone.now()
    scene.audience("Old customers", archived_at=now)
    gone = scene.audience("Gone", deleted_at=now)
    with scope.account(scene.account):
        old = now - timedelta(days=40)
        Audience.objects.filter(name="Autumn").update(created_at=old)
        Audience.objects.filter(name="Spring").update(
            created_at=old, last_sync={"at": old.isoformat(), "kind": "delta", "failed": 0}
        )
    return gone


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Newsletter readers", "Autumn", "Spring"]),
        ("?state=archived", ["Old customers"]),
        ("?state=deleted", ["Gone"]),
        ("?state=all", ["Newsletter readers", "Autumn", "Old customers", "Spring"]),
        ("?state=nonsense", ["Newsletter readers", "Autumn", "Spring"]),
        ("?folder=Campaigns", ["Autumn", "Spring"]),
        ("?folder=Campaigns%2F2026", ["Spring"]),
        ("?folder=%2F&state=all", ["Old customers"]),
        ("?label=spring", ["Autumn", "Spring"]),
        ("?source=CRM", ["Autumn", "Spring"]),
        ("?source=%2Frules", []),
        ("?favourite=yes", ["Newsletter readers"]),
        ("?favourite=no", ["Autumn", "Spring"]),
        ("?stale=30", ["Autumn", "Spring"]),
        ("?stale=90", []),
        ("?used=no", ["Newsletter readers", "Autumn", "Spring"]),
        ("?used=yes", []),
        ("?q=campaigns", ["Autumn", "Spring"]),
        ("?folder=%00&label=%00", []),
    ],
)
def test_the_list_is_narrowed(at_anns, several, query, found):
    page = at_anns.get(LIST + query)
    assert page.status_code == OK
    if "%00" not in query:
        assert names(page) == found


def test_used_ones_are_told_from_unused_ones(at_anns, several, scene, monkeypatch):
    monkeypatch.setattr(uses, "_counters", [lambda ids: {scene.newsletter.pk: 2}])
    assert names(at_anns.get(LIST + "?used=yes")) == ["Newsletter readers"]
    assert "2 places" in at_anns.get(LIST).content.decode()


def test_a_row_says_what_there_is_to_know(at_anns, scene):
    scene.live_for(28)
    scene.push(scene.newsletter, range(0))
    with scope.account(scene.account):
        Audience.objects.filter(pk=scene.newsletter.pk).update(
            last_sync={
                "at": timezone.now().isoformat(),
                "kind": "delta",
                "source": "api:Web shop",
                "added": 5,
                "removed": 1,
                "failed": 3,
            }
        )
    page = at_anns.get(LIST).content.decode()
    for words in ("3 failed", "by Web shop", "aud-spark", "Newsletter", "Pushed by another system"):
        assert words in page
    assert f"{LIST}{scene.newsletter.pk}/change/#syncs" in page


def test_folders_are_counted_with_those_below(at_anns, several):
    page = at_anns.get(LIST)
    assert [(one.path, one.audiences) for one in page.context["folders"]] == [
        ("Campaigns", 2),
        ("Campaigns/2026", 1),
        ("Loyalty", 1),
    ]
    assert [(one.label, one.audiences, one.is_shown) for one in page.context["views"]] == [
        ("All audiences", 3, True),
        ("Favourites", 1, False),
        ("Archived", 1, False),
        ("Deleted", 1, False),
    ]


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("", ""),
        (" / ", ""),
        (" Campaigns / Spring ", "Campaigns/Spring"),
        ("a//b/", "a/b"),
        ("Ü & <b>", "Ü & <b>"),
    ],
)
def test_a_folder_is_a_path_of_names(written, folder):
    assert folders.to_folder(written) == folder


def ticked(*audiences, **data):
    return {ACTION_CHECKBOX_NAME: [one.pk for one in audiences], "index": "0", **data}


def test_moving_asks_for_a_folder_and_makes_it(at_anns, several, scene):
    with scope.account(scene.account):
        spring, autumn = Audience.objects.get(name="Spring"), Audience.objects.get(name="Autumn")
    asked = at_anns.post(LIST, ticked(spring, autumn, action="move"))
    assert "2 audiences" in asked.content.decode()
    too_long = at_anns.post(LIST, ticked(spring, action="move", folder="x" * 101))
    assert "at most 100 characters" in too_long.content.decode()
    assert (
        at_anns.post(LIST, ticked(spring, autumn, action="move", folder=" New / One ")).status_code == FOUND
    )
    assert names(at_anns.get(LIST + "?folder=New")) == ["Autumn", "Spring"]


def test_archiving_and_back_from_the_list(at_anns, several, scene):
    at_anns.post(LIST, ticked(scene.newsletter, action="archive"))
    assert "Newsletter readers" in names(at_anns.get(LIST + "?state=archived"))
    at_anns.post(LIST + "?state=archived", ticked(scene.newsletter, action="restore"))
    at_anns.post(LIST + "?state=deleted", ticked(several, action="restore"))
    assert "Newsletter readers" in names(at_anns.get(LIST))
    with scope.account(scene.account):
        assert Audience.objects.get(pk=several.pk).deleted_at is not None  # a tick does not undo a deletion


def test_the_star_is_toggled_in_place(at_anns, scene):
    address = reverse("admin:audiences_audience_favourite", args=[scene.newsletter.pk])
    answer = at_anns.post(address, headers={"HX-Request": "true"}).content.decode()
    assert 'aria-pressed="false"' in answer
    assert "☆" in answer
    back = at_anns.post(address, headers={"referer": f"http://testserver{LIST}?folder=Loyalty"})
    assert back.url == f"{LIST}?folder=Loyalty"
    elsewhere = at_anns.post(address, headers={"referer": "https://evil.example/?next=1"})
    assert elsewhere.url == LIST
    assert at_anns.get(address).status_code == FORBIDDEN
    with scope.account(scene.account):
        audience = Audience.objects.get(pk=scene.newsletter.pk)
        assert (audience.favourite, audience.version) == (False, scene.newsletter.version)


def test_a_viewer_looks_and_does_not_touch(signed_in, scene):
    viewer = signed_in("viewer")
    page = viewer.get(LIST).content.decode()
    assert "hx-post" not in page
    for act in ("favourite", "move", "archive", "restore"):
        address = reverse(f"admin:audiences_audience_{act}", args=[scene.newsletter.pk])
        assert viewer.post(address, {"folder": "x"}).status_code == FORBIDDEN
    viewer.post(LIST, ticked(scene.newsletter, action="move", folder="Mine"))
    viewer.post(LIST, ticked(scene.newsletter, action="archive"))
    with scope.account(scene.account):
        kept = Audience.objects.get(pk=scene.newsletter.pk)
        assert (kept.folder, kept.archived_at) == ("Loyalty", None)


def test_the_list_asks_as_much_for_fifty_as_for_five(at_anns, scene):
    """No query per row, and nothing of the members' table beyond one count of small audiences."""
    with scope.account(scene.account):
        Audience.objects.bulk_create(
            Audience(
                account=scene.account,
                external_id=f"a{number}",
                name=f"Audience {number}",
                name_key=f"audience {number}",
                folder=f"Folder {number % 40}",
                labels=[f"label {number % 60}"],
            )
            for number in range(300)
        )

    def asked(query):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            at_anns.get(LIST + query)
        return len(queries)

    few = asked("?q=Audience+29")
    many = asked("")
    assert many <= few
    assert many < 40

"""The page of one audience, and what can be done from it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audiences import uses
from audiences.models import Audience, Consent, Member, Profile
from syncapp.accounts import scope
from tests.audiences.admin.scene import members_of

FOUND, OK, FORBIDDEN, NOT_FOUND = 302, 200, 403, 404
USE = uses.Use("goal", "1", "Weekly letter", "on", "/admin/")


def at(act, audience):
    return reverse(f"admin:audiences_audience_{act}", args=[audience.pk])


def show(client, audience, query=""):
    answer = client.get(at("change", audience) + query)
    assert answer.status_code == OK
    return answer.content.decode()


def agree(scene, *ids, state="granted"):
    with scope.account(scene.account):
        for one in ids:
            answer = {"newsletter": {"state": state, "at": "2026-05-01T10:00:00Z"}}
            Profile.objects.filter(external_id=f"c-{one}").update(consents=answer)


def test_it_says_why_members_cannot_be_mailed(at_anns, scene):
    """Of ten: four agreed of whom one complained, one said no, one has no address, the others never answered."""
    scene.push(scene.newsletter, range(10))
    agree(scene, 0, 1, 2, 3)
    agree(scene, 4, state="denied")
    scene.suppress(3)
    page = show(at_anns, scene.newsletter)
    found = re.findall(r'href="\?why=(\S+?)#people"><span class="number">(\d+)</span>', page)
    assert dict(found) == {
        "granted%3Anewsletter": "3",
        "no_answer%3Anewsletter": "4",
        "denied%3Anewsletter": "1",
        "no_address": "1",
        "suppressed": "1",
    }
    for why, count in found:
        narrowed = at_anns.get(at("change", scene.newsletter) + f"?why={why}")
        assert len(narrowed.context["members"].rows) == int(count), why
    assert "Newsletter: said no" in page
    assert "Newsletter: suppressed" in page
    assert "Newsletter: no e-mail address" in page


def test_members_are_paged_and_found(at_anns, scene):
    scene.push(scene.newsletter, range(40))
    seen, query = [], ""
    while query is not None:
        page = at_anns.get(at("change", scene.newsletter) + query).context["members"]
        seen += [row.person.external_id for row in page.rows]
        query = f"?after={page.after}" if page.after else None
    assert sorted(seen) == sorted(f"c-{n}" for n in range(40))
    found = at_anns.get(at("change", scene.newsletter) + "?q=c-3").context["members"].rows
    assert {row.person.external_id for row in found} == {"c-3", *(f"c-{n}" for n in range(30, 40))}
    for odd in (
        "?after=x",
        "?after=" + "9" * 40,
        "?why=nonsense",
        "?q=%00",
        "?days=7",
        "?view=x",
        "?why=denied:%00",
    ):
        show(at_anns, scene.newsletter, odd)


def test_held_people_are_listed_with_their_last_day(at_anns, scene):
    scene.hold(20)
    page = at_anns.get(at("change", scene.newsletter) + "?view=held")
    assert len(page.context["held"].rows) == 15
    assert page.context["held"].after is not None
    until = timezone.now() + timedelta(days=30)
    assert f"until {timezone.localtime(until):%-d %b %Y}" in page.content.decode()
    found = at_anns.get(at("change", scene.newsletter) + "?view=held&q=unknown-19").context["held"].rows
    assert [row.value for row in found] == ["unknown-19"]


def test_a_members_history_tells_when_and_by_whom(at_anns, scene):
    scene.live_for(60)
    with scope.account(scene.account):
        person = Profile.objects.get(external_id="c-20")
        stranger = Profile.objects.create(account=scene.account, email="never@example.com")
    address = at("member", scene.newsletter)
    page = at_anns.get(address, {"person": person.pk})
    events = page.context["history"].events
    assert [event.joined for event in events] == [False, True]
    assert "by API key Web shop" in page.content.decode()
    assert (
        "<html"
        not in at_anns.get(address, {"person": person.pk}, headers={"HX-Request": "1"}).content.decode()
    )
    assert "Never a member" in at_anns.get(address, {"person": stranger.pk}).content.decode()
    for unknown in ("", "x", "0", "9" * 30):
        assert at_anns.get(address, {"person": unknown}).status_code == NOT_FOUND


def test_the_size_is_drawn_once_there_are_two_days(at_anns, scene):
    other = scene.audience("Made today")
    scene.push(other, range(3))
    assert "Not enough days on record" in show(at_anns, other)
    scene.live_for(60)
    for days, since in ((30, 4), (90, 9), (365, 9)):
        chart = at_anns.get(at("change", scene.newsletter) + f"?days={days}").context["chart"]
        assert chart.words.startswith(f"{members_of(scene.newsletter):,} members on")
        assert len(chart.days) >= 7 * since - 10


def test_archive_keeps_it_working_and_restore_brings_it_back(at_anns, scene):
    before = scene.newsletter.version
    at_anns.post(at("archive", scene.newsletter))
    assert "Archived" in show(at_anns, scene.newsletter)
    assert scene.push(scene.newsletter, range(2)).counts["added"] == 2
    at_anns.post(at("restore", scene.newsletter))
    with scope.account(scene.account):
        audience = Audience.objects.get(pk=scene.newsletter.pk)
    assert audience.archived_at is None
    assert audience.version == before + 3


def test_deleting_is_soft_and_undone_within_the_window(at_anns, signed_in, scene):
    scene.push(scene.newsletter, range(5))
    asked = at_anns.get(at("delete", scene.newsletter)).content.decode()
    assert "5 people leave the audience" in asked
    assert at_anns.post(at("delete", scene.newsletter)).status_code == FOUND
    page = show(at_anns, scene.newsletter)
    assert "It can be restored, with its members" in page
    assert at_anns.get(at("edit", scene.newsletter)).status_code == FOUND
    assert at_anns.get(at("export", scene.newsletter)).status_code == FORBIDDEN
    assert at_anns.post(at("empty", scene.newsletter), {"members": "5"}).status_code == FORBIDDEN
    assert at_anns.post(at("delete", scene.newsletter)).status_code == FOUND
    at_anns.post(at("restore", scene.newsletter))
    with scope.account(scene.account):
        audience = Audience.objects.get(pk=scene.newsletter.pk)
        assert (audience.deleted_at, audience.member_count) == (None, 5)
        Audience.objects.filter(pk=audience.pk).update(deleted_at=timezone.now() - timedelta(days=31))
    answer = at_anns.post(at("restore", scene.newsletter), follow=True).content.decode()
    assert "deleted too long ago" in answer


def test_a_taken_name_keeps_it_deleted_and_says_so(at_anns, scene):
    at_anns.post(at("delete", scene.newsletter))
    scene.audience(scene.newsletter.name)
    answer = at_anns.post(at("restore", scene.newsletter), follow=True).content.decode()
    assert "Another audience has its name" in answer


def test_what_uses_it_is_shown_and_guards_it(at_anns, scene, monkeypatch):
    monkeypatch.setattr(uses, "_finders", [lambda found: [USE]])
    assert "Weekly letter" in show(at_anns, scene.newsletter)
    assert "keeps it from being deleted" in at_anns.post(at("delete", scene.newsletter)).content.decode()
    assert "Weekly letter" in at_anns.get(at("empty", scene.newsletter)).content.decode()
    with scope.account(scene.account):
        assert Audience.objects.get(pk=scene.newsletter.pk).deleted_at is None


@pytest.mark.parametrize("typed", ["", "4", "6", "five", "9" * 40])
def test_emptying_wants_the_number_of_members(at_anns, scene, typed):
    scene.push(scene.newsletter, range(5))
    answer = at_anns.post(at("empty", scene.newsletter), {"members": typed})
    assert answer.status_code == OK
    assert "form-error" in answer.content.decode()
    assert members_of(scene.newsletter) == 5


def test_emptying_is_for_managers_and_leaves_the_people(at_anns, signed_in, scene):
    scene.push(scene.newsletter, range(5))
    for role in ("viewer", "editor"):
        assert signed_in(role).post(at("empty", scene.newsletter), {"members": "5"}).status_code == FORBIDDEN
    assert at_anns.post(at("empty", scene.newsletter), {"members": "5"}).status_code == FOUND
    assert members_of(scene.newsletter) == 0
    with scope.account(scene.account):
        assert Profile.objects.count() == 5
        assert Member.objects.filter(state="member").count() == 0
        assert not Consent.objects.exists()
    assert "Ann" in show(at_anns, scene.newsletter) or "ann@agency.example" in show(at_anns, scene.newsletter)


def test_moving_on_the_page(at_anns, scene):
    at_anns.post(at("move", scene.newsletter), {"folder": " Seasons / Spring "})
    assert "Seasons/Spring" in show(at_anns, scene.newsletter)
    assert at_anns.post(at("move", scene.newsletter), {"folder": "x" * 101}, follow=True).status_code == OK
    at_anns.post(at("move", scene.newsletter), {"folder": ""})
    assert "in none" in show(at_anns, scene.newsletter)


def test_only_what_systems_see_makes_a_new_version(at_anns, scene):
    def save(**changes):
        data = {
            "name": scene.newsletter.name, "description": "", "unknown_contacts": "create", "source_system": "Web shop",
            "folder": "Loyalty", "labels": "weekly, crm", "favourite": "on", "expires_at_0": "", "expires_at_1": "",
            **changes,
        }  # fmt: skip
        assert at_anns.post(at("edit", scene.newsletter), data).status_code == FOUND
        with scope.account(scene.account):
            return Audience.objects.get(pk=scene.newsletter.pk).version

    before = scene.newsletter.version
    assert save(folder="Elsewhere", favourite="") == before
    assert save(folder="Elsewhere", favourite="", labels="weekly") == before + 1


def test_strangers_find_nothing(charlie, bob, bob_account, scene):
    scene.push(scene.newsletter, range(3))
    for user in (charlie, bob):
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        for act in ("change", "edit", "export", "empty", "delete", "member"):
            assert client.get(at(act, scene.newsletter)).status_code == NOT_FOUND, act
        for act in ("favourite", "move", "archive", "restore", "export", "empty", "delete"):
            assert client.post(at(act, scene.newsletter), {"members": "3"}).status_code == NOT_FOUND, act
    assert members_of(scene.newsletter) == 3

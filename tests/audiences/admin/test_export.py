"""Members as a CSV file: whole, safe for spreadsheets, on record, and for whom it is."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from audiences.admin import exporting
from audiences.models import MemberExport, Profile, Property
from syncapp.accounts import scope
from tests.audiences.admin.scene import PushScene

OK, FORBIDDEN, NOT_FOUND = 200, 403, 404
BOM = b"\xef\xbb\xbf"


def address(scene):
    return reverse("admin:audiences_audience_export", args=[scene.newsletter.pk])


def take(client, scene, *columns, bom=True):
    data = {"columns": columns, **({"bom": "on"} if bom else {})}
    answer = client.post(address(scene), data)
    assert answer.status_code == OK
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="newsletter-readers-')
    assert "no-store" in answer.headers["Cache-Control"]
    return b"".join(answer.streaming_content)


def rows(content):
    return list(csv.reader(io.StringIO(content.removeprefix(BOM).decode())))


@pytest.fixture
def people(scene):
    scene.push(scene.newsletter, range(4))
    with scope.account(scene.account):
        for key, kind in (("nick", "text"), ("points", "number"), ("vip", "boolean"), ("tags", "list")):
            Property.objects.create(account=scene.account, key=key, label=key.capitalize(), type=kind)
        found = {
            "c-0": {"nick": "=cmd|' /C calc'!A0", "points": -5, "vip": False, "tags": ["a", "b"]},
            "c-1": {"nick": "+31 6", "points": 0, "tags": ["@x"]},
            "c-2": {"nick": "-1+1\tx", "vip": True},
            "c-3": {"nick": '@SUM("a",1)\r\nline', "points": 1.5},
        }
        for external_id, properties in found.items():
            Profile.objects.filter(external_id=external_id).update(properties=properties)
    return scene


def test_the_file_holds_the_chosen_columns(at_anns, people):
    content = take(
        at_anns, people, "external_id", "email", "property:points", "property:vip", "property:tags"
    )
    assert content.startswith(BOM)
    assert rows(content) == [
        ["External id", "E-mail address", "Points", "Tags", "Vip"],
        ["c-0", "c0@example.com", "-5", "a; b", "no"],
        ["c-1", "c1@example.com", "0", "'@x", ""],
        ["c-2", "c2@example.com", "", "", "yes"],
        ["c-3", "c3@example.com", "1.5", "", ""],
    ]
    assert not take(at_anns, people, "external_id", bom=False).startswith(BOM)


def test_no_cell_is_a_formula(at_anns, people):
    nicks = [row[0] for row in rows(take(at_anns, people, "property:nick"))[1:]]
    assert nicks == ["'=cmd|' /C calc'!A0", "'+31 6", "'-1+1\tx", '\'@SUM("a",1)\r\nline']


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra", "\na"])
def test_every_beginning_of_a_formula_is_text(text):
    assert exporting.to_cell(text) == f"'{text}"
    assert exporting.to_cell(f"a{text}") == f"a{text}"


def test_who_took_out_how_many_is_on_record(at_anns, people, ann):
    take(at_anns, people, "email")
    with scope.account(people.account):
        export = MemberExport.objects.get()
    assert (export.members, export.columns, export.created_by) == (4, ["email"], ann)
    assert export.finished_at is not None
    trail = at_anns.get(reverse("admin:activity"), {"type": "audiences.memberexport"}).content.decode()
    assert "member export" in trail
    assert "Ann Smit" in trail
    assert "The system" not in trail
    assert "Ann Smit" in at_anns.get(address(people)).content.decode()


def test_a_download_that_breaks_off_is_told_from_a_whole_one(at_anns, people, monkeypatch):
    monkeypatch.setattr(exporting, "PEOPLE_AT_ONCE", 2)
    answer = at_anns.post(address(people), {"columns": ["email"]})
    pieces = answer._iterator
    assert [next(pieces), next(pieces)][1].count(b"\r\n") == 2
    pieces.close()  # as the web server does when nobody takes them any more
    with scope.account(people.account):
        export = MemberExport.objects.get()
    assert (export.members, export.finished_at) == (2, None)


def test_everybody_is_in_it_once(at_anns, scene, monkeypatch):
    monkeypatch.setattr(exporting, "PEOPLE_AT_ONCE", 7)
    scene.push(scene.newsletter, range(100))
    found = [row[0] for row in rows(take(at_anns, scene, "external_id"))[1:]]
    assert sorted(found) == sorted(f"c-{n}" for n in range(100))


def test_it_is_for_editors_and_above(signed_in, people):
    viewer, editor = signed_in("viewer"), signed_in("editor")
    assert viewer.get(address(people)).status_code == FORBIDDEN
    assert viewer.post(address(people), {"columns": ["email"]}).status_code == FORBIDDEN
    assert len(rows(take(editor, people, "email"))) == 5


def test_nothing_chosen_or_unknown_is_refused(at_anns, people):
    for columns in ([], ["property:unknown"], ["email", "password"]):
        answer = at_anns.post(address(people), {"columns": columns})
        assert answer.status_code == OK
        assert "form-error" in answer.content.decode()
    with scope.account(people.account):
        assert not MemberExport.objects.exists()


def test_another_accounts_members_stay_where_they_are(people, bob, bob_account, charlie):
    """Bob exports his own, with the same ids, and finds nothing of Ann's."""
    his = PushScene(bob_account)
    his.push(his.newsletter, range(2))
    client = Client()
    client.force_login(bob, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert len(rows(take(client, his, "email"))) == 3
    assert client.post(address(people), {"columns": ["email"]}).status_code == NOT_FOUND
    client.force_login(charlie, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(address(people), {"columns": ["email"]}).status_code == NOT_FOUND
    with scope.account(people.account):
        assert not MemberExport.objects.exists()

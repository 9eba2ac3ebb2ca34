"""A client of Mail+ that keeps one audience in step, as careful clients do it; and what it survives."""

from __future__ import annotations

import random

import pytest

from audiences.models import Member, Profile
from syncapp.accounts import scope
from tests.audiences.compat.mailplus.signing import MailPlus, to_path

CONTACTS_PER_CALL, MEMBERS_PER_CALL = 100, 2_500


class CarefulClient:
    """Contacts first, then the audience, then removals, then additions; a mirror says who is in it."""

    def __init__(self, door: MailPlus, external_id: str, name: str) -> None:
        self.door, self.external_id, self.name = door, external_id, name
        self.mirror: set[str] = set()
        self.failed: set[str] = set()
        self.most = MEMBERS_PER_CALL

    def sync(self, wanted: dict[str, str]) -> None:
        """`wanted`: {external id: address}"""
        self.upsert(wanted)
        self.ensure_audience()
        self.send("DELETE", sorted(self.mirror - wanted.keys()))
        self.send("POST", sorted(wanted.keys() - self.mirror), wanted)

    def upsert(self, people: dict[str, str]) -> None:
        contacts = [{"externalId": one, "properties": {"email": email}} for one, email in people.items()]
        for at in range(0, len(contacts), CONTACTS_PER_CALL):
            part = contacts[at : at + CONTACTS_PER_CALL]
            answer = self.door.post("/contact/list", {"update": True, "contacts": part})
            assert answer.status == 200
            self.failed |= {one["externalId"] for one in answer.body if one["code"] != "OK"}

    def ensure_audience(self) -> None:
        found = self.door.get(to_path(self.external_id))
        body = {"externalId": self.external_id, "name": self.name}
        if found.status == 404:
            made = self.door.post("/audience", body)
            if (made.status, (made.body or {}).get("errorType")) == (417, "ID_NOTUNIQUE"):
                assert self.door.get(to_path(self.external_id)).status == 200
            else:
                assert made.status == 200
        elif found.body["name"] != self.name:
            assert self.door.put(to_path(self.external_id), body).status == 200

    def send(
        self, method: str, ids: list[str], people: dict[str, str] | None = None, again: bool = True
    ) -> None:
        while ids:
            part, ids = ids[: self.most], ids[self.most :]
            answer = self.door.send(method, to_path(self.external_id, "/contact"), {"contacts": part})
            if answer.status == 413:
                self.most //= 2
                ids = part + ids
            elif answer.status == 404 and answer.body["errorType"] == "CONTACT_NOT_FOUND":
                missing = set(answer.body["externalContactIds"])
                known = [one for one in part if one not in missing]
                if again:
                    self.upsert({one: people[one] for one in missing})
                    self.send(method, part, people, again=False)
                else:
                    self.failed |= missing
                    ids = known + ids
            else:
                assert answer.status == 204, answer.content
                self.mirror = self.mirror | set(part) if method == "POST" else self.mirror - set(part)


def members(account):
    with scope.account(account):
        ids = Member.objects.filter(state="member").values_list("profile_id", flat=True)
        return set(Profile.objects.filter(pk__in=list(ids)).values_list("external_id", flat=True))


def people(count):
    return {f"c/{n} é": f"c{n}@example.com" for n in range(count)}


@pytest.fixture
def client(mailplus):
    return CarefulClient(mailplus, "vip 2024/é", "VIP 2024")


def test_any_number_of_runs_ends_in_what_is_wanted(client, ann_account):
    everybody = people(60)
    chance = random.Random(7)
    for run in range(8):
        client.most = chance.choice([1, 7, 2_500])
        client.name = f"VIP {run // 3}"
        wanted = {one: everybody[one] for one in chance.sample(sorted(everybody), chance.randint(0, 60))}
        client.sync(wanted)
        assert members(ann_account) == client.mirror == set(wanted)
    assert client.failed == set()


def test_calls_that_are_too_large_are_halved(client, ann_account, monkeypatch):
    monkeypatch.setattr("audiences.compat.mailplus.audiences.MOST_CONTACTS", 10)
    client.sync(people(25))
    assert client.most <= 10
    assert members(ann_account) == set(people(25))


def test_somebody_else_made_the_audience_and_people_vanished(client, mailplus, ann_account):
    assert mailplus.post("/audience", {"externalId": "vip 2024/é", "name": "Old name"}).status == 200
    client.sync(people(5))
    with scope.account(ann_account):
        Profile.objects.filter(external_id="c/3 é").delete()
    client.mirror -= {"c/3 é", "c/4 é"}
    wanted = people(5)
    client.upsert = lambda given: CarefulClient.upsert(client, given) if len(given) == 1 else None
    client.sync(wanted)
    assert members(ann_account) == set(wanted)
    assert mailplus.get(to_path("vip 2024/é")).body["name"] == "VIP 2024"


def test_who_cannot_be_stored_is_told_and_the_others_come(client, ann_account):
    wanted = {**people(3), "bad": "no address", "also bad": "x@"}
    client.sync(wanted)
    assert members(ann_account) == set(people(3))
    assert client.failed == {"bad", "also bad"}


def test_a_repeated_run_changes_nothing(client, mailplus, ann_account):
    client.sync(people(4))
    before = mailplus.get(to_path("vip 2024/é")).body
    client.mirror = set()
    client.sync(people(4))
    after = mailplus.get(to_path("vip 2024/é")).body
    assert members(ann_account) == set(people(4))
    assert after["lastContactAddedAt"] == before["lastContactAddedAt"]

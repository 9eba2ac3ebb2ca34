"""The table of Mail+'s audience calls."""

from __future__ import annotations

import pytest

from audiences import uses
from audiences.models import Audience, Member, Profile
from audiences.uses import Use
from syncapp.accounts import scope
from syncapp.audit.activity import of_row
from tests.audiences.compat.mailplus.signing import to_path

VIP = {"externalId": "vip-2024", "name": "VIP 2024", "description": "The best"}
CONTACTS = "/audience/vip-2024/contact"


@pytest.fixture
def vip(mailplus):
    assert mailplus.post("/audience", VIP).status == 200


def failed(answer, status, error_type):
    assert (answer.status, answer.body["errorType"]) == (status, error_type), answer.content
    assert answer.body["message"]
    return answer.body


def members(account, external_id="vip-2024"):
    with scope.account(account):
        rows = Member.objects.filter(audience__external_id=external_id, state="member")
        return sorted(Profile.objects.get(pk=row.profile_id).external_id for row in rows)


def test_make_read_change_and_delete(mailplus, ann_account):
    made = mailplus.post("/audience", VIP)
    assert made.status == 200
    assert {name: made.body[name] for name in VIP} == VIP
    assert made.body["createDate"].endswith("Z")
    assert made.body["lastContactAddedAt"] is None
    assert mailplus.get("/audience/vip-2024").body == made.body
    changed = mailplus.put("/audience/vip-2024", {"externalId": "vip-2024", "name": "VIP 2025"})
    assert (changed.status, changed.body["name"], changed.body["description"]) == (
        200,
        "VIP 2025",
        "The best",
    )
    gone = mailplus.delete("/audience/vip-2024")
    assert (gone.status, gone.content) == (204, b"")
    failed(mailplus.get("/audience/vip-2024"), 404, "RESOURCE_NOT_FOUND")
    failed(mailplus.delete("/audience/vip-2024"), 404, "RESOURCE_NOT_FOUND")
    failed(mailplus.put("/audience/vip-2024", VIP), 404, "RESOURCE_NOT_FOUND")


def test_both_versions_of_the_path_are_one(mailplus, vip):
    mailplus.base = "/compat/mailplus/integrationservice"
    assert mailplus.get("/audience/vip-2024").body["name"] == "VIP 2024"


@pytest.mark.parametrize(
    ("body", "status", "error_type"),
    [
        ({"externalId": "b", "name": ""}, 417, "INVALID_PARAMS"),
        ({"externalId": "b", "name": "  "}, 417, "INVALID_PARAMS"),
        ({"externalId": "b"}, 417, "INVALID_PARAMS"),
        ({"externalId": "b", "name": "n" * 256}, 417, "INVALID_PARAMS"),
        ({"externalId": "b", "name": ["n"]}, 417, "INVALID_PARAMS"),
        ({"externalId": "b", "name": "B", "description": "d" * 2001}, 417, "INVALID_PARAMS"),
        ({"externalId": "", "name": "B"}, 417, "INVALID_PARAMS"),
        ({"name": "B"}, 417, "INVALID_PARAMS"),
        ({"externalId": "b" * 256, "name": "B"}, 417, "INVALID_PARAMS"),
        ({"externalId": "b", "name": "vip 2024"}, 417, "NAME_ALREADY_IN_USE"),
        ({"externalId": "vip-2024", "name": "B"}, 417, "ID_NOTUNIQUE"),
        (["b"], 400, "INVALID_PARAMS"),
        (b"{", 400, "INVALID_PARAMS"),
        (b'{"externalId": "b\\u0000", "name": "B"}', 400, "INVALID_PARAMS"),
        (None, 400, "INVALID_PARAMS"),
    ],
)
def test_what_an_audience_must_not_be(mailplus, vip, ann_account, body, status, error_type):
    failed(mailplus.post("/audience", body), status, error_type)
    with scope.account(ann_account):
        assert Audience.objects.count() == 1


def test_255_characters_are_allowed(mailplus):
    made = mailplus.post("/audience", {"externalId": "é" * 255, "name": "🚲" * 255})
    assert made.status == 200
    assert mailplus.get(to_path("é" * 255)).body["name"] == "🚲" * 255


def test_the_maximum(mailplus, vip, monkeypatch):
    monkeypatch.setattr("syncapp.api.limits.AUDIENCES_PER_ACCOUNT", 1)
    failed(mailplus.post("/audience", {"externalId": "b", "name": "B"}), 417, "INVALID_PARAMS")


def test_a_change_names_the_same_id_and_a_free_name(mailplus, vip):
    assert mailplus.post("/audience", {"externalId": "b", "name": "B"}).status == 200
    failed(mailplus.put("/audience/vip-2024", {"externalId": "b", "name": "C"}), 400, "INVALID_PARAMS")
    failed(mailplus.put("/audience/vip-2024", {"name": "C"}), 400, "INVALID_PARAMS")
    taken = mailplus.put("/audience/vip-2024", {"externalId": "vip-2024", "name": "b"})
    failed(taken, 417, "NAME_ALREADY_IN_USE")
    failed(mailplus.put("/audience/vip-2024", {"externalId": "vip-2024", "name": ""}), 417, "INVALID_PARAMS")


def test_in_use_is_417_and_says_by_what(mailplus, vip, monkeypatch):
    use = Use("goal", "1", "July newsletter", "active", "/admin/")
    monkeypatch.setattr(uses, "_finders", [lambda audience: [use]])
    body = failed(mailplus.delete("/audience/vip-2024"), 417, "INVALID_STATE")
    assert "July newsletter" in body["message"]
    assert mailplus.get("/audience/vip-2024").status == 200


def test_contacts_come_and_go_one_by_one_and_in_bulk(mailplus, vip, people_of, ann_account):
    people_of(ann_account, 4)
    one = mailplus.post(CONTACTS, {"contacts": ["c-1"]})
    assert (one.status, one.content) == (204, b"")
    assert mailplus.post(CONTACTS, {"contacts": ["c-1", "c-2", "c-3", "c-2"]}).status == 204
    assert members(ann_account) == ["c-1", "c-2", "c-3"]
    assert mailplus.delete(CONTACTS, {"contacts": ["c-1", "c-4", "nobody"]}).status == 204
    assert members(ann_account) == ["c-2", "c-3"]
    read = mailplus.get("/audience/vip-2024").body
    assert read["lastContactAddedAt"] <= read["lastContactRemovedAt"] <= read["lastSyncDate"]


def test_an_unknown_contact_and_nothing_is_done(mailplus, vip, people_of, ann_account):
    people_of(ann_account, 2)
    answer = mailplus.post(CONTACTS, {"contacts": ["c-1", "x-1", "c-2", "x-2"]})
    body = failed(answer, 404, "CONTACT_NOT_FOUND")
    assert body["externalContactIds"] == ["x-1", "x-2"]
    assert members(ann_account) == []
    failed(mailplus.post("/audience/none/contact", {"contacts": ["c-1"]}), 404, "RESOURCE_NOT_FOUND")
    failed(mailplus.delete("/audience/none/contact", {"contacts": ["c-1"]}), 404, "RESOURCE_NOT_FOUND")


def test_2500_fit_and_one_more_does_not(mailplus, vip, ann_account):
    with scope.account(ann_account):
        Profile.objects.bulk_create(Profile(account=ann_account, external_id=f"p-{n}") for n in range(2501))
    ids = [f"p-{n}" for n in range(2501)]
    failed(mailplus.post(CONTACTS, {"contacts": ids}), 413, "INVALID_PARAMS")
    assert members(ann_account) == []
    assert mailplus.post(CONTACTS, {"contacts": ids[:2500]}).status == 204
    failed(mailplus.delete(CONTACTS, {"contacts": ids}), 413, "INVALID_PARAMS")
    assert len(members(ann_account)) == 2500
    # The size is looked at before whether anything exists.
    failed(mailplus.post("/audience/none/contact", {"contacts": ids}), 413, "INVALID_PARAMS")
    failed(mailplus.post(CONTACTS, {"contacts": ["nobody"] * 2501}), 413, "INVALID_PARAMS")


@pytest.mark.parametrize(
    "body",
    [{}, {"contacts": []}, {"contacts": None}, {"contacts": "c-1"}, {"contacts": [[]]}, [], "x", b"[", b" "],
)
@pytest.mark.parametrize("may_empty", [True, False])
def test_nothing_never_means_everybody(mailplus, vip, people_of, ann_account, settings_of, body, may_empty):
    settings_of(ann_account, mailplus_may_empty=may_empty)
    people_of(ann_account, 1)
    mailplus.post(CONTACTS, {"contacts": ["c-1"]})
    failed(mailplus.delete(CONTACTS, body), 400, "INVALID_PARAMS")
    failed(mailplus.post(CONTACTS, body), 400, "INVALID_PARAMS")
    assert members(ann_account) == ["c-1"]


@pytest.mark.parametrize("body", [None, b"null"])
def test_an_absent_body_empties_where_the_account_allows_it(
    mailplus, vip, people_of, ann_account, settings_of, body
):
    people_of(ann_account, 3)
    mailplus.post(CONTACTS, {"contacts": ["c-1", "c-2"]})
    refused = failed(mailplus.delete(CONTACTS, body), 400, "INVALID_PARAMS")
    assert "does not allow" in refused["message"]
    assert members(ann_account) == ["c-1", "c-2"]
    settings_of(ann_account, mailplus_may_empty=True)
    failed(mailplus.delete("/audience/none/contact", body), 404, "RESOURCE_NOT_FOUND")
    assert mailplus.delete(CONTACTS, body).status == 204
    assert members(ann_account) == []
    with scope.account(ann_account):
        (audience,) = Audience.objects.all()
        entry = of_row(Audience, audience.pk)[0]
    assert (audience.member_count, entry.act, entry.who) == (0, "emptied", "API key CRM")


def test_what_needs_approval_is_refused_and_says_why(mailplus, vip, people_of, ann_account, settings_of):
    people_of(ann_account, 1)
    mailplus.post(CONTACTS, {"contacts": ["c-1"]})
    settings_of(ann_account, mailplus_may_empty=True, requires_approval=True)
    for answer in (mailplus.delete("/audience/vip-2024"), mailplus.delete(CONTACTS)):
        assert "approval" in failed(answer, 417, "INVALID_STATE")["message"]
    assert members(ann_account) == ["c-1"]
    assert mailplus.delete(CONTACTS, {"contacts": ["c-1"]}).status == 204


def test_an_audience_made_by_rules_is_not_changed_here(mailplus, audience_of, people_of, ann_account):
    people_of(ann_account, 1)
    audience_of(ann_account, "Rules", external_id="rules", kind=Audience.Kind.RULES)
    assert mailplus.get("/audience/rules").status == 200
    failed(mailplus.post("/audience/rules/contact", {"contacts": ["c-1"]}), 417, "INVALID_STATE")
    failed(mailplus.put("/audience/rules", {"externalId": "rules", "name": "R"}), 417, "INVALID_STATE")
    failed(mailplus.delete("/audience/rules"), 417, "INVALID_STATE")


def test_an_account_without_the_product(mailplus, vip, ann_account, settings_of):
    settings_of(ann_account, is_enabled=False)
    for answer in (
        mailplus.post("/audience", {"externalId": "b", "name": "B"}),
        mailplus.get("/audience/vip-2024"),
        mailplus.put("/audience/vip-2024", VIP),
        mailplus.delete("/audience/vip-2024"),
        mailplus.post(CONTACTS, {"contacts": ["c-1"]}),
        mailplus.delete(CONTACTS, {"contacts": ["c-1"]}),
        mailplus.get("/audience/unknown"),
    ):
        failed(answer, 403, "NOT_AUTHORIZED")


def test_another_accounts_audience_is_as_an_unknown_one(
    mailplus_of, mailplus, vip, people_of, bob_account, ann_account
):
    bob = mailplus_of(bob_account)
    people_of(ann_account, 1)
    unknown, foreign = bob.get("/audience/none"), bob.get("/audience/vip-2024")
    assert (unknown.status, unknown.body) == (foreign.status, foreign.body) == (404, unknown.body)
    assert bob.post("/audience", VIP).status == 200
    body = failed(bob.post(CONTACTS, {"contacts": ["c-1"]}), 404, "CONTACT_NOT_FOUND")
    assert body["externalContactIds"] == ["c-1"]
    assert bob.delete("/audience/vip-2024").status == 204
    assert mailplus.get("/audience/vip-2024").status == 200


def test_a_key_without_the_scope(mailplus_of, mailplus, vip, ann_account):
    reader = mailplus_of(ann_account, "Reader", ["audiences:read", "members:write"])
    assert reader.get("/audience/vip-2024").status == 200
    for answer in (
        reader.post("/audience", VIP),
        reader.delete("/audience/vip-2024"),
        reader.delete(CONTACTS),
    ):
        failed(answer, 403, "NOT_AUTHORIZED")


def test_no_such_address_and_no_such_method(mailplus):
    failed(mailplus.get("/nothing"), 404, "RESOURCE_NOT_FOUND")
    answer = mailplus.get("/audience")
    failed(answer, 405, "INVALID_PARAMS")
    assert answer.headers["Allow"] == "POST"
    failed(mailplus.send("PATCH", "/audience/vip-2024", VIP), 405, "INVALID_PARAMS")
    failed(mailplus.post("/audience", VIP, content_type="text/plain"), 415, "INVALID_PARAMS")

"""Values that name one person, over HTTP."""

from __future__ import annotations

from audiences.models import Identifier, Profile, Property
from syncapp.accounts import scope


def identifying(account, key="customer"):
    with scope.account(account):
        return Property.objects.create(account=account, key=key, label=key, identifier=True)


def adding(person, value):
    return {"op": "add", "id": person, "contact": {"properties": {"customer": value}}}


def test_another_persons_value_fails_the_item_and_names_the_holder(api, vip, ann_account):
    identifying(ann_account)
    assert api.batch("vip-2024", {"operations": [adding("a", "K 1")]}).status_code == 200
    operations = [adding("b", "K 1"), adding("c", "K 2"), adding("d", "K 2"), adding("e", "x" * 256)]
    answer = api.batch("vip-2024", {"operations": operations})
    assert answer.status_code == 207
    errors = answer.json()["errors"]
    pointers = [f"/operations/{index}/contact/properties/customer" for index in (0, 2, 3)]
    assert [error["pointer"] for error in errors] == pointers
    assert [(error["code"], error.get("holder"), error["retryable"]) for error in errors] == [
        ("identifier_taken", "a", False),
        ("identifier_taken", None, False),
        ("invalid_contact", None, False),
    ]
    assert api.members("vip-2024") == ["a", "c"]


def test_atomic_refuses_all(api, vip, ann_account):
    identifying(ann_account)
    body = {"operations": [adding("a", "K 1"), adding("b", "K 1")], "atomic": True}
    answer = api.batch("vip-2024", body)
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["identifier_taken"]
    assert api.members("vip-2024") == []
    with scope.account(ann_account):
        assert not Identifier.objects.exists()


def test_accounts_never_collide(api_of, audience_of, ann_account, bob_account):
    for account in (ann_account, bob_account):
        identifying(account)
        audience_of(account, "VIP", external_id="vip", unknown_contacts="create")
        assert api_of(account).batch("vip", {"operations": [adding("a", "K 1")]}).status_code == 200
    with scope.account(bob_account):
        assert Identifier.objects.get().profile == Profile.objects.get()


def test_the_documentation_names_the_codes_and_what_holding_keeps(api):
    description = api.get("/api/v1/openapi.json").json()
    post = description["paths"]["/api/v1/audiences/{external_id}/members/batch"]["post"]["description"]
    for code in ("email_taken", "external_id_taken", "identifier_taken"):
        assert f"`{code}`" in post
    assert "A held add keeps only the identifier" in " ".join(post.split())

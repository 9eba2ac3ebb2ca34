"""Products: kept for later use, by id and language."""

from __future__ import annotations

import pytest

from audiences.models import Product
from syncapp.accounts import scope


def stored(account):
    with scope.account(account):
        return {(one.external_id, one.language): one.data for one in Product.objects.all()}


@pytest.mark.parametrize("path", ["/v1/products", "/api/v1/products", "/products", "/api/products"])
def test_come_change_and_go(shop, ann_account, path):
    bike = {"id": "sku-1", "language": "nl_NL", "title": "Fiets", "price": 499.0, "availability": "in stock"}
    given = [bike, {"id": 2, "title": "Bell"}, {"id": "sku-1", "language": "en-GB", "title": "Bicycle"}]
    response = shop.post(path, {"products": given})
    body = {"success": True, "created": 3, "updated": 0, "errors": []}
    assert (response.status_code, response.json()) == (200, body)
    changed = {**bike, "price": 450}
    assert shop.post(path, {"products": [changed, given[1]]}).json() == {**body, "created": 0, "updated": 1}
    assert stored(ann_account) == {
        ("sku-1", "nl-NL"): {"title": "Fiets", "price": 450, "availability": "in stock"},
        ("2", ""): {"title": "Bell"},
        ("sku-1", "en-GB"): {"title": "Bicycle"},
    }
    gone = [{"id": "sku-1", "language": "nl-NL"}, {"id": "unknown"}, {"id": "sku-1"}]
    response = shop.send("DELETE", path, {"products": gone})
    assert response.json() == {"success": True, "deleted": 1, "errors": []}
    assert set(stored(ann_account)) == {("2", ""), ("sku-1", "en-GB")}


def test_a_product_named_twice_the_last_counts(shop, ann_account):
    given = [{"id": "1", "title": "A"}, {"id": 1, "title": "B"}]
    assert shop.post("/v1/products", {"products": given}).json()["created"] == 1
    assert stored(ann_account) == {("1", ""): {"title": "B"}}


@pytest.mark.parametrize(
    "wrong",
    [
        "sku-1",
        {},
        {"id": ""},
        {"id": None},
        {"id": True},
        {"id": "i" * 256},
        {"id": "1", "language": 5},
        {"id": "1", "language": "x" * 21},
        {"id": "1", "description": "x" * 70_000},
    ],
)
def test_products_that_are_none(shop, ann_account, wrong):
    response = shop.post("/v1/products", {"products": [wrong]})
    assert (response.status_code, response.json()["errors"][0]["index"]) == (400, 0)
    body = shop.post("/v1/products", {"products": [{"id": "good"}, wrong]}).json()
    assert (body["success"], body["created"], [one["index"] for one in body["errors"]]) == (False, 1, [1])
    assert set(stored(ann_account)) == {("good", "")}


def test_two_accounts_never_meet(shop, shop_of, ann_account, bob_account):
    shop.post("/v1/products", {"products": [{"id": "1", "title": "Ann's"}]})
    bob = shop_of(bob_account)
    assert bob.send("DELETE", "/products", {"products": [{"id": "1"}]}).json()["deleted"] == 0
    assert bob.post("/v1/products", {"products": [{"id": "1", "title": "Bob's"}]}).json()["created"] == 1
    assert stored(ann_account) == {("1", ""): {"title": "Ann's"}}

"""Everybody who has no business in Bob's account walks every address with the ids of Bob's rows.

Not one canary of Bob's may be seen, not one of his rows changed, and no address left out: a new one whose
parameters the walker cannot fill fails here. That the walker would notice is shown by letting Bob walk too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import AutocompleteMixin
from django.core.exceptions import ValidationError
from django.forms.models import ModelChoiceField
from django.test import Client
from django.urls import reverse

from syncapp.accounts import scope
from syncapp.accounts.models import Account, User
from syncapp.admin.base import TenantAdmin
from tests.admin.canaries import TERM, Rows, canary_of, fingerprint, plant
from tests.admin.walker import UNKNOWN_NUMBER, UNKNOWN_UUID, Place, places

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
BODY = {"post": "yes", "action": "delete_selected", "index": "0", "select_across": "1", "state": "granted"}
NOT_FOUND = 404


class World:
    """Both accounts, planted; and what was seen on the walk."""

    def __init__(self, ann: User, ann_account: Account, bob: User, bob_account: Account) -> None:
        self.ann, self.bob, self.bob_account, self.ann_account = ann, bob, bob_account, ann_account
        self.of_ann: Rows = plant(ann_account, ann)
        self.of_bob: Rows = plant(bob_account, bob)
        self.canary = canary_of(bob_account)
        self.sent = 0

    def places(self) -> list[Place]:
        return places(self.of_bob, self.bob_account)

    def sees(self, response: Any, address: str) -> bool:
        """A canary in the answer; the one in the address that was asked does not count."""
        self.sent += 1
        assert response.status_code < 500, f"{address} → {response.status_code}"
        texts = [response.content.decode(errors="replace"), str(dict(response.headers))]
        return any(self.canary in text.replace(address, "") for text in texts)


@pytest.fixture
def world(ann: User, ann_account: Account, bob: User, bob_account: Account, monkeypatch: Any) -> World:
    return World(ann, ann_account, bob, bob_account)


def client_of(user: User | None, chosen: str = "") -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        session = client.session
        session["selected_client"] = chosen
        session.save()
    return client


STRANGERS = ("ann", "charlie", "anonymous", "agency_admin_in_ann")


@pytest.fixture(params=STRANGERS)
def stranger(request: Any, world: World, charlie: User, agency_admin: User) -> tuple[User | None, str]:
    """(user, slug of the selected client)."""
    return {
        "ann": (world.ann, ""),
        "charlie": (charlie, ""),
        "anonymous": (None, ""),
        "agency_admin_in_ann": (agency_admin, world.ann_account.slug),
    }[request.param]


def leaves(address: str) -> bool:
    """Signs out, or changes who one is or where: walked, with a fresh sign-in afterwards."""
    return address.startswith(("/accounts/", "/clients/"))


@pytest.mark.timeout(600)  # seven methods at every address there is: long on a busy machine
def test_no_stranger_sees_or_changes_anything(world, stranger):
    user, chosen = stranger
    before = fingerprint(world.bob_account)
    client, seen = client_of(user, chosen), []
    for place in world.places():
        if chosen and place.address == f"/clients/switch/{world.bob_account.slug}/":
            continue  # an agency administrator may indeed switch to Bob's
        for method in METHODS:
            data = BODY if method == "post" else None
            response = getattr(client, method)(place.address, data)
            if world.sees(response, place.address):
                seen.append(f"{method} {place.address}")
            if method != "get" and leaves(place.address):
                client = client_of(user, chosen)
    assert seen == []
    assert fingerprint(world.bob_account) == before
    assert world.sent > 7 * 50


def test_the_walker_sees_what_there_is_to_see(world):
    """Bob himself meets his canaries on nearly every page of a row and on every list."""
    client = client_of(world.bob)
    seen = {place.route for place in world.places() if world.sees(client.get(place.address), place.address)}
    lists = {f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in tenant_pages()}
    assert lists - seen == set()
    assert len([route for route in seen if "<path:object_id>" in route]) >= len(lists)


def tenant_pages() -> list[Any]:
    return [model for model, page in admin.site._registry.items() if isinstance(page, TenantAdmin)]


def test_a_foreign_id_is_answered_like_an_unknown_one(world):
    client = client_of(world.ann)
    checked = 0
    for place in world.places():
        if not place.unknown:
            continue
        for method in ("get", "post"):
            foreign, unknown = (
                getattr(client, method)(address) for address in (place.address, place.unknown)
            )
            assert foreign.status_code == unknown.status_code, place.address
            if place.model in world.of_bob and not place.route.endswith(
                "<path:object_id>/"
            ):  # Django redirects that
                assert foreign.status_code == NOT_FOUND, place.address
            checked += 1
    assert checked > 2 * 40


def test_searches_and_filters_show_nothing_foreign(world, stranger):
    user, chosen = stranger
    client, seen = client_of(user, chosen), []
    for address in [*questions(world), f"/admin/search/?s={TERM}", f"/admin/search/?s={TERM}&extended=1"]:
        if world.sees(client.get(address), address):
            seen.append(address)
    assert seen == []


def questions(world: World) -> Iterator[str]:
    """Lists asked for foreign ids, guesses of values, other columns, pop-ups."""
    for model, page in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        yield f"{address}?q={TERM}"
        yield f"{address}?_popup=1&_to_field=id&q={TERM}"
        yield f"{address}?all=1&o=-1.2.3&p=1"
        for item in page.list_filter:
            name = item[0] if isinstance(item, tuple) else item
            for lookup in ("", "__exact", "__id__exact", "__in", "__startswith"):
                for value in (TERM, world.bob_account.pk, UNKNOWN_NUMBER):
                    yield f"{address}?{name}{lookup}={value}"
        for field in model._meta.concrete_fields:
            yield f"{address}?{field.name}__startswith={TERM}"
        yield f"{address}?account__id__exact={world.bob_account.pk}"


def test_no_column_can_be_guessed_through_a_list(world):
    """Django lets any column be asked for (`?secret__startswith=a`); our lists take offered filters
    only.
    """
    client, refused = client_of(world.bob), 0
    for model in tenant_pages():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for field in ("account__name__startswith", "pk__startswith", "account__memberships__user__password"):
            response = client.get(f"{address}?{field}=a")
            assert response.status_code in (302, 400), (address, field)
            refused += 1
    assert refused > 20


def test_autocomplete_offers_nothing_foreign(world, stranger):
    user, chosen = stranger
    client = client_of(user, chosen)
    asked = 0
    for model in admin.site._registry:
        for field in [*model._meta.concrete_fields, *model._meta.many_to_many]:
            if field.remote_field is None:
                continue
            for account in ("", world.bob_account.pk, world.ann_account.pk, "x", "-1"):
                address = (
                    f"/admin/autocomplete/?app_label={model._meta.app_label}&model_name={model._meta.model_name}"
                    f"&field_name={field.name}&term={TERM}&account={account}"
                )
                assert not world.sees(client.get(address), address), address
                asked += 1
    assert asked > 50


def test_actions_on_foreign_rows_do_nothing(world, stranger):
    user, chosen = stranger
    client, before = client_of(user, chosen), fingerprint(world.bob_account)
    for model, page in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        foreign = str(world.of_bob[model].pk) if model in world.of_bob else "1"
        for name in ["delete_selected", *(page.actions or ())]:
            for across in ("0", "1"):
                ticked = {"action": name, ACTION_CHECKBOX_NAME: [foreign], "select_across": across}
                response = client.post(address, {**ticked, "index": "0", "post": "yes"})
                assert not world.sees(response, address), (address, name)
    assert fingerprint(world.bob_account) == before


def test_no_form_takes_a_foreign_id(world):
    """In every select of every form: the foreign id is refused in the words of an unknown one."""
    client, checked = client_of(world.ann), 0
    for address in form_pages(world):
        response = client.get(address)
        for field in choice_fields(response.context):
            model = field.queryset.model
            foreign = world.of_bob.get(model)
            if foreign is None:
                continue
            with scope.accounts([world.ann_account.pk, world.bob_account.pk]):
                assert errors_of(field, foreign.pk) == errors_of(field, unknown_for(foreign)), (
                    address,
                    field.label,
                )
            if isinstance(field.widget, AutocompleteMixin):
                assert f"account={world.ann_account.pk}" in field.widget.get_url()
            checked += 1
    assert checked >= 1


def form_pages(world: World) -> Iterator[str]:
    for model in tenant_pages():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_add")
        if model in world.of_ann:
            yield reverse(f"{name}_change", args=[world.of_ann[model].pk])


def choice_fields(contexts: Any) -> Iterator[ModelChoiceField]:
    found: dict[int, ModelChoiceField] = {}
    for context in contexts or []:
        for layer in context.dicts if hasattr(context, "dicts") else [context]:
            for value in layer.values():
                for form in forms_in(value):
                    found |= {
                        id(one): one for one in form.fields.values() if isinstance(one, ModelChoiceField)
                    }
    yield from found.values()


def forms_in(value: Any) -> Iterator[Any]:
    if hasattr(value, "form") and hasattr(value.form, "fields"):
        yield value.form
    if hasattr(value, "fields") and isinstance(value.fields, dict):
        yield value
    if isinstance(value, list):
        for one in value:
            formset = getattr(one, "formset", None)
            if formset is not None:
                yield from [*formset.forms, formset.empty_form]


def unknown_for(row: Any) -> Any:
    return UNKNOWN_UUID if not isinstance(row.pk, int) else UNKNOWN_NUMBER


def errors_of(field: ModelChoiceField, value: Any) -> list[str]:
    takes_several = getattr(field.widget, "allow_multiple_selected", False)
    try:
        field.clean([str(value)] if takes_several else str(value))
    except ValidationError as refused:
        return [one.replace(str(value), "…") for one in refused.messages]
    return []

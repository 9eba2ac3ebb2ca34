"""Signing in: by e-mail address, no sign-up, safe ways on, and headers that hold."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.urls import reverse

from tests.conftest import PASSWORD

FOUND, OK = 302, 200


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


def sign_in(client, email, password=PASSWORD, next_page=""):
    return client.post(reverse("account_login"), {"login": email, "password": password, "next": next_page})


def test_the_admin_sends_strangers_to_the_sign_in_page(client, db):
    asked = client.get("/admin/audiences/audience/")
    assert asked.status_code == FOUND
    page = client.get("/admin/audiences/audience/", follow=True)
    assert page.redirect_chain[-1][0].startswith("/accounts/login/?next=%2Fadmin%2Faudiences%2Faudience%2F")


@pytest.mark.parametrize("written", ["ann@agency.example", " Ann@Agency.Example "])
def test_an_address_signs_in_regardless_of_case(client, ann, written):
    assert sign_in(client, written, next_page="/admin/activity/").url == "/admin/activity/"
    assert client.get("/admin/").status_code == OK


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_out_of_the_site(client, ann, target):
    assert sign_in(client, ann.email, next_page=target).url == "/"


def test_unknown_and_known_addresses_fail_alike(client, ann):
    answers = [sign_in(client, email, "wrong wrong wrong") for email in (ann.email, "nobody@agency.example")]
    assert [answer.status_code for answer in answers] == [OK, OK]
    assert all("are not correct" in answer.content.decode() for answer in answers)


def test_guessing_is_slowed_down(client, ann):
    for _ in range(6):
        sign_in(client, ann.email, "wrong wrong wrong")
    assert "Too many failed login attempts" in sign_in(client, ann.email).content.decode()


def test_an_inactive_user_stays_out(client, ann):
    ann.is_active = False
    ann.save()
    sign_in(client, ann.email)
    assert client.get("/admin/").status_code == FOUND


def test_nobody_signs_up(client, db):
    assert "There is no sign-up" in client.get(reverse("account_signup")).content.decode()
    client.post(
        reverse("account_signup"), {"email": "x@example.com", "password1": PASSWORD, "password2": PASSWORD}
    )
    assert "account_login" not in client.session


def test_signing_out_takes_a_post(client, ann, ann_account):
    client.force_login(ann)
    client.get(reverse("account_logout"))
    client.get("/admin/logout/")
    assert client.get("/admin/").status_code == OK
    client.post(reverse("account_logout"))
    assert client.get("/admin/").status_code == FOUND


def test_the_policy_is_relaxed_in_the_shell_only(client, ann, ann_account):
    client.force_login(ann)
    for address, relaxed in (
        ("/admin/", True),
        ("/accounts/email/", True),
        ("/", False),
        ("/nothing/", False),
    ):
        policy = client.get(address).headers["Content-Security-Policy"]
        assert ("'unsafe-eval'" in policy) is relaxed, address
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy


def test_no_page_of_the_shell_has_an_inline_script(client, ann, ann_account):
    client.force_login(ann)
    for address in (
        "/admin/",
        "/admin/audiences/audience/add/",
        "/admin/audiences/profile/",
        "/accounts/email/",
    ):
        page = client.get(address).content.decode()
        scripts = [part for part in page.split("<script")[1:] if " src=" not in part.split(">")[0]]
        assert [part for part in scripts if "application/json" not in part.split(">")[0]] == []


def test_other_packages_bring_no_pages(client, agency_admin):
    from django.contrib import admin

    labels = {model._meta.app_label for model in admin.site._registry}
    assert labels <= {"accounts", "api", "audiences", "connectors", "notices", "work"}

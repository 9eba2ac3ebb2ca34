"""Addresses that are never mailed."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences import suppressions
from audiences.addresses import InvalidAddress
from audiences.models import Change, Profile, Suppression
from syncapp.accounts import scope

KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
LONG_KEY = base64.b64encode(b"long" * 40).decode()


def hmac_in_database(address: str) -> bytes:
    params: dict = {"address": address}
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + suppressions.hmac_sql("%(address)s::text", params), params)
        return bytes(cursor.fetchone()[0])


@pytest.mark.parametrize("key", [KEY, LONG_KEY])
def test_python_and_sql_give_the_hmac_of_the_standard(db, settings, key):
    settings.ADDRESS_KEY = key
    for address in ("a@example.com", "jän@xn--bcher-kva.example"):
        standard = hmac.new(base64.b64decode(key), address.encode(), hashlib.sha256).digest()
        assert suppressions.to_hmac(address) == hmac_in_database(address) == standard


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_the_twins_agree_on_any_text(db, address):
    assert hmac_in_database(address) == suppressions.to_hmac(address)


def suppressed_people(account) -> set[str]:
    params = {"account": account.pk}
    condition = suppressions.suppressed_sql("p.email", params)
    sql = f"SELECT email FROM audiences_profile p WHERE account_id = %(account)s AND {condition}"
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {email for (email,) in cursor.fetchall()}


def test_suppressing_and_allowing_again(in_ann, profile_of):
    eve = profile_of(in_ann, "eve@example.com")
    profile_of(in_ann, "adam@example.com")
    Profile.objects.create(account=in_ann, external_id="no address")
    assert suppressions.suppress(in_ann, " Eve@Example.com", "complaint", "admin:ann")
    assert not suppressions.suppress(in_ann, "eve@example.com", "bounce", "admin:ann")
    assert suppressed_people(in_ann) == {"eve@example.com"}
    assert suppressions.is_suppressed(in_ann, "EVE@example.com")
    assert bytes(Suppression.objects.get().address_hmac) == suppressions.to_hmac("eve@example.com")
    assert suppressions.unsuppress(in_ann, "eve@example.com", "admin:ann")
    assert not suppressions.unsuppress(in_ann, "eve@example.com", "admin:ann")
    assert suppressed_people(in_ann) == set()
    assert [change.profile_ids for change in Change.objects.all()] == [[eve.pk], [eve.pk]]


def test_an_erasure_is_not_taken_back(in_ann):
    suppressions.suppress(in_ann, "eve@example.com", "erasure", "admin:ann")
    assert not suppressions.unsuppress(in_ann, "eve@example.com", "admin:ann")
    assert suppressions.is_suppressed(in_ann, "eve@example.com")
    assert not Change.objects.exists()


def test_accounts_suppress_for_themselves(ann_account, bob_account, profile_of):
    profile_of(bob_account, "eve@example.com")
    with scope.account(ann_account):
        suppressions.suppress(ann_account, "eve@example.com", "request", "test")
    with scope.account(bob_account):
        assert suppressed_people(bob_account) == set()
        assert not suppressions.is_suppressed(bob_account, "eve@example.com")


def test_bad_input_is_refused(in_ann):
    with pytest.raises(InvalidAddress):
        suppressions.suppress(in_ann, "nobody", "complaint", "test")
    with pytest.raises(ValueError, match="whim"):
        suppressions.suppress(in_ann, "eve@example.com", "whim", "test")
    assert not Suppression.objects.exists()

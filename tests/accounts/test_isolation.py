"""The walls between accounts, in the managers and in the database."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction

from audiences.models import Audience, Member, Profile
from syncapp.accounts import scope
from syncapp.accounts.models import Account


def tenant_tables() -> dict[str, type]:
    """Every table with an account column, by what Django knows."""
    return {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if any(field.column == "account_id" for field in model._meta.local_fields)
    }


def rows(sql: str, *params: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def test_the_tests_run_as_the_applications_role(db):
    assert rows("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user") == [
        (False, False)
    ]


def test_outside_any_scope_managers_raise_and_the_database_is_empty(profile_of, ann_account):
    profile_of(ann_account, "eve@example.com")
    with pytest.raises(scope.Missing):
        Profile.objects.count()
    assert rows("SELECT count(*) FROM audiences_profile") == [(0,)]


def test_raw_sql_sees_the_scoped_account_only(profile_of, ann_account, bob_account):
    profile_of(ann_account, "eve@example.com")
    profile_of(bob_account, "eve@example.com")
    with scope.account(bob_account):
        assert rows("SELECT account_id FROM audiences_profile") == [(bob_account.pk,)]
        assert Profile.objects.get().account_id == bob_account.pk
    with scope.accounts([ann_account.pk, bob_account.pk]):
        assert Profile.objects.count() == 2
    with scope.everything("the test counts all"):
        assert Profile.objects.count() == 2


def test_a_row_for_another_account_is_refused(ann_account, bob_account):
    with scope.account(ann_account), pytest.raises(DatabaseError), transaction.atomic():
        Profile.objects.create(account=bob_account, email="eve@example.com")


def test_the_scope_survives_a_rollback(profile_of, ann_account):
    profile_of(ann_account, "eve@example.com")
    with scope.account(ann_account):
        with transaction.atomic():
            Profile.objects.count()
            transaction.set_rollback(True)
        assert Profile.objects.count() == 1


def test_a_reference_to_another_accounts_row_is_refused(audience_of, profile_of, ann_account, bob_account):
    """Even where every account is in scope: the composite key, not the policy, refuses."""
    audience = audience_of(ann_account)
    stranger = profile_of(bob_account, "eve@example.com")
    with scope.everything("the key has to hold alone"), pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.create(account=ann_account, audience=audience, profile=stranger)


def test_every_tenant_table_is_closed_off(db):
    closed = {
        name
        for (name,) in rows(
            "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE c.relrowsecurity AND c.relforcerowsecurity"
        )
    }
    assert set(tenant_tables()) - closed == set()


def test_every_key_between_tenant_tables_includes_the_account(db):
    tables = tenant_tables()
    keys = rows(
        "SELECT conrelid::regclass::text, confrelid::regclass::text, "
        "(SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) "
        "FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
    )
    # Between two partitioned tables the keys stand partition by partition.
    whole = {
        (re.sub(r"_p\d$", "", table), re.sub(r"_p\d$", "", target), tuple(columns))
        for table, target, columns in keys
    }
    between = [(table, target, columns) for table, target, columns in whole if {table, target} <= set(tables)]
    assert len(between) >= 15
    assert [key for key in between if "account_id" not in key[2]] == []
    expected = sum(
        1
        for model in tables.values()
        for field in model._meta.local_fields
        if field.remote_field and field.remote_field.model._meta.db_table in tables
    )
    assert len(between) + len(checked_per_statement()) == expected


def checked_per_statement() -> set[tuple[str, str]]:
    """(table, column) of the references whose triggers are in place: check, follow, stay."""
    found = {
        (model._meta.db_table, field.column)
        for model in tenant_tables().values()
        for field in model._meta.local_fields
        if getattr(field, "checked", "row") == "statement"
    }
    names = {name for (name,) in rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")}
    for table, column in found:
        name = f"{table}_{column}_of_account"
        assert {name, f"{name}_follow", f"{table}_{column}_stays"} <= names
    return found


def test_references_checked_per_statement_hold(audience_of, profile_of, ann_account, bob_account):
    """The same promise as a composite key: no stranger, no orphan, no move."""
    audience, other = audience_of(ann_account), audience_of(ann_account, "Other")
    eve, stranger = profile_of(ann_account, "eve@example.com"), profile_of(bob_account, "eve@example.com")
    with scope.everything("the reference has to hold alone"):
        for profile_id in (stranger.pk, 0):
            with pytest.raises(IntegrityError), transaction.atomic():
                Member.objects.create(account=ann_account, audience=audience, profile_id=profile_id)
        far_apart = (eve.pk, eve.pk + 1000)
        with pytest.raises(IntegrityError), transaction.atomic():
            Member.objects.bulk_create(
                Member(account=ann_account, audience=audience, profile_id=profile_id)
                for profile_id in far_apart
            )
        Member.objects.create(account=ann_account, audience=audience, profile=eve)
        with pytest.raises(IntegrityError), transaction.atomic():
            rows("UPDATE audiences_member SET audience_id = %s RETURNING 1", other.pk)
        rows("DELETE FROM audiences_profile WHERE id = %s RETURNING 1", eve.pk)
        assert not Member.objects.exists()


def test_every_unique_key_of_a_tenant_table_includes_the_account(db):
    named_exceptions = {  # looked up before the account is known
        "accounts_apikey_prefix_key",
        "api_accesstoken_token_sha256_key",
        "api_inspectortoken_token_sha256_key",
    }
    keys = rows(
        "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, i.indisprimary, "
        "(SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey)) "
        "FROM pg_index i WHERE i.indisunique"
    )
    tables = tenant_tables()
    loose = [
        name
        for table, name, primary, columns in keys
        if table in tables
        and "account_id" not in columns
        and not (primary and columns in (["id"], ["pgh_id"]))
    ]
    assert set(loose) == named_exceptions


def test_names_are_unique_per_account_only(audience_of, ann_account, bob_account):
    audience_of(ann_account, "VIP")
    audience_of(bob_account, "VIP")
    with pytest.raises(IntegrityError), transaction.atomic():
        audience_of(ann_account, " vip ", external_id="other")
    with scope.everything("count of both"):
        assert Audience.objects.count() == 2
    assert Account.objects.count() == 2

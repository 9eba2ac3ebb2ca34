"""The system check on the application's role."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.db import connection

from syncapp.database.checks import problems_of

pytestmark = pytest.mark.django_db


def test_the_role_in_use_is_bound_by_row_level_security() -> None:
    assert [found for found in run_checks(databases=["default"]) if found.id == "syncapp.E001"] == []


def test_a_superuser_is_an_error_with_a_way_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolsuper LIMIT 1")
        (problem,) = problems_of(cursor, cursor.fetchone()[0])
    assert problem.id == "syncapp.E001"
    assert "NOSUPERUSER" in str(problem.hint)

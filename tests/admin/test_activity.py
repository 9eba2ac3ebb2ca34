"""The trail: who did what, from what to what, for the clients in view."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from audiences.models import Audience, Objective
from syncapp.accounts import access, scope
from syncapp.audit import activity


@pytest.fixture
def at_anns(client, ann, ann_account):
    client.force_login(ann)
    return client


def test_a_change_tells_who_and_from_what_to_what(at_anns, ann, ann_account, objective_of):
    row = objective_of(ann_account, "newsletter")
    at_anns.post(
        reverse("admin:audiences_objective_change", args=[row.pk]),
        {"label": "The letter", "description": "Monthly"},
    )
    page = at_anns.get(reverse("admin:activity")).content.decode()
    for words in ("Ann Smit", "changed objective", "Newsletter", "The letter", "Monthly"):
        assert words in page
    history = at_anns.get(reverse("admin:audiences_objective_history", args=[row.pk])).content.decode()
    assert "The letter" in history


def test_raw_and_bulk_writes_leave_a_trail_too(ann_account, objective_of, in_ann):
    row = objective_of(ann_account, "newsletter")
    Objective.objects.filter(pk=row.pk).update(label="bulk")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audiences_objective SET label = 'raw' WHERE id = %s", [row.pk])
    Objective.objects.filter(pk=row.pk).delete()
    entries = activity.of_row(Objective, row.pk)
    assert [entry.act for entry in entries] == ["deleted", "changed", "changed", "added"]
    assert [(change.before, change.after) for entry in entries for change in entry.changes] == [
        ("bulk", "raw"),
        ("Newsletter", "bulk"),
    ]
    assert {entry.who for entry in entries} == {"The system"}


def test_counters_leave_no_trail(ann_account, audience_of, in_ann):
    audience = audience_of(ann_account)
    Audience.objects.filter(pk=audience.pk).update(member_count=7, version=9)
    assert [entry.act for entry in activity.of_row(Audience, audience.pk)] == ["added"]


@pytest.mark.parametrize(
    "statement", ["UPDATE audiences_objectiveevent SET label = 'x'", "DELETE FROM audiences_objectiveevent"]
)
def test_the_trail_is_only_ever_added_to(ann_account, objective_of, in_ann, statement):
    objective_of(ann_account)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert len(activity.of_row(Objective, Objective.objects.get().pk)) == 1


def test_pages_of_the_trail_lose_and_repeat_nothing(ann, ann_account, in_ann):
    with transaction.atomic():  # one moment for many: the order needs more than time
        for number in range(23):
            Objective.objects.create(account=ann_account, key=f"k{number}", label=f"Objective {number}")
            Audience.objects.create(account=ann_account, external_id=f"a{number}", name=f"Audience {number}")
    mine, after, names = access.access_of(ann, None), None, []
    while entries := activity.latest(mine, after=after, limit=7):
        names += [entry.name for entry in entries]
        after = activity.Cursor.parse(str(entries[-1].cursor))
    wanted = {f"Objective {number}" for number in range(23)} | {f"Audience {number}" for number in range(23)}
    assert len(names) == len(set(names))
    assert wanted <= set(names)


def test_the_trail_can_be_narrowed_and_bad_filters_do_no_harm(
    at_anns, ann, ann_account, objective_of, audience_of
):
    objective_of(ann_account)
    audience_of(ann_account, "VIP")
    page = reverse("admin:activity")
    assert "VIP" not in at_anns.get(page, {"type": "audiences.objective"}).content.decode()
    assert "VIP" in at_anns.get(page, {"type": "audiences.audience"}).content.decode()
    assert "Nothing matches" in at_anns.get(page, {"person": ann.pk}).content.decode()
    for bad in ({"type": "x"}, {"person": "x"}, {"person": "9" * 30}, {"after": "x~y"}, {"after": "\x00"}):
        assert at_anns.get(page, bad).status_code == 200


def test_nobody_reads_another_clients_trail(client, ann, bob_account, objective_of):
    objective_of(bob_account, "secretplan")
    client.force_login(ann)
    assert "Secretplan" not in client.get(reverse("admin:activity")).content.decode()
    with scope.account(bob_account):
        assert activity.of_row(Objective, Objective.objects.get().pk) != []

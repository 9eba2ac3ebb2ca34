"""Raising and resolving, and who is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Membership, User
from syncapp.notices import kinds, raise_alert, resolve_alert
from syncapp.notices.models import Alert, Mail, Preference
from tests.notices.conftest import FAILED

NEVER, FIRST, EVERY = Preference.When.values


def alerts(account):
    with scope.account(account):
        return list(Alert.objects.order_by("pk"))


def choose(user, account, when, kind="run_failed", source="", resolved=True):
    with scope.account(account):
        Preference.objects.update_or_create(
            account=account,
            user=user,
            kind=kind,
            source=source,
            defaults={"when": when, "resolved": resolved},
        )


def as_if_told_long_ago(account):
    with scope.account(account):
        Alert.objects.update(told_at=timezone.now() - timedelta(hours=1))


def addresses(outbox):
    return sorted(address for mail in outbox for address in mail.to)


def member(account, email, role):
    user = User.objects.create_user(email)
    with scope.account(account):
        Membership.objects.create(account=account, user=user, role=role)
    return user


def test_the_second_raise_of_an_open_alert_counts_and_renews_its_words(ann_account, raise_failed):
    first = raise_failed(ann_account)
    again = raise_failed(ann_account, title="It failed again", severity="warning")
    (alert,) = alerts(ann_account)
    assert first == again == alert.pk
    assert (alert.times, alert.title, alert.severity) == (2, "It failed again", "warning")


def test_another_subject_kind_or_account_is_another_alert(ann_account, bob_account, raise_failed):
    raise_failed(ann_account)
    raise_failed(ann_account, subject="goal:8")
    raise_failed(ann_account, kind="run_held")
    raise_failed(bob_account)
    assert (len(alerts(ann_account)), len(alerts(bob_account))) == (3, 1)


def test_a_resolved_alert_stays_and_the_next_raise_is_a_new_one(ann_account, raise_failed):
    raise_failed(ann_account)
    assert resolve_alert(account_id=ann_account.pk, kind="run_failed", subject="goal:7")
    assert not resolve_alert(account_id=ann_account.pk, kind="run_failed", subject="goal:7")
    raise_failed(ann_account)
    old, new = alerts(ann_account)
    assert old.resolved_at is not None
    assert (new.resolved_at, new.times) == (None, 1)


def test_a_rollback_raises_and_tells_nothing(ann, ann_account, raise_failed, work, mailoutbox):
    with transaction.atomic():
        raise_failed(ann_account)
        transaction.set_rollback(True)
    work()
    assert (alerts(ann_account), mailoutbox) == ([], [])


def test_the_door_is_cheap(ann_account, raise_failed, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):  # the scope, the alert, the wake-up, its token
        raise_failed(ann_account)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", ""),
        ("subject", "goal 7"),
        ("subject", "goal:7; DROP TABLE"),
        ("source", "x"),
        ("url", "https://elsewhere.example/"),
        ("url", "//elsewhere.example/"),
        ("url", "javascript:alert(1)"),
    ],
)
def test_a_reference_or_page_of_another_form_is_refused(ann_account, raise_failed, field, value):
    with pytest.raises(ValueError):
        raise_failed(ann_account, **{field: value})


def test_an_unknown_kind_is_refused(ann_account, known_kinds):
    with pytest.raises(kinds.UnknownKind, match="register_kind"):
        raise_alert(account_id=ann_account.pk, **{**FAILED, "kind": "no_such_kind"})


def test_a_kind_is_registered_once(known_kinds):
    kinds.register_kind("run_failed", "Run failed", default_on=True)
    with pytest.raises(ValueError, match="taken"):
        kinds.register_kind("run_failed", "Something else", default_on=True)
    with pytest.raises(ValueError, match="reserved"):
        kinds.register_kind("digest", "Digest", default_on=True)


def test_raising_from_many_threads_at_once_makes_one_alert(transactional_db, ann_account, raise_failed):
    def raise_it(_):
        try:
            return raise_failed(ann_account)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(raise_it, range(40)))
    (alert,) = alerts(ann_account)
    assert (found, alert.times) == ({alert.pk}, 40)


def test_managers_are_told_the_first_time_and_nobody_else(
    ann, bob, charlie, agency_admin, ann_account, raise_failed, work, mailoutbox
):
    member(ann_account, "editor@agency.example", "editor")
    member(ann_account, "viewer@agency.example", "viewer")
    raise_failed(ann_account)
    work()
    assert addresses(mailoutbox) == [ann.email]
    for _ in range(3):
        raise_failed(ann_account)
        as_if_told_long_ago(ann_account)
        work()
    assert len(mailoutbox) == 1


def test_kinds_that_are_off_by_default_tell_nobody(ann, ann_account, raise_failed, work, mailoutbox):
    raise_failed(ann_account, kind="run_warnings")
    work()
    assert mailoutbox == []


def test_everyone_chooses(ann, agency_admin, ann_account, raise_failed, work, mailoutbox):
    editor = member(ann_account, "editor@agency.example", "editor")
    choose(ann, ann_account, NEVER)
    choose(editor, ann_account, FIRST)
    choose(agency_admin, ann_account, EVERY)
    raise_failed(ann_account)
    work()
    assert addresses(mailoutbox) == sorted([agency_admin.email, editor.email])


def test_every_time_is_told_again_at_most_each_ten_minutes(ann, ann_account, raise_failed, work, mailoutbox):
    choose(ann, ann_account, EVERY)
    raise_failed(ann_account)
    work()
    for _ in range(5):
        raise_failed(ann_account)
        work()
    assert len(mailoutbox) == 1
    as_if_told_long_ago(ann_account)
    raise_failed(ann_account)
    work()
    assert len(mailoutbox) == 2
    assert "7 times" in mailoutbox[1].body


def test_the_waiting_repetition_comes_without_another_raise(ann, ann_account, raise_failed, work, mailoutbox):
    from tests.notices.conftest import pass_time

    choose(ann, ann_account, EVERY)
    raise_failed(ann_account)
    work()
    raise_failed(ann_account)
    work()
    as_if_told_long_ago(ann_account)
    pass_time(ann_account, timedelta(minutes=10))
    work()
    assert len(mailoutbox) == 2


def test_a_choice_for_one_source_goes_before_that_for_all(ann, ann_account, raise_failed, work, mailoutbox):
    choose(ann, ann_account, NEVER)
    choose(ann, ann_account, FIRST, source="connection:6")
    raise_failed(ann_account)
    raise_failed(ann_account, subject="goal:9", source="connection:6", title="The other one")
    work()
    assert [mail.subject for mail in mailoutbox] == [f"[{ann_account.name}] The other one"]


def test_who_was_told_hears_of_the_end(ann, ann_account, raise_failed, work, mailoutbox):
    quiet = member(ann_account, "quiet@agency.example", "manager")
    choose(quiet, ann_account, FIRST, resolved=False)
    off = member(ann_account, "off@agency.example", "manager")
    choose(off, ann_account, NEVER)
    raise_failed(ann_account)
    work()
    resolve_alert(account_id=ann_account.pk, kind="run_failed", subject="goal:7")
    work()
    assert addresses(mailoutbox[:2]) == sorted([ann.email, quiet.email])
    assert addresses(mailoutbox[2:]) == [ann.email]
    assert "Resolved: " in mailoutbox[2].subject


def test_what_is_over_before_anybody_was_told_is_not_told(ann, ann_account, raise_failed, work, mailoutbox):
    raise_failed(ann_account)
    resolve_alert(account_id=ann_account.pk, kind="run_failed", subject="goal:7")
    work()
    assert mailoutbox == []


def test_telling_twice_writes_no_row_twice(ann, ann_account, raise_failed, work, mailoutbox):
    """A worker that dies after the commit and before its wake-up's end does all again."""
    from syncapp.notices import telling

    alert_id = raise_failed(ann_account)
    with scope.account(ann_account):
        telling.tell(ann_account.pk, alert_id)
        Alert.objects.update(told_times=0)  # as if even the mark had been lost
        telling.tell(ann_account.pk, alert_id)
        assert Mail.objects.count() == 1
    work()
    assert len(mailoutbox) == 1

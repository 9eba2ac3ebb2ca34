"""E-mails: what they say, what they never say, and what becomes of them when something fails."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from smtplib import SMTPServerDisconnected
from zoneinfo import ZoneInfo

import pytest
from django.core import mail as django_mail
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Account, Membership
from syncapp.notices import digests, mails, resolve_alert, tasks
from syncapp.notices.models import Alert, Digest, Mail, Preference
from syncapp.work import Slice
from tests.notices.conftest import pass_time


def rows(account):
    with scope.account(account):
        return list(Mail.objects.order_by("pk"))


def test_a_mail_says_what_happened_where_and_what_to_do(
    ann, ann_account, raise_failed, work, mailoutbox, settings
):
    settings.SITE_URL = "https://sync.agency.example"
    raise_failed(ann_account, title="It failed:\nBcc: eve@example.com", url="/admin/connectors/run/7/change/")
    work()
    (mail,) = mailoutbox
    ((html, kind),) = mail.alternatives
    assert mail.subject == "[Ann’s Bicycles] It failed: Bcc: eve@example.com"
    assert (mail.to, mail.cc, mail.bcc, kind) == ([ann.email], [], [], "text/html")
    for text in (mail.body, html):
        assert "Enter new credentials, then run it again." in text
        assert "https://sync.agency.example/admin/connectors/run/7/change/" in text
        assert "preferences/?client=ann" in text
        assert ann.email not in text
    assert mail.message()["Message-ID"] == f"<notice-{rows(ann_account)[0].pk}@sync.agency.example>"


def test_markup_in_names_is_text(ann, ann_account, raise_failed, work, mailoutbox):
    raise_failed(ann_account, title="<script>alert(1)</script>", subject_label="<b>x</b>")
    work()
    assert "<script>" not in mailoutbox[0].alternatives[0][0]
    assert "<script>" in mailoutbox[0].body


def test_times_are_the_accounts_own(ann, ann_account, raise_failed, work, mailoutbox):
    raise_failed(ann_account)
    with scope.account(ann_account):
        Alert.objects.update(first_at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    work()
    assert "2 Jul, 00:30" in mailoutbox[0].body


def test_who_left_or_said_no_meanwhile_gets_nothing(
    ann, bob, ann_account, bob_account, raise_failed, work, mailoutbox
):
    """Between the planning and the sending of a mail."""
    from syncapp.notices import telling

    for account in (ann_account, bob_account):
        alert_id = raise_failed(account)
        with scope.account(account):
            telling.tell(account.pk, alert_id)
    with scope.account(ann_account):
        Membership.objects.all().delete()
    with scope.account(bob_account):
        Preference.objects.create(account=bob_account, user=bob, kind="run_failed", when="never")
    work()
    assert mailoutbox == []
    assert [row.state for account in (ann_account, bob_account) for row in rows(account)] == ["dropped"] * 2


@pytest.mark.parametrize("change", [{"is_active": False}, {"archived": True}, {"expired": True}])
def test_nothing_goes_to_who_has_no_access_any_more(ann, ann_account, raise_failed, work, mailoutbox, change):
    raise_failed(ann_account)
    if "is_active" in change:
        ann.is_active = False
        ann.save()
    if "archived" in change:
        Account.objects.update(archived_at=timezone.now())
    if "expired" in change:
        with scope.account(ann_account):
            Membership.objects.update(expires_at=timezone.now())
    work()
    assert mailoutbox == []


class Broken:
    """A mail server that hangs up, while `times` lasts."""

    times = 0

    def __init__(self, *args, **kwargs) -> None: ...

    def send_messages(self, messages):
        if Broken.times > 0:
            Broken.times -= 1
            raise SMTPServerDisconnected("so long, ann@agency.example")
        django_mail.outbox.extend(messages)
        return len(messages)


@pytest.fixture
def broken(settings, mailoutbox):
    settings.EMAIL_BACKEND = "tests.notices.test_mails.Broken"
    return Broken


def test_a_mail_server_that_is_away_is_tried_again(ann, ann_account, raise_failed, work, mailoutbox, broken):
    broken.times = 2
    raise_failed(ann_account)
    work()
    (row,) = rows(ann_account)
    assert (row.state, row.attempts, row.error) == ("waiting", 1, "SMTPServerDisconnected")
    assert timedelta(seconds=50) < row.next_attempt_at - timezone.now() < timedelta(seconds=61)
    for _ in range(2):
        pass_time(ann_account, timedelta(hours=1))
        work()
    (row,) = rows(ann_account)
    assert (row.state, row.attempts, row.error, len(mailoutbox)) == ("sent", 3, "", 1)


def test_a_mail_server_that_is_away_holds_no_worker(ann, ann_account, raise_failed, work, broken):
    broken.times = 100
    for number in range(3):
        raise_failed(ann_account, subject=f"goal:{number}")
    work()
    assert sorted(row.attempts for row in rows(ann_account)) == [0, 0, 1]


def test_a_mail_server_that_stays_away_is_given_up(ann, ann_account, raise_failed, work, mailoutbox, broken):
    broken.times = 100
    raise_failed(ann_account)
    for _ in range(12):
        work()
        pass_time(ann_account, timedelta(hours=12))
    (row,) = rows(ann_account)
    assert (row.state, row.attempts) == ("failed", len(mails.WAITS_S) + 1)


def test_a_worker_that_dies_after_sending_sends_again_and_doubles_no_row(
    ann, ann_account, raise_failed, work, mailoutbox, monkeypatch
):
    raise_failed(ann_account)
    note = mails.note
    monkeypatch.setattr(mails, "note", lambda mail, **fields: (_ for _ in ()).throw(SystemError("killed")))
    work()
    assert [row.state for row in rows(ann_account)] == ["waiting"]
    monkeypatch.setattr(mails, "note", note)
    pass_time(ann_account, timedelta(minutes=2))
    work_again = len(mailoutbox)
    with scope.account(ann_account):
        mails.send_due(ann_account.pk, Slice())
    (row,) = rows(ann_account)
    assert (row.state, work_again, len(mailoutbox)) == ("sent", 1, 2)
    assert len({mail.message()["Message-ID"] for mail in mailoutbox}) == 1


def test_what_was_forgotten_is_found_by_the_sweep(ann, ann_account, raise_failed, work, mailoutbox):
    from syncapp.work.models import Wakeup

    raise_failed(ann_account)
    with scope.account(ann_account):
        Wakeup.objects.all().delete()
        Alert.objects.update(first_at=timezone.now() - timedelta(minutes=6))
    tasks.sweep(Slice())
    work()
    assert len(mailoutbox) == 1


# The digest


def at(account, day, hour, minute=0):
    return datetime.combine(day, time(hour, minute), account.zone).astimezone(UTC)


@pytest.fixture
def old_account(ann_account):
    Account.objects.filter(pk=ann_account.pk).update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    ann_account.refresh_from_db()
    return ann_account


@pytest.mark.parametrize(
    "zone", ["Europe/Amsterdam", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"]
)
@pytest.mark.parametrize("day", [date(2026, 7, 1), date(2026, 3, 29), date(2026, 10, 25)])
def test_it_is_due_at_half_past_seven_where_the_account_is(old_account, zone, day):
    old_account.time_zone = zone
    half_past_seven = datetime.combine(day, time(7, 30), ZoneInfo(zone)).astimezone(UTC)
    assert digests.due_day(old_account, half_past_seven - timedelta(seconds=1)) is None
    assert digests.due_day(old_account, half_past_seven) == day
    assert digests.due_day(old_account, half_past_seven + timedelta(hours=16)) == day
    assert digests.due_day(old_account, half_past_seven + timedelta(hours=17)) is None


def test_a_new_account_has_none_on_its_first_day(ann_account):
    today = ann_account.created_at.astimezone(ann_account.zone).date()
    assert digests.due_day(ann_account, at(ann_account, today + timedelta(days=1), 8)) is not None
    ann_account.created_at = at(ann_account, today, 12)
    assert digests.due_day(ann_account, at(ann_account, today, 15)) is None


def test_it_lists_what_is_open_and_what_was_resolved_yesterday(
    ann, bob, bob_account, agency_admin, old_account, raise_failed, work, mailoutbox
):
    day = date(2026, 7, 2)
    raise_failed(old_account, title="Still open")
    for subject, hour, on in (("goal:1", 0, 1), ("goal:2", 23, 1), ("goal:3", 23, 30), ("goal:4", 0, 2)):
        raise_failed(old_account, subject=subject, title=f"Title of {subject}")
        resolve_alert(account_id=old_account.pk, kind="run_failed", subject=subject)
        month = 6 if on == 30 else 7
        with scope.account(old_account):
            resolved_at = at(old_account, date(2026, month, on), hour, 30)
            Alert.objects.filter(subject=subject).update(resolved_at=resolved_at)
    raise_failed(bob_account, title="Bob’s secret trouble")
    work()
    mailoutbox.clear()
    digests.wake_due(at(old_account, day, 7, 30))
    work()
    mine = [mail for mail in mailoutbox if "Ann’s" in mail.subject]
    assert sorted(mail.to[0] for mail in mine) == sorted([ann.email, agency_admin.email])
    for text in (mine[0].body, mine[0].alternatives[0][0]):
        assert "Still open" in text
        assert "Title of goal:1" in text
        assert "Title of goal:2" in text
        assert "goal:3" not in text
        assert "goal:4" not in text
        assert "Bob" not in text
    assert mine[0].subject == "[Ann’s Bicycles] 1 open, 2 resolved yesterday"


def test_it_comes_once_however_often_the_clock_asks(ann, old_account, raise_failed, work, mailoutbox):
    raise_failed(old_account)
    work()
    mailoutbox.clear()
    for minute in (30, 31, 59):
        digests.wake_due(at(old_account, date(2026, 7, 2), 7, minute))
        work()
    assert len(mailoutbox) == 1
    with scope.account(old_account):
        digests.plan(old_account.pk, date(2026, 7, 2))
        assert Mail.objects.filter(about="digest").count() == 1


def test_nothing_to_say_is_no_mail(ann, old_account, work, mailoutbox):
    digests.wake_due(at(old_account, date(2026, 7, 2), 7, 30))
    work()
    assert mailoutbox == []
    with scope.account(old_account):
        assert Digest.objects.get().day == date(2026, 7, 2)


def test_who_wants_none_gets_none(ann, old_account, raise_failed, work, mailoutbox):
    with scope.account(old_account):
        Preference.objects.create(account=old_account, user=ann, kind="digest", when="never")
    raise_failed(old_account)
    work()
    mailoutbox.clear()
    digests.wake_due(at(old_account, date(2026, 7, 2), 7, 30))
    work()
    assert mailoutbox == []

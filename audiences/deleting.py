"""Delete an audience softly, bring it back, and what time does: expiry, and the end of what was deleted.

Functions run in the account's scope.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from audiences import happenings
from audiences.models import Audience, push_settings
from audiences.uses import InUse, blocking, refuse_in_use, uses_of
from syncapp.notices import raise_alert, register_kind, resolve_alert
from syncapp.work import Slice

EXPIRED_IN_USE = "audience_expired"
ROWS_AT_ONCE = 20_000  # of one transaction of the purge

register_kind(
    EXPIRED_IN_USE,
    "An audience has expired but is used",
    default_on=True,
    help="Its expiry date has passed. It stays as long as something uses it.",
)

# Members first and by their key, then what belongs to the audience: no transaction of the purge is long.
PURGE_MEMBERS = """
DELETE FROM audiences_member
WHERE account_id = %(account)s AND audience_id = %(audience)s AND profile_id IN (
    SELECT profile_id FROM audiences_member
    WHERE account_id = %(account)s AND audience_id = %(audience)s ORDER BY profile_id LIMIT %(rows)s
)
"""
PURGE_BY_ID = """
DELETE FROM {table} WHERE account_id = %(account)s AND id IN (
    SELECT id FROM {table} WHERE account_id = %(account)s AND audience_id = %(audience)s LIMIT %(rows)s
)
"""
PURGES = (
    PURGE_MEMBERS,
    PURGE_BY_ID.format(table="audiences_pending"),
    PURGE_BY_ID.format(table="audiences_membershipchange"),
    PURGE_BY_ID.format(table="audiences_audiencesize"),
)


class WindowPassed(Exception):
    """It was deleted too long ago to be restored."""


def delete(audience: Audience) -> None:
    """`audience` is locked by the caller. Raises InUse. Its id and its name are free at once."""
    refuse_in_use(audience)
    audience.deleted_at = timezone.now()
    audience.version += 1
    audience.save(update_fields=["deleted_at", "version", "updated_at"])
    resolve_alert(account_id=audience.account_id, kind=EXPIRED_IN_USE, subject=f"audience:{audience.pk}")
    happenings.audience_deleted(audience)


def restorable_until(audience: Audience) -> datetime:
    deleted_at = audience.deleted_at or timezone.now()
    return deleted_at + timedelta(days=push_settings(audience.account_id).restore_days)


def restore(audience: Audience) -> None:
    """Bring a deleted audience back as it was; an expiry that has passed is taken off, or it would go again.

    Raises WindowPassed, and IntegrityError where its id or its name is taken.
    """
    now = timezone.now()
    if restorable_until(audience) <= now:
        raise WindowPassed
    audience.deleted_at = None
    if audience.expires_at is not None and audience.expires_at <= now:
        audience.expires_at = None
    audience.version += 1
    audience.save(update_fields=["deleted_at", "expires_at", "version", "updated_at"])
    happenings.audience_restored(audience)


def expire_due(account_id: int) -> int:
    """Delete what has expired; who is used stays, and people are told. Returns how many were deleted."""
    due = Audience.objects.of(account_id).filter(deleted_at=None, expires_at__lte=timezone.now())
    return sum(
        expire(account_id, audience_id) for audience_id in due.order_by("pk").values_list("pk", flat=True)
    )


@transaction.atomic
def expire(account_id: int, audience_id: int) -> bool:
    due = Audience.objects.of(account_id).filter(deleted_at=None, expires_at__lte=timezone.now())
    audience = due.select_for_update().filter(pk=audience_id).first()
    if audience is None:
        return False
    try:
        delete(audience)
    except InUse as error:
        tell_expired_in_use(audience, str(error))
        return False
    return True


def tell_expired_in_use(audience: Audience, words: str) -> None:
    raise_alert(
        account_id=audience.account_id,
        kind=EXPIRED_IN_USE,
        subject=f"audience:{audience.pk}",
        subject_label=audience.name,
        url=f"/admin/audiences/audience/{audience.pk}/change/",
        title=f"“{audience.name}” has expired but is used",
        words=f"{words} Take it out there, and it is deleted; or give it a later expiry date.",
        severity="warning",
    )


def follow_expiry(audience: Audience) -> None:
    """Its expiry date was changed: what was told of the old one is over, unless the new one has passed as well."""
    if audience.expires_at is None or audience.expires_at > timezone.now():
        resolve_alert(account_id=audience.account_id, kind=EXPIRED_IN_USE, subject=f"audience:{audience.pk}")


def purge(account_id: int, slice_: Slice) -> bool:
    """Delete for good what can no longer be restored. False when the slice ended before the work."""
    before = timezone.now() - timedelta(days=push_settings(account_id).restore_days)
    gone = Audience.objects.of(account_id).filter(deleted_at__lte=before).order_by("deleted_at")
    return all(purge_one(audience, slice_) for audience in gone)


def purge_one(audience: Audience, slice_: Slice) -> bool:
    """What came to use it in the very moment of its deletion keeps its members: it stays, deleted."""
    if blocking(uses_of(audience)):
        return True
    params = {"account": audience.account_id, "audience": audience.pk, "rows": ROWS_AT_ONCE}
    for sql in PURGES:
        deleted = ROWS_AT_ONCE
        while deleted == ROWS_AT_ONCE:
            if slice_.is_over():
                return False
            with connection.cursor() as cursor:
                cursor.execute(sql, params)
                deleted = cursor.rowcount
    audience.delete()
    return True

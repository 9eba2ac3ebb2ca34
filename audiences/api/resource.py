"""What the API does with audiences: find, put, delete. Raises `Problem`, knows nothing of HTTP's form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from msgspec import UNSET

from audiences.api.wire import AudienceIn, SourceIn, UsageOut
from audiences.models import Audience
from audiences.models.audience import to_name_key
from audiences.uses import uses_of
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account
from syncapp.api import limits
from syncapp.api.problems import Problem, invalid

DEFAULTS: dict[str, Any] = {
    "description": "",
    "identifier": Audience.Identifies.EXTERNAL_ID.value,
    "unknown_contacts": Audience.Unknown.REJECT.value,
    "labels": [],
    "source_system": "",
    "expires_at": None,
}

Check = Callable[[int | None], None]


def find(client: Client, external_id: str) -> Audience:
    audience: Audience | None = rows(client).filter(external_id=external_id, deleted_at=None).first()
    if audience is None:
        raise not_found()
    return audience


def find_for_change(client: Client, external_id: str) -> Audience | None:
    """The living audience, locked until the end of the transaction."""
    found: Audience | None = (
        rows(client).select_for_update().filter(external_id=external_id, deleted_at=None).first()
    )
    return found


def rows(client: Client) -> Any:
    return Audience.objects.of(client.account_id)


def not_found() -> Problem:
    """The same words for an unknown id and for another account's."""
    return Problem("audience_not_found", "There is no audience with this external id.")


@transaction.atomic
def put(client: Client, external_id: str, wanted: AudienceIn, check: Check) -> tuple[Audience, bool]:
    """Create or change. Returns (audience, whether it is new); nothing is written where nothing changes.

    `check` gets the version now (None: there is none) and raises where the caller's condition fails.
    """
    audience = find_for_change(client, external_id)
    if audience is None:
        lock_account(client)  # a second creator waits here, and then finds the first one's row
        audience = find_for_change(client, external_id)
    check(None if audience is None else audience.version)
    if audience is None:
        return create(client, external_id, wanted), True
    require_pushed(audience)
    return change(client, audience, to_fields(wanted)), False


def lock_account(client: Client) -> None:
    Account.objects.select_for_update(no_key=True).only("pk").get(pk=client.account_id)


def to_fields(wanted: AudienceIn) -> dict[str, Any]:
    """Columns by name, of what the caller gave; null becomes the default."""
    source = wanted.source
    given: dict[str, Any] = {
        "name": wanted.name,
        "description": wanted.description,
        "identifier": wanted.identifier,
        "unknown_contacts": wanted.unknown_contacts,
        "labels": wanted.tags,
        "source_system": source.system if isinstance(source, SourceIn) else source,
        "expires_at": wanted.expires_at,
    }
    return {
        name: DEFAULTS[name] if value is None else value
        for name, value in given.items()
        if value is not UNSET
    }


def create(client: Client, external_id: str, wanted: AudienceIn) -> Audience:
    if rows(client).filter(deleted_at=None).count() >= limits.AUDIENCES_PER_ACCOUNT:
        raise Problem(
            "audience_limit_reached", f"An account may have {limits.AUDIENCES_PER_ACCOUNT} audiences."
        )
    audience = Audience(
        account_id=client.account_id,
        external_id=external_id,
        version=next_version(client, external_id),
        source_client=client.prefix,
        **to_fields(wanted),
    )
    save(client, audience)
    return audience


def next_version(client: Client, external_id: str) -> int:
    """Beyond every deleted audience of this id, so that an old ETag never fits the new one."""
    latest: int | None = (
        rows(client).filter(external_id=external_id).aggregate(latest=Max("version"))["latest"]
    )
    return (latest or 0) + 1


def change(client: Client, audience: Audience, fields: dict[str, Any]) -> Audience:
    changed = {name: value for name, value in fields.items() if getattr(audience, name) != value}
    if not changed:
        return audience
    for name, value in changed.items():
        setattr(audience, name, value)
    audience.version += 1
    save(client, audience, update_fields=[*changed, "name_key", "version", "updated_at"])
    return audience


def save(client: Client, audience: Audience, update_fields: list[str] | None = None) -> None:
    """The unique constraints decide; who comes second is told whose the name is."""
    if len(to_name_key(audience.name)) == 0:
        raise invalid("/name", "A name needs at least one visible character.")
    try:
        with transaction.atomic():
            audience.save(update_fields=update_fields)
    except IntegrityError as error:
        raise conflict(client, audience, error) from error


def conflict(client: Client, audience: Audience, error: IntegrityError) -> Problem:
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
    if constraint == "audience_external_id_per_account":
        return Problem("external_id_taken", "Another call created this audience at the same moment.")
    if constraint != "audience_name_per_account":
        raise error
    holder = rows(client).filter(name_key=to_name_key(audience.name), deleted_at=None).exclude(pk=audience.pk)
    external_id = holder.values_list("external_id", flat=True).first()
    return Problem(
        "name_taken",
        "Another audience has this name, regardless of case.",
        conflict={"external_id": external_id},
    )


def require_pushed(audience: Audience) -> None:
    if audience.kind != Audience.Kind.PUSHED:
        raise Problem(
            "audience_not_pushed", "This audience is made by rules; it is changed by its owners, not here."
        )


def usages_of(audience: Audience) -> list[UsageOut]:
    return [
        UsageOut(use.kind, use.id, use.name, use.state, use.url, use.blocks_delete)
        for use in uses_of(audience)
    ]


@transaction.atomic
def delete(client: Client, external_id: str, check: Check) -> None:
    """Soft, and frees id and name at once. Deleting what was deleted before is fine; 404 where nothing ever was."""
    audience = find_for_change(client, external_id)
    if audience is None:
        if not rows(client).filter(external_id=external_id).exists():
            raise not_found()
        return
    check(audience.version)
    require_pushed(audience)
    refuse_in_use(audience)
    audience.deleted_at = timezone.now()
    audience.version += 1
    audience.save(update_fields=["deleted_at", "version", "updated_at"])


def refuse_in_use(audience: Audience) -> None:
    usages = usages_of(audience)
    blocking = sum(usage.blocks_delete for usage in usages)
    if blocking:
        words = "1 object uses" if blocking == 1 else f"{blocking} objects use"
        raise Problem("audience_in_use", f"{words} this audience.", usages=usages)

"""What the API does with audiences: find, put, create, patch. Raises `Problem`, knows nothing of HTTP's form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from msgspec import UNSET

from audiences import happenings
from audiences.api.wire import AudienceIn, AudienceNew, AudiencePatch, SourceIn
from audiences.deleting import follow_expiry
from audiences.models import Audience
from audiences.models.audience import to_name_key
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
    "state": "active",
    "expires_at": None,
}

# Written out, because every call about members begins with it: making it of parts takes longer than asking it.
FIND = "SELECT * FROM audiences_audience WHERE account_id = %s AND external_id = %s AND deleted_at IS NULL"

Check = Callable[[int | None], None]
Wanted = AudienceIn | AudienceNew | AudiencePatch


def find(client: Client, external_id: str) -> Audience:
    audience: Audience | None = next(iter(Audience.objects.raw(FIND, [client.account_id, external_id])), None)
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
        return make(client, external_id, wanted), True
    require_pushed(audience)
    return change(client, audience, to_fields(wanted)), False


@transaction.atomic
def create(client: Client, wanted: AudienceNew) -> Audience:
    """Only where the id is free, else 409 `external_id_taken`."""
    lock_account(client)
    if find_for_change(client, wanted.external_id) is not None:
        raise id_taken(wanted.external_id)
    return make(client, wanted.external_id, wanted)


@transaction.atomic
def patch(client: Client, external_id: str, wanted: AudiencePatch, check: Check) -> Audience:
    audience = find_for_change(client, external_id)
    if audience is None:
        raise not_found()
    check(audience.version)
    require_pushed(audience)
    return change(client, audience, to_fields(wanted))


def lock_account(client: Client) -> None:
    Account.objects.select_for_update(no_key=True).only("pk").get(pk=client.account_id)


def to_fields(wanted: Wanted) -> dict[str, Any]:
    """Columns by name (and `state`), of what the caller gave; null becomes the default."""
    source = wanted.source
    given: dict[str, Any] = {
        "name": wanted.name,
        "description": wanted.description,
        "identifier": wanted.identifier,
        "unknown_contacts": wanted.unknown_contacts,
        "labels": wanted.tags,
        "source_system": source.system if isinstance(source, SourceIn) else source,
        "state": wanted.state,
        "expires_at": wanted.expires_at.astimezone(UTC)
        if isinstance(wanted.expires_at, datetime)
        else wanted.expires_at,
    }
    return {
        name: DEFAULTS[name] if value is None else value
        for name, value in given.items()
        if value is not UNSET
    }


def to_columns(audience: Audience, fields: dict[str, Any]) -> dict[str, Any]:
    """An archived audience keeps the time of its archiving."""
    columns = dict(fields)
    state = columns.pop("state", UNSET)
    if state is not UNSET:
        columns["archived_at"] = None if state == "active" else audience.archived_at or timezone.now()
    return columns


def make(client: Client, external_id: str, wanted: AudienceIn | AudienceNew) -> Audience:
    require_room(client)
    audience = Audience(
        account_id=client.account_id,
        external_id=external_id,
        version=next_version(client, external_id),
        source_client=client.prefix,
    )
    for name, value in to_columns(audience, to_fields(wanted)).items():
        setattr(audience, name, value)
    save(client, audience)
    happenings.audience_created(audience)
    return audience


def require_room(client: Client) -> None:
    if rows(client).filter(deleted_at=None).count() >= limits.AUDIENCES_PER_ACCOUNT:
        words = f"An account may have {limits.AUDIENCES_PER_ACCOUNT} audiences."
        raise Problem("audience_limit_reached", words, limit=limits.AUDIENCES_PER_ACCOUNT)


def next_version(client: Client, external_id: str) -> int:
    """Beyond every deleted audience of this id, so that an old ETag never fits the new one."""
    latest: int | None = (
        rows(client).filter(external_id=external_id).aggregate(latest=Max("version"))["latest"]
    )
    return (latest or 0) + 1


def change(client: Client, audience: Audience, fields: dict[str, Any]) -> Audience:
    columns = to_columns(audience, fields)
    changed = {name: value for name, value in columns.items() if getattr(audience, name) != value}
    if not changed:
        return audience
    for name, value in changed.items():
        setattr(audience, name, value)
    audience.version += 1
    save(client, audience, update_fields=[*changed, "name_key", "version", "updated_at"])
    if "expires_at" in changed:
        follow_expiry(audience)
    happenings.audience_updated(audience)
    return audience


def save(client: Client, audience: Audience, update_fields: list[str] | None = None) -> None:
    """The unique constraints decide; who comes second is told whose the name is."""
    if len(to_name_key(audience.name)) == 0:
        raise invalid("/name", "A name needs at least one visible character.")
    with refusing_twins(client, audience), transaction.atomic():
        audience.save(update_fields=update_fields)


@contextmanager
def refusing_twins(client: Client, audience: Audience) -> Iterator[None]:
    """409 where another living audience has the id or the name."""
    try:
        yield
    except IntegrityError as error:
        raise conflict(client, audience, error) from error


def conflict(client: Client, audience: Audience, error: IntegrityError) -> Problem:
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
    if constraint == "audience_external_id_per_account":
        return id_taken(audience.external_id)
    if constraint != "audience_name_per_account":
        raise error
    holder = rows(client).filter(name_key=to_name_key(audience.name), deleted_at=None).exclude(pk=audience.pk)
    external_id = holder.values_list("external_id", flat=True).first()
    words = "Another audience has this name, regardless of case."
    return Problem("name_taken", words, conflict={"external_id": external_id})


def id_taken(external_id: str) -> Problem:
    words = "There is an audience with this external id."
    return Problem("external_id_taken", words, conflict={"external_id": external_id})


def require_pushed(audience: Audience) -> None:
    if audience.kind != Audience.Kind.PUSHED:
        words = "This audience is made by rules; it is changed by its owners, not here."
        raise Problem("audience_not_pushed", words)

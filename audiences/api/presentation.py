"""Audiences and members as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from audiences.api.wire import AudienceOut, LastSync, SourceOut
from audiences.models import Audience
from audiences.reach import Reach, reach_of, reaches_of


def to_audience(audience: Audience) -> AudienceOut:
    return show(audience, reach_of(audience))


def to_audiences(audiences: Sequence[Audience]) -> list[AudienceOut]:
    """For lists: figures of all of them in one query, or none where that would take too long."""
    reaches = reaches_of(audiences)
    return [show(audience, reaches[audience.pk]) for audience in audiences]


def show(audience: Audience, reach: Reach | None) -> AudienceOut:
    return AudienceOut(
        external_id=audience.external_id,
        id=f"aud_{audience.pk}",
        name=audience.name,
        description=audience.description,
        kind=audience.kind,  # type: ignore[arg-type]  # choices of the model
        identifier=audience.identifier,  # type: ignore[arg-type]
        unknown_contacts=audience.unknown_contacts,  # type: ignore[arg-type]
        tags=list(audience.labels),
        source=SourceOut(client_id=audience.source_client or None, system=audience.source_system),
        state=state_of(audience),
        member_count=audience.member_count,
        held_count=audience.held_count,
        reachable_count=None if reach is None else reach.counts,
        reachable_counted_at=None if reach is None else reach.at,
        version=audience.version,
        last_sync=None if audience.last_sync is None else msgspec.convert(audience.last_sync, LastSync),
        last_member_added_at=audience.last_member_added_at,
        last_member_removed_at=audience.last_member_removed_at,
        created_at=audience.created_at,
        updated_at=audience.updated_at,
        deleted_at=audience.deleted_at,
        expires_at=audience.expires_at,
    )


def state_of(audience: Audience) -> Literal["active", "archived", "deleted"]:
    if audience.deleted_at is not None:
        return "deleted"
    return "active" if audience.archived_at is None else "archived"

"""Scenes in the order in which their calls are shown; one module per resource."""

from __future__ import annotations

from tests.api.examples.recording import Scene
from tests.api.examples.scenes import (
    audiences,
    consents,
    contacts,
    general,
    jobs,
    members,
    syncs,
    webhooks,
)

SCENES: tuple[Scene, ...] = (
    audiences.record,
    members.record,
    syncs.record,
    jobs.record,
    contacts.record,
    consents.record,
    webhooks.record,
    general.record,
)

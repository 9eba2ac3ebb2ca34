"""What goes over the wire, as types."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Name = Annotated[str, Meta(min_length=1, max_length=100, examples=["Web shop"])]
Url = Annotated[
    str, Meta(min_length=1, max_length=500, description="Begins with https:// and is in the public internet.")
]
Events = Annotated[
    list[Annotated[str, Meta(max_length=40)]], Meta(max_length=50, examples=[["audience.deleted"]])
]


class WebhookIn(Struct, forbid_unknown_fields=True):
    """`alerts`: also told when something needs a person (`alert.raised`, `alert.resolved`)."""

    url: Url
    name: Annotated[Name, Meta(description="Unique; without it the host's name is taken.")] | UnsetType = (
        UNSET
    )
    events: Events = []
    alerts: bool = False
    enabled: bool = True


class WebhookPatch(Struct, forbid_unknown_fields=True):
    """What is to change (RFC 7396); an absent field keeps its value."""

    url: Url | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    alerts: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class WebhookOut(Struct):
    """`secret` is shown once: when it was made. `previous_secret_until`: until then messages have two signatures."""

    id: str
    name: str
    url: str
    events: list[str]
    alerts: bool
    enabled: bool
    disabled_reason: str
    last_success_at: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime
    secret: Annotated[str, Meta(pattern="^whsec_")] | UnsetType = UNSET


class WebhooksOut(Struct):
    items: list[WebhookOut]
    next_cursor: str | None


class DeliveryOut(Struct):
    """One message. `message_id` is its `webhook-id`; `last_status` and `last_error` are of the latest attempt."""

    id: str
    message_id: str
    type: str
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str
    created_at: datetime
    delivered_at: datetime | None
    body: Annotated[str, Meta(description="As it is sent, to the byte.")] | UnsetType = UNSET


class DeliveriesOut(Struct):
    items: list[DeliveryOut]
    next_cursor: str | None

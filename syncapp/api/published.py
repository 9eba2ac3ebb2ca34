"""`GET /api/v1/limits`: what is enforced, as data."""

from __future__ import annotations

from django.http import HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from syncapp.api import limits
from syncapp.api.schema import answer, operation
from syncapp.api.views import ApiView, json


class BodyLimits(Struct):
    compressed_bytes: int
    decompressed_bytes: int


class TextLimits(Struct):
    external_id: int
    name: int
    description: int
    idempotency_key: int


class PageLimits(Struct):
    least: int
    most: int
    default: int


class RateLimit(Struct):
    quota: int
    window_s: int


class Rates(Struct):
    """Fixed windows that begin with a key's first call; all of a quota may be used at once."""

    requests: RateLimit
    member_operations: RateLimit


class Limits(Struct):
    operations_per_request: int
    audiences_per_request: int
    errors_inline: int
    contacts_per_request: int
    contacts_per_import_inline: int
    import_bytes: int
    items_per_chunk: int
    items_per_session: int
    audiences_per_account: int
    webhooks_per_account: int
    body: BodyLimits
    characters: TextLimits
    page: PageLimits
    rates: Rates
    idempotency_s: int
    held_contacts_days: int
    job_result_days: int
    restore_default_days: int
    restore_most_days: int
    clock_skew_s: int


class LimitsView(ApiView):
    """Any valid key may read the limits, also where the account has switched the API off."""

    gated = False

    @operation(
        "limits_get",
        tag="Limits",
        summary="Read the limits",
        description="The limits and rates that are enforced for this key.",
        answers={200: answer(Limits, "All limits.")},
    )
    def get(self, request: Request) -> HttpResponse:
        return json(current())


def current() -> Limits:
    return Limits(
        operations_per_request=limits.OPERATIONS_PER_REQUEST,
        audiences_per_request=limits.AUDIENCES_PER_REQUEST,
        errors_inline=limits.INLINE_ERRORS,
        contacts_per_request=limits.CONTACTS_PER_REQUEST,
        contacts_per_import_inline=limits.CONTACTS_PER_IMPORT_INLINE,
        import_bytes=limits.IMPORT_BYTES,
        items_per_chunk=limits.CHUNK_ITEMS,
        items_per_session=limits.SESSION_ITEMS,
        audiences_per_account=limits.AUDIENCES_PER_ACCOUNT,
        webhooks_per_account=limits.WEBHOOKS_PER_ACCOUNT,
        body=BodyLimits(limits.BODY_BYTES, limits.DECOMPRESSED_BYTES),
        characters=TextLimits(
            external_id=limits.EXTERNAL_ID_CHARS,
            name=limits.NAME_CHARS,
            description=limits.DESCRIPTION_CHARS,
            idempotency_key=limits.IDEMPOTENCY_KEY_CHARS,
        ),
        page=PageLimits(1, limits.PAGE_ITEMS, limits.PAGE_ITEMS_DEFAULT),
        rates=Rates(
            requests=RateLimit(limits.requests_per_window(), limits.RATE_WINDOW_S),
            member_operations=RateLimit(limits.member_operations_per_window(), limits.RATE_WINDOW_S),
        ),
        idempotency_s=limits.IDEMPOTENCY_S,
        held_contacts_days=limits.HELD_DAYS,
        job_result_days=limits.JOB_RESULT_DAYS,
        restore_default_days=limits.RESTORE_DEFAULT_DAYS,
        restore_most_days=limits.RESTORE_MOST_DAYS,
        clock_skew_s=limits.FUTURE_S,
    )

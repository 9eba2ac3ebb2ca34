"""The limits that are enforced. `GET /api/v1/limits` publishes exactly these."""

from __future__ import annotations

from django.conf import settings

MIB = 1024 * 1024

BODY_BYTES = 10 * MIB  # as sent
DECOMPRESSED_BYTES = 50 * MIB
OPERATIONS_PER_REQUEST = 10_000
AUDIENCES_PER_REQUEST = 100
CONTACTS_PER_REQUEST = 1_000
CONTACTS_PER_IMPORT_INLINE = 30_000
IMPORT_BYTES = 5 * 1024 * MIB  # of a file, as sent and decompressed
CHUNK_ITEMS = 50_000  # of a sync session
SESSION_ITEMS = 10_000_000
AUDIENCES_PER_ACCOUNT = 5_000
WEBHOOKS_PER_ACCOUNT = 50
EXTERNAL_ID_CHARS = 255
NAME_CHARS = 255
DESCRIPTION_CHARS = 2_000
PAGE_ITEMS = 1_000
PAGE_ITEMS_DEFAULT = 100
INLINE_ERRORS = 1_000
FUTURE_S = 300
IDEMPOTENCY_S = 24 * 3600
IDEMPOTENCY_KEY_CHARS = 255
HELD_DAYS = 30
JOB_RESULT_DAYS = 7
RESTORE_DEFAULT_DAYS = 30  # of a deleted audience; an account may choose, up to
RESTORE_MOST_DAYS = 90
RATE_WINDOW_S = 60
LOGGED_BYTES = 256 * 1024  # larger bodies are not kept in the log of calls


def requests_per_window() -> int:
    return int(settings.API_REQUESTS_PER_MINUTE)


def member_operations_per_window() -> int:
    return int(settings.API_MEMBER_OPERATIONS_PER_MINUTE)

"""What several resources' operations share."""

from __future__ import annotations

from syncapp.api.schema import header, query_parameter

IF_MATCH = header("If-Match", "Do it only if the version is this one.", '"42"')
IF_NONE_MATCH = header("If-None-Match", "`*`: create only. A version: not if it is this one.", "*")
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "Any text you choose. The same call with the same key within 24 hours gets the first answer again, with "
    "`Idempotency-Replayed: true`, and has no second effect.",
    "3f9a5b1c-7d2e",
)
EXTERNAL_ID = query_parameter("external_id", {"type": "string"}, "The id, where the path says `-`.")

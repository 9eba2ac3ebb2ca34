"""Every error the API can answer, as data: what callers branch on, and what the documentation shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`code` never changes. `docs` says what it means, `remedy` what the caller can do where that is not said."""

    code: str
    status: int
    title: str
    docs: str
    retryable: bool = False
    type_uri: str = ""
    remedy: str = ""

    @property
    def type(self) -> str:
        """A reference that resolves to our list of errors, or the registered type where there is one."""
        return self.type_uri or f"/api/docs/errors#{self.code}"


@dataclass(frozen=True, slots=True)
class ItemCode:
    """What can be wrong with one item of a batch, or one row of a job."""

    code: str
    docs: str
    retryable: bool = False


_item_codes: dict[str, ItemCode] = {}


def register_items(*codes: ItemCode) -> None:
    """Whoever answers item by item names its codes here, for the documentation."""
    _item_codes.update({item.code: item for item in codes})


def item_codes() -> list[ItemCode]:
    return sorted(_item_codes.values(), key=lambda item: item.code)


QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


KINDS = (
    Kind(
        "malformed_json",
        400,
        "Body is not valid JSON",
        "Broken JSON or gzip, a key twice in one object, too deep.",
    ),
    Kind("malformed_request", 400, "Request is not valid HTTP for us", "An unreadable header, path or host."),
    Kind(
        "invalid_header", 400, "Header is not valid", "The detail names the header and the form it must have."
    ),
    Kind(
        "invalid_credentials",
        401,
        "No valid API key",
        "Missing, wrong, expired or revoked: we do not tell which.",
    ),
    Kind(
        "token_expired",
        401,
        "Access token has expired",
        "Get another from /api/oauth/token, and repeat the call.",
    ),
    Kind(
        "insufficient_scope", 403, "Key lacks a scope", "`scope` names what the key needs; issue another key."
    ),
    Kind(
        "feature_not_enabled",
        403,
        "Audience API is switched off",
        "The account switched it off; ask the people there. Only GET /limits works.",
    ),
    Kind(
        "ip_not_allowed",
        403,
        "Address not allowed",
        "The key works from the networks named in its settings only.",
    ),
    Kind("forbidden", 403, "Not allowed", "This credential may not do this."),
    Kind("not_found", 404, "No such address", "The path is not part of this API."),
    Kind("audience_not_found", 404, "Audience not found", "Unknown, deleted, or not of this key's account."),
    Kind(
        "member_not_found", 404, "Not a member", "Unknown, held, removed, or never a member of this audience."
    ),
    Kind(
        "contact_not_found",
        404,
        "Contact not found",
        "Unknown, deleted, erased, or not of this key's account.",
    ),
    Kind(
        "objective_not_found",
        404,
        "No such purpose",
        "The account asks no consent by this key; `known` lists the keys it has.",
    ),
    Kind("job_not_found", 404, "Job not found", "Unknown, or not of this key's account."),
    Kind("sync_not_found", 404, "Sync session not found", "Unknown, or not of this key's account."),
    Kind("webhook_not_found", 404, "Webhook not found", "Unknown, deleted, or not of this key's account."),
    Kind(
        "delivery_not_found",
        404,
        "Message not found",
        "Unknown, forgotten after 60 days, or of another webhook.",
    ),
    Kind("method_not_allowed", 405, "Method not allowed", "`Allow` lists the methods of this address."),
    Kind(
        "not_acceptable", 406, "Only JSON is offered", "Send `Accept: application/json`, or no such header."
    ),
    Kind("request_timeout", 408, "Request came too slowly", "Send it again.", retryable=True),
    Kind(
        "name_taken",
        409,
        "Name is taken",
        "Another audience (webhook) has this name; `conflict.external_id` is that audience's id.",
    ),
    Kind(
        "external_id_taken",
        409,
        "External id is taken",
        "An audience with this id lives; `conflict.external_id` repeats it.",
    ),
    Kind("audience_in_use", 409, "Audience is in use", "`usages` lists what has to let go of it first."),
    Kind("audience_not_pushed", 409, "Audience is made by rules", "Its members follow from its rules."),
    Kind(
        "email_taken",
        409,
        "E-mail address is taken",
        "Another person has it; `conflict.external_id` is theirs, or null where they have none.",
    ),
    Kind(
        "identifier_taken",
        409,
        "Value is taken",
        "It names another person; `conflict.external_id` is theirs, `pointer` the property.",
    ),
    Kind("erased", 409, "Person was erased", "They never come back; do not send them again."),
    Kind(
        "count_mismatch",
        409,
        "Count differs",
        "`actual_member_count` is what the audience has; look before emptying it.",
    ),
    Kind(
        "webhook_limit_reached", 409, "Too many webhooks", "Delete one first; GET /limits tells how many fit."
    ),
    Kind("webhook_disabled", 409, "Webhook is off", "Switch it on first: nothing is sent while it is off."),
    Kind(
        "audience_limit_reached",
        409,
        "Too many audiences",
        "Delete one first; GET /limits tells how many fit.",
    ),
    Kind(
        "sync_in_progress",
        409,
        "Another replace is open",
        "`sync` is its id: go on with it, or cancel it. One replace per audience at a time.",
    ),
    Kind(
        "session_closed",
        409,
        "Session is closed",
        "`state` says how it stands; it takes no chunks and no commit any more. Open another.",
    ),
    Kind(
        "chunk_conflict",
        409,
        "Chunk has other content",
        "This number came before with other content; give the new content a new number.",
    ),
    Kind(
        "missing_chunks", 409, "Chunks are missing", "`missing` lists their numbers; send them, then commit."
    ),
    Kind(
        "guard_tripped",
        409,
        "A guard stopped the session",
        "`guard` says which and how much. Commit with its confirm_token, or have a person approve it.",
    ),
    Kind("job_over", 409, "Job has ended", "`state` says how; there is nothing left to cancel."),
    Kind("idempotency_in_progress", 409, "Same call is running", "Repeat it after a moment.", retryable=True),
    Kind("session_expired", 410, "Session has expired", "It was not committed within a day. Open another."),
    Kind("result_expired", 410, "Results are gone", "Errors and results are kept for 7 days."),
    Kind(
        "restore_window_passed",
        410,
        "Too late to restore",
        "It was deleted longer ago than this account keeps deleted audiences.",
    ),
    Kind(
        "precondition_failed",
        412,
        "Precondition failed",
        "The audience is not as If-Match or If-None-Match says.",
    ),
    Kind("body_too_large", 413, "Body is too large", "`limit` is in bytes; nothing was read beyond it."),
    Kind(
        "too_many_items",
        413,
        "Too many items",
        "`limit` and `received`; nothing was applied. Split the call.",
    ),
    Kind("uri_too_long", 414, "Address is too long", "Shorten the path or the query."),
    Kind(
        "unsupported_media_type",
        415,
        "Media type is not supported",
        "Send application/json in UTF-8, gzip allowed.",
    ),
    Kind(
        "validation_failed", 422, "Request is not valid", "`errors` points to each part; nothing was applied."
    ),
    Kind(
        "invalid_external_id",
        422,
        "External id is not valid",
        "1 to 255 characters, not `.` or `..`, no NUL.",
    ),
    Kind("external_id_mismatch", 422, "External ids differ", "The body's external_id must equal the path's."),
    Kind(
        "digest_mismatch",
        422,
        "Digest does not fit",
        "The body is not what its Content-Digest says; send it again.",
    ),
    Kind(
        "total_mismatch",
        422,
        "Totals differ",
        "`expected` and `staged`: how many items you counted and how many came.",
    ),
    Kind("empty_request", 422, "Nothing to do", "No operations: nothing never means everything."),
    Kind("timestamp_in_future", 422, "Time lies in the future", "More than 5 minutes ahead of our clock."),
    Kind("idempotency_key_reused", 422, "Idempotency-Key was used", "For another call in the last 24 hours."),
    Kind(
        "precondition_required",
        428,
        "Say what you expect",
        "Send expected_member_count, or the version as If-Match.",
    ),
    Kind("rate_limited", 429, "Too many requests", "Wait `Retry-After` seconds.", True, QUOTA_EXCEEDED),
    Kind("headers_too_large", 431, "Headers are too large", "Send fewer or shorter headers."),
    Kind(
        "internal_error",
        500,
        "Error on our side",
        "Nothing was applied; repeat, or report it.",
        retryable=True,
    ),
    Kind("temporarily_unavailable", 503, "Not available now", "Repeat after a while.", retryable=True),
)

BY_CODE = {kind.code: kind for kind in KINDS}

# What a bare status becomes where no code of ours was raised.
GENERAL = {
    400: "malformed_request",
    401: "invalid_credentials",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "rate_limited",
    431: "headers_too_large",
    503: "temporarily_unavailable",
}


def of_status(status: int) -> Kind:
    """The kind for a status nobody gave a code."""
    return BY_CODE[GENERAL.get(status, "internal_error" if status >= 500 else "malformed_request")]

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
        remedy="Make the body with a JSON library, in UTF-8. The same bytes will always be refused.",
    ),
    Kind(
        "malformed_request",
        400,
        "Request is not valid HTTP for us",
        "An unreadable header, path or host.",
        remedy="Compare what your program sends with the examples; a proxy may have changed it.",
    ),
    Kind(
        "invalid_header",
        400,
        "Header is not valid",
        "The detail names the header and the form it must have.",
        remedy="Correct that header, or leave it out.",
    ),
    Kind(
        "invalid_credentials",
        401,
        "No valid API key",
        "Missing, wrong, expired or revoked: we do not tell which.",
        remedy="Send `Authorization: Bearer` with the whole key. If it is whole, ask for a new one.",
    ),
    Kind(
        "token_expired",
        401,
        "Access token has expired",
        "Get another from /api/oauth/token, and repeat the call.",
        remedy="Ask for tokens shortly before their hour is over.",
    ),
    Kind(
        "insufficient_scope",
        403,
        "Key lacks a scope",
        "`scope` names what the key needs; issue another key.",
        remedy="Scopes of a key are chosen when it is made, under Clients › API keys.",
    ),
    Kind(
        "feature_not_enabled",
        403,
        "Audience API is switched off",
        "The account switched it off; ask the people there. Only GET /limits works.",
        remedy="Stop sending until they have switched it on again; nothing is kept meanwhile.",
    ),
    Kind(
        "ip_not_allowed",
        403,
        "Address not allowed",
        "The key works from the networks named in its settings only.",
        remedy="Call from there, or have your network added to the key.",
    ),
    Kind(
        "forbidden",
        403,
        "Not allowed",
        "This credential may not do this.",
        remedy="Ask whoever gave you the key.",
    ),
    Kind(
        "not_found",
        404,
        "No such address",
        "The path is not part of this API.",
        remedy="Check the path for a slash at its end, a missing `/v1`, an id that was not percent-encoded.",
    ),
    Kind(
        "audience_not_found",
        404,
        "Audience not found",
        "Unknown, deleted, or not of this key's account.",
        remedy="Create it with `PUT /audiences/{external_id}`, or restore it.",
    ),
    Kind(
        "member_not_found",
        404,
        "Not a member",
        "Unknown, held, removed, or never a member of this audience.",
        remedy="Nothing to do if that is what you wanted to know.",
    ),
    Kind(
        "contact_not_found",
        404,
        "Contact not found",
        "Unknown, deleted, erased, or not of this key's account.",
        remedy="Send the person first, or let `unknown_contacts` be `create` or `hold`.",
    ),
    Kind(
        "objective_not_found",
        404,
        "No such purpose",
        "The account asks no consent by this key; `known` lists the keys it has.",
        remedy="Use a key from `known`, or have the purpose added in the admin.",
    ),
    Kind(
        "job_not_found",
        404,
        "Job not found",
        "Unknown, or not of this key's account.",
        remedy="Take the id from `Location` of the answer that made the job.",
    ),
    Kind(
        "sync_not_found",
        404,
        "Sync session not found",
        "Unknown, or not of this key's account.",
        remedy="Open another session.",
    ),
    Kind(
        "webhook_not_found",
        404,
        "Webhook not found",
        "Unknown, deleted, or not of this key's account.",
        remedy="`GET /webhooks` lists those there are.",
    ),
    Kind(
        "delivery_not_found",
        404,
        "Message not found",
        "Unknown, forgotten after 60 days, or of another webhook.",
        remedy="`GET /webhooks/{id}/deliveries` lists those there are.",
    ),
    Kind(
        "method_not_allowed",
        405,
        "Method not allowed",
        "`Allow` lists the methods of this address.",
        remedy="Use one of these.",
    ),
    Kind(
        "not_acceptable", 406, "Only JSON is offered", "Send `Accept: application/json`, or no such header."
    ),
    Kind("request_timeout", 408, "Request came too slowly", "Send it again.", retryable=True),
    Kind(
        "name_taken",
        409,
        "Name is taken",
        "Another audience (webhook) has this name; `conflict.external_id` is that audience's id.",
        remedy="Choose another name, or write to the audience that has it.",
    ),
    Kind(
        "external_id_taken",
        409,
        "External id is taken",
        "An audience with this id lives; `conflict.external_id` repeats it.",
        remedy="Use `PUT`, which creates or changes.",
    ),
    Kind(
        "audience_in_use",
        409,
        "Audience is in use",
        "`usages` lists what has to let go of it first.",
        remedy="Have its goals and connections changed in the admin; each use has a link to its page.",
    ),
    Kind(
        "audience_not_pushed",
        409,
        "Audience is made by rules",
        "Its members follow from its rules.",
        remedy="Change its rules in the admin, or push to an audience of your own.",
    ),
    Kind(
        "email_taken",
        409,
        "E-mail address is taken",
        "Another person has it; `conflict.external_id` is theirs, or null where they have none.",
        remedy='Write to that person, or send `"merge": "by_email"` where they have no external id.',
    ),
    Kind(
        "identifier_taken",
        409,
        "Value is taken",
        "It names another person; `conflict.external_id` is theirs, `pointer` the property.",
        remedy="Write to that person, or correct the value.",
    ),
    Kind(
        "erased",
        409,
        "Person was erased",
        "They never come back; do not send them again.",
        remedy="Take the person out of your own system, too, or out of what it sends here.",
    ),
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
        remedy="A session that completed is done: read its counters.",
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
        remedy="Check your feed: did it break off? If the numbers are right, confirm.",
    ),
    Kind(
        "job_over",
        409,
        "Job has ended",
        "`state` says how; there is nothing left to cancel.",
        remedy="Read the job for how it ended.",
    ),
    Kind("idempotency_in_progress", 409, "Same call is running", "Repeat it after a moment.", retryable=True),
    Kind("session_expired", 410, "Session has expired", "It was not committed within a day. Open another."),
    Kind(
        "result_expired",
        410,
        "Results are gone",
        "Errors and results are kept for 7 days.",
        remedy="Fetch results when the webhook `job.finished` comes.",
    ),
    Kind(
        "restore_window_passed",
        410,
        "Too late to restore",
        "It was deleted longer ago than this account keeps deleted audiences.",
        remedy="Create the audience anew, and send its members.",
    ),
    Kind(
        "precondition_failed",
        412,
        "Precondition failed",
        "The audience is not as If-Match or If-None-Match says.",
        remedy="Read it again, see what changed, and decide with the new `ETag`.",
    ),
    Kind(
        "body_too_large",
        413,
        "Body is too large",
        "`limit` is in bytes; nothing was read beyond it.",
        remedy="Send gzip, split the call, or use a sync session or an import.",
    ),
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
        "validation_failed",
        422,
        "Request is not valid",
        "`errors` points to each part; nothing was applied.",
        remedy="Correct each place that `errors` names.",
    ),
    Kind(
        "invalid_external_id",
        422,
        "External id is not valid",
        "1 to 255 characters, not `.` or `..`, no NUL.",
        remedy="Send ids as they are in your system, percent-encoded once.",
    ),
    Kind(
        "external_id_mismatch",
        422,
        "External ids differ",
        "The body's external_id must equal the path's.",
        remedy="Leave the id out of the body.",
    ),
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
        remedy="See which chunk has another number of items than you believe; open another session if one is wrong.",
    ),
    Kind(
        "empty_request",
        422,
        "Nothing to do",
        "No operations: nothing never means everything.",
        remedy="Do not call when there is nothing to send; to empty an audience there is a call of its own.",
    ),
    Kind(
        "timestamp_in_future",
        422,
        "Time lies in the future",
        "More than 5 minutes ahead of our clock.",
        remedy="Set your clock, and send times with their zone.",
    ),
    Kind(
        "idempotency_key_reused",
        422,
        "Idempotency-Key was used",
        "For another call in the last 24 hours.",
        remedy="Make a new key for each new call; a UUID does.",
    ),
    Kind(
        "precondition_required",
        428,
        "Say what you expect",
        "Send expected_member_count, or the version as If-Match.",
    ),
    Kind(
        "rate_limited",
        429,
        "Too many requests",
        "Wait `Retry-After` seconds.",
        True,
        QUOTA_EXCEEDED,
        remedy="Slow down before it happens: `RateLimit` says what remains. `violated-policies` names the quota.",
    ),
    Kind("headers_too_large", 431, "Headers are too large", "Send fewer or shorter headers."),
    Kind(
        "internal_error",
        500,
        "Error on our side",
        "Nothing was applied; repeat, or report it.",
        retryable=True,
        remedy="We have been told. If it comes again for the same call, send us the `request_id`.",
    ),
    Kind(
        "temporarily_unavailable",
        503,
        "Not available now",
        "Repeat after a while.",
        retryable=True,
        remedy="After `Retry-After` if it is there, else after 1, 2, 4 … seconds.",
    ),
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

"""Operations on contacts."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from audiences.api.contact_wire import ContactBatchIn, ContactBatchOut, ContactOut, ContactPut, ContactsOut
from audiences.api.documentation.common import EXTERNAL_ID, IDEMPOTENCY_KEY
from audiences.api.documentation.jobs import JOB
from audiences.api.jobs_wire import JobOut
from syncapp.api import limits
from syncapp.api.schema import IDEMPOTENT, answer, operation, path_id, query_parameter

TAG = "Contacts"

CONTACT = {
    "external_id": "c-1",
    "id": "1201",
    "email": "jan@example.nl",
    "properties": {"first_name": "Jan", "city": "Gent"},
    "consents": {"newsletter": {"state": "granted", "at": "2026-06-01T09:00:00Z"}},
    "created_at": "2026-06-01T09:00:00Z",
    "updated_at": "2026-07-01T12:00:00Z",
}
CONTACT_EXAMPLE = OpenApiExample("Contact", CONTACT, response_only=True, status_codes=["200", "201"])
TAKEN = ("email_taken", "identifier_taken", "erased")

FIND_CONTACTS = operation(
    "contacts_find",
    tag=TAG,
    summary="Find a person by address",
    description=(
        "One person or none, in the form of a list. The address is trimmed and lower-cased as everywhere. People are "
        "not listed here: read the members of an audience for that."
    ),
    answers={200: answer(ContactsOut, "The person, if there is one.")},
    examples=[
        OpenApiExample(
            "Found", {"items": [CONTACT], "next_cursor": None}, response_only=True, status_codes=["200"]
        )
    ],
    parameters=[
        query_parameter("email", {"type": "string", "examples": ["jan@example.nl"]}, "Whose address.")
    ],
)

GET_CONTACT = operation(
    "contact_get",
    tag=TAG,
    summary="Read a person",
    description=(
        "Data, properties and, per purpose, how they stand. Audiences and ledger are resources of their own."
    ),
    answers={200: answer(ContactOut, "The person.")},
    errors=("contact_not_found", "invalid_external_id"),
    examples=[CONTACT_EXAMPLE],
    parameters=[path_id(), EXTERNAL_ID],
)

PUT_CONTACT = operation(
    "contact_put",
    tag=TAG,
    summary="Create or change a person",
    description=(
        "An absent field keeps what is stored, null clears it; `properties` are the account's, and `first_name`, "
        "`last_name`, `phone`, `language`, `city` and `country` are short for properties of these names. A property "
        "the account does not have is refused with `unknown_field`. 409 `email_taken` names the person who has the "
        "address; where they have no external id, `merge: by_email` gives them this one. Says nothing about consent."
    ),
    body=ContactPut,
    answers={200: answer(ContactOut, "Changed, or already so."), 201: answer(ContactOut, "Created.")},
    errors=(*IDEMPOTENT, *TAKEN, "invalid_external_id", "external_id_mismatch"),
    examples=[
        CONTACT_EXAMPLE,
        OpenApiExample(
            "Put", {"email": "jan@example.nl", "first_name": "Jan", "properties": {}}, request_only=True
        ),
    ],
    parameters=[path_id(), EXTERNAL_ID, IDEMPOTENCY_KEY],
)

PATCH_CONTACT = operation(
    "contact_patch",
    tag=TAG,
    summary="Change a person",
    description="As PUT, but somebody unknown is 404 instead of created. Takes merge-patch+json, too.",
    body=ContactPut,
    answers={200: answer(ContactOut, "Changed, or already so.")},
    errors=(
        *IDEMPOTENT,
        *TAKEN,
        "contact_not_found",
        "invalid_external_id",
        "external_id_mismatch",
    ),
    examples=[CONTACT_EXAMPLE, OpenApiExample("Patch", {"properties": {"city": None}}, request_only=True)],
    parameters=[path_id(), EXTERNAL_ID, IDEMPOTENCY_KEY],
)

DELETE_CONTACT = operation(
    "contact_delete",
    tag=TAG,
    summary="Delete a person",
    description=(
        "At once nobody sees them here any more: memberships, consents and properties are gone, and connections take "
        "them off the lists they were put on (as unsubscribed). They may come back as somebody new, without consents. "
        "For a request under the GDPR use erase. 202 with a job where the account wants a person's approval."
    ),
    answers={
        202: answer(JobOut, "It waits for a person's approval."),
        204: answer(None, "Deleted."),
    },
    errors=(*IDEMPOTENT, "contact_not_found", "invalid_external_id"),
    parameters=[path_id(), EXTERNAL_ID, IDEMPOTENCY_KEY],
)

ERASE_CONTACT = operation(
    "contact_erase",
    tag=TAG,
    summary="Erase a person for good (GDPR)",
    description=(
        "As delete, and they never come back: hashes of the external id and the address are kept, and whatever names "
        "them later, one by one, in bulk, held or in a session, fails with `erased`, not to be retried. The job ends "
        "when no list of a connection holds them any more; `result.waits_for` says where that is still to be done, and "
        "`result.left_at` where it was given up. Repeating the call gives the same job. Somebody of whom only held "
        "memberships are known can be erased, too. Calls logged for you to look at stay for some days, sealed."
    ),
    answers={202: answer(JobOut, "The job, or the one of the first call.")},
    errors=(*IDEMPOTENT, "contact_not_found", "invalid_external_id"),
    examples=[
        OpenApiExample(
            "Erasing",
            {**JOB, "kind": "contact_erase", "state": "running", "audience": None, "result": {}},
            response_only=True,
            status_codes=["202"],
        )
    ],
    parameters=[path_id(), EXTERNAL_ID, IDEMPOTENCY_KEY],
)

STORE_CONTACTS = operation(
    "contacts_batch",
    tag=TAG,
    summary="Create and change people",
    description=f"""Up to {limits.CONTACTS_PER_REQUEST} people in one call, each as in PUT, known by `external_id`, else
by `email`.

- `mode`: `upsert` creates and changes; with `create` who is known fails (`contact_exists`), with `update` who is not
  (`contact_not_found`).
- `merge: by_email` lets an external id go to the person who has the address and no external id; else `email_taken`.
- Of two items about one person the data of both are written, and the earlier one counts as `superseded`.
- `consents` of an item are dated answers, as in a members batch, and need the scope `consents:write`.
- 200: every item was applied. 207: some failed, the others were applied. With `atomic` the answer is then 422 and
  nothing was applied. `validate_only` changes nothing.
- The numbers of `summary` add up to `received`. Contacts count as member operations in the rate limit.
- Codes of items: `invalid_identifier`, `invalid_contact`, `invalid_consent`, `unknown_field`, `unknown_objective`,
  `conflicting_fields`, `contact_exists`, `contact_not_found`, `email_taken`, `identifier_taken` (`holder` is the
  external id of the person who has it), `ambiguous_identifier`, `erased`, `timestamp_in_future`.""",
    body=ContactBatchIn,
    answers={
        200: answer(ContactBatchOut, "Every contact was stored (or would be)."),
        207: answer(ContactBatchOut, "Some failed; the others were stored."),
    },
    errors=(*IDEMPOTENT, "too_many_items", "empty_request"),
    examples=[
        OpenApiExample(
            "Batch",
            {
                "contacts": [
                    {"external_id": "c-1", "email": "jan@example.nl", "first_name": "Jan"},
                    {"email": "eva@example.nl", "properties": {"city": "Gent"}},
                ],
                "mode": "upsert",
            },
            request_only=True,
        ),
        OpenApiExample(
            "Some failed",
            {
                "request_id": "req_3f9a5b1c7d2e4f60718293a4",
                "validate_only": False,
                "summary": {
                    "received": 2,
                    "created": 1,
                    "updated": 0,
                    "unchanged": 0,
                    "superseded": 0,
                    "failed": 1,
                    "not_applied": 0,
                },
                "errors": [
                    {
                        "index": 1,
                        "pointer": "/contacts/1/email",
                        "code": "erased",
                        "detail": "This person was erased and cannot come back.",
                        "retryable": False,
                    }
                ],
                "errors_truncated": False,
                "warnings": [],
                "warnings_truncated": False,
            },
            response_only=True,
            status_codes=["207"],
        ),
    ],
    parameters=[
        query_parameter(
            "verbose", {"type": "boolean", "default": False}, "Also list what became of every item."
        ),
        IDEMPOTENCY_KEY,
    ],
)

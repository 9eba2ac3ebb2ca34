"""The pages of the documentation that belong to no resource."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import msgspec

from syncapp.accounts.models import ApiKey
from syncapp.api import catalogue, changelog, examples, guide, pages, published
from syncapp.api.prose import to_inline
from syncapp.api.reading import Operation
from syncapp.api.schema import EVERYWHERE, to_example

MIB = 1024 * 1024
INSPECTOR_URL = "/inspect/"

LIMIT_WORDS = {
    "operations_per_request": "Member operations in one batch",
    "audiences_per_request": "Audiences in one call of `/membership-changes`",
    "contacts_per_request": "Contacts in one batch",
    "contacts_per_import_inline": "Contacts in an import's body",
    "import_bytes": "A file that is imported, unpacked",
    "items_per_chunk": "Items in one chunk of a sync session",
    "items_per_session": "Items of a sync session",
    "webhooks_per_account": "Webhooks of an account",
    "errors_inline": "Errors in an answer; what is beyond them is at `errors_url`",
    "audiences_per_account": "Audiences of an account",
    "body.compressed_bytes": "A body as it is sent",
    "body.decompressed_bytes": "A body unpacked",
    "characters.external_id": "Characters of an external id",
    "characters.name": "Characters of a name",
    "characters.description": "Characters of a description",
    "characters.idempotency_key": "Characters of an `Idempotency-Key`",
    "page.least": "Items of a page, at least",
    "page.most": "Items of a page, at most",
    "page.default": "Items of a page where `limit` is not given",
    "rates.requests.quota": "Calls per key and window",
    "rates.requests.window_s": "The window for calls",
    "rates.member_operations.quota": "Member operations per key and window",
    "rates.member_operations.window_s": "The window for member operations",
    "idempotency_s": "How long an `Idempotency-Key` is remembered",
    "held_contacts_days": "How long the membership of somebody unknown is held",
    "job_result_days": "How long the errors and results of a job are kept",
    "restore_default_days": "How long a deleted audience can be restored, unless the account chose otherwise",
    "restore_most_days": "How long an account may choose that to be, at most",
    "clock_skew_s": "How far ahead of our clock a time may lie",
}


def register() -> None:
    guide.register(
        guide.Page(
            "authentication",
            "Keys and scopes",
            "Start",
            "api/authentication.html",
            tag="Authentication",
            summary="Who calls, and what they may do.",
            place=30,
            context=lambda: {"scopes": ApiKey.Scope.choices, "inspector_url": INSPECTOR_URL},
        )
    )
    guide.register(
        guide.Page(
            "limits",
            "Limits",
            "Reference",
            "api/limits.html",
            tag="Limits",
            summary="How much, how large, how often: what is enforced, as data.",
            place=80,
            context=lambda: {"limits": limit_rows()},
        )
    )
    guide.register(
        guide.Page(
            "errors",
            "Errors",
            "Reference",
            "api/errors.html",
            summary="Every code there is: what it means, what to do, and whether to try again.",
            place=90,
            context=errors_context,
        )
    )
    guide.register(
        guide.Page(
            "changelog",
            "Changelog",
            "About",
            "api/changelog.html",
            summary="What is new, and what we promise about what is old.",
            context=lambda: {"entries": changelog.entries()},
        )
    )


def limit_rows() -> list[dict[str, Any]]:
    """Every number of `/limits`: {"path", "words", "shown"}."""
    return [
        {"path": path, "words": to_inline(LIMIT_WORDS.get(path, "")), "shown": to_shown(path, number)}
        for path, number in numbers_of(msgspec.to_builtins(published.current()))
    ]


def numbers_of(part: dict[str, Any], prefix: str = "") -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for name, value in part.items():
        found += (
            numbers_of(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
        )
    return found


def to_shown(path: str, number: int) -> str:
    """A number with the unit its name ends in."""
    if path.endswith("_bytes"):
        if number >= 1024 * MIB:
            return f"{number / (1024 * MIB):g} GiB"
        return f"{number // MIB:,} MiB"
    if path.endswith("_days"):
        return f"{number} days"
    if path.endswith("_s"):
        return f"{number // 3600} hours" if number >= 7200 else f"{number} s"
    return f"{number:,}"


def errors_context() -> dict[str, Any]:
    operations = pages.all_operations()
    recorded = examples.of_codes()
    shown = [(kind, words_of(kind, operations), example_of(kind, recorded)) for kind in catalogue.KINDS]
    by_status = [(status, list(kinds)) for status, kinds in groupby(shown, lambda one: one[0].status)]
    return {
        "by_status": by_status,
        "item_codes": [(item, to_inline(item.docs)) for item in catalogue.item_codes()],
    }


def words_of(kind: catalogue.Kind, operations: list[Operation]) -> dict[str, Any]:
    """`where`: the operations that can answer so, unless all of them can."""
    where = [] if kind.code in EVERYWHERE else [one for one in operations if kind in one.errors]
    return {
        "meaning": to_inline(kind.docs),
        "remedy": to_inline(kind.remedy),
        "where": [(one, address_of(one)) for one in where],
    }


def address_of(operation: Operation) -> str:
    page = next((one for one in guide.pages() if one.tag == operation.tag), None)
    return f"{page.url if page else guide.ROOT}#{operation.id}"


def example_of(kind: catalogue.Kind, recorded: dict[str, dict[str, Any]]) -> str:
    """As recorded in a test; what no test can provoke is as the code would answer it."""
    call = recorded.get(kind.code)
    body = call["response"]["body"] if call else to_example(kind).value
    return json.dumps(body, indent=2, ensure_ascii=False)

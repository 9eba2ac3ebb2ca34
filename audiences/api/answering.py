"""The answer to a batch: counters that add up to what came, and every failure by its place."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from audiences.api.decoding import Batch
from audiences.api.members_wire import ChangesOut
from audiences.api.wire import BatchIn, BatchOut, Item, ItemProblem, OperationIn, Summary
from audiences.ingest import ItemOutcome, Result
from audiences.models import Audience
from syncapp.api import limits

EFFECTS = ("added", "already_member", "removed", "not_member", "held", "superseded", "stale")
NAMES_THE_PERSON = ("invalid_identifier", "contact_not_found", "ambiguous_identifier", "erased")


Answer = TypeVar("Answer", BatchOut, ChangesOut)


def to_answer(batch: Batch[BatchIn], result: Result, audience: Audience, request_id: str) -> BatchOut:
    """`result` covers the items that could be read; those that could not are in `batch.failures`."""
    answer = BatchOut(
        request_id=request_id,
        audience=audience.external_id,
        validate_only=bool(batch.envelope.validate_only),
        summary=to_summary(result, len(batch.items), len(batch.failures), is_refused(batch, result)),
        version=result.version,
        member_count=result.member_count,
        held_count=result.held_count,
        errors=[],
        errors_truncated=False,
        warnings=[],
        warnings_truncated=False,
    )
    return with_items(answer, batch, result)


def with_items(answer: Answer, batch: Batch[Any], result: Result) -> Answer:
    """Lists what failed, what needs a word and, where that was asked, everything."""
    failed, warnings = failed_of(batch, result), result.warnings
    answer.errors = [to_problem(batch, outcome) for outcome in failed[: limits.INLINE_ERRORS]]
    answer.errors_truncated = len(failed) > limits.INLINE_ERRORS
    answer.warnings = [to_problem(batch, outcome) for outcome in warnings[: limits.INLINE_ERRORS]]
    answer.warnings_truncated = len(warnings) > limits.INLINE_ERRORS
    if batch.envelope.verbose:
        answer.items = to_items(batch, result)
    return answer


def failed_of(batch: Batch[Any], result: Result) -> list[ItemOutcome]:
    return sorted([*result.errors, *batch.failures.values()], key=lambda outcome: outcome.index)


def is_refused(batch: Batch[Any], result: Result) -> bool:
    """Atomic, and at least one item failed: nothing was applied."""
    return bool(batch.envelope.atomic) and (len(batch.failures) > 0 or len(result.errors) > 0)


def to_summary(result: Result, received: int, unreadable: int, refused: bool) -> Summary:
    """`result` is about the items that could be read; `refused`: none of them was applied."""
    names = {field.name for field in msgspec.structs.fields(Summary)}
    counts = {name: number for name, number in result.counts.items() if name in names}
    counts["received"] = received
    counts["failed"] = result.counts["failed"] + unreadable
    if refused:
        counts.update(dict.fromkeys((*EFFECTS, "created", "updated"), 0))
        counts["not_applied"] = counts["received"] - counts["failed"]
    return Summary(**counts)


def to_problem(batch: Batch[Any], outcome: ItemOutcome) -> ItemProblem:
    return ItemProblem(
        index=batch.position_of(outcome.index),
        op=batch.op_of(outcome.index),  # type: ignore[arg-type]
        pointer=batch.pointer_to(outcome.index) + to_wire_pointer(batch, outcome),
        code=outcome.code or outcome.outcome,
        detail=outcome.detail,
        retryable=outcome.retryable,
        holder=outcome.holder,
    )


def to_wire_pointer(batch: Batch[Any], outcome: ItemOutcome) -> str:
    """Within the item. The ingest does not know by which field the caller named the person, nor our word proof."""
    pointer, item = outcome.pointer, batch.items[outcome.index]
    if pointer == "" and outcome.code in NAMES_THE_PERSON and isinstance(item, OperationIn):
        if isinstance(item.id, str):
            return "/id"
        return f"/contact/{batch.named_by[outcome.index]}" if outcome.index in batch.named_by else ""
    return pointer.removesuffix("/evidence") + "/proof" if pointer.endswith("/evidence") else pointer


def to_items(batch: Batch[Any], result: Result) -> list[Item]:
    refused = is_refused(batch, result)
    outcomes = {outcome.index: outcome for outcome in result.items} | batch.failures
    items = []
    for index in range(len(batch.items)):
        outcome = outcomes[index]
        word = "not_applied" if refused and outcome.outcome != "failed" else outcome.outcome
        code = "" if word == "not_applied" else outcome.code
        items.append(Item(batch.position_of(index), batch.op_of(index), word, code))  # type: ignore[arg-type]
    return items


def to_members(answer: BatchOut | ChangesOut) -> dict[str, Any]:
    """The answer as members of a problem."""
    members: dict[str, Any] = msgspec.to_builtins(answer)
    members.pop("request_id")
    return members

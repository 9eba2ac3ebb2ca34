"""`POST /api/v1/membership-changes`: members of up to 100 audiences, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from audiences import ingest
from audiences.api import resource
from audiences.api.answering import is_refused, to_summary, with_items
from audiences.api.changing import ChangeView, finish, require_scopes_of
from audiences.api.decoding import Batch, decode
from audiences.api.documentation import members as docs
from audiences.api.members_wire import ChangedAudience, ChangesIn, ChangesOut
from audiences.api.operations import to_operation
from audiences.ingest import COUNTS, ItemOutcome, Operation, Part, Result
from audiences.models import Audience
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account
from syncapp.api import bodies, idempotency, limits
from syncapp.api.problems import Problem, request_id_of
from syncapp.api.views import flag


@dataclass(slots=True)
class Wanted:
    """What one call asks of one audience: how many items name it, how many of them cannot be read, the rest."""

    audience: Audience
    received: int = 0
    unreadable: int = 0
    operations: list[Operation] = field(default_factory=list)


class ChangesView(ChangeView):
    scopes = {"POST": "members:write"}
    query = {"POST": ("verbose",)}

    @docs.CHANGE_SEVERAL
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        body = bodies.read(http)
        prepare, perform = partial(self.prepare, http, body), partial(self.perform, http)
        return self.with_quota(idempotency.once(http, self.client, body, prepare, perform))

    def prepare(self, http: HttpRequest, body: bytes) -> Batch[ChangesIn]:
        batch = decode(body, ChangesIn)
        batch.envelope.verbose = batch.envelope.verbose or flag(http, "verbose")
        names = set(names_in(batch))
        refuse_too_many(names)
        policies = find_all(self.client, names).values()
        require_scopes_of(
            self.client,
            batch,
            *(batch.envelope.unknown_contacts or each.unknown_contacts for each in policies),
        )
        self.take_operations(len(batch.items))
        return batch

    def perform(self, http: HttpRequest, batch: Batch[ChangesIn]) -> HttpResponse:
        wanted = to_wanted(batch, find_all(self.client, set(names_in(batch))))
        results = apply(self.client, batch, wanted)
        whole = merge(results)
        answer = to_answer(batch, wanted, results, whole, request_id_of(http))
        return finish(http, self.client, batch, whole, answer, None)


def names_in(batch: Batch[ChangesIn]) -> Iterable[str]:
    """Audiences that items name, also items that cannot be read."""
    told = (batch.told(index, "audience") for index in range(len(batch.items)))
    return (name for name in told if isinstance(name, str))


def refuse_too_many(names: set[str]) -> None:
    if len(names) > limits.AUDIENCES_PER_REQUEST:
        raise Problem(
            "too_many_items",
            f"A call may name {limits.AUDIENCES_PER_REQUEST} audiences at most; it names {len(names)}.",
            limit=limits.AUDIENCES_PER_REQUEST,
            received=len(names),
        )


def find_all(client: Client, names: set[str]) -> dict[str, Audience]:
    found = resource.rows(client).filter(external_id__in=names, deleted_at=None)
    return {audience.external_id: audience for audience in found}


def to_wanted(batch: Batch[ChangesIn], audiences: Mapping[str, Audience]) -> list[Wanted]:
    """By audience, in the order in which items name them first. Items of no audience fail here."""
    found: dict[str, Wanted] = {}
    for index in range(len(batch.items)):
        name = batch.told(index, "audience")
        audience = audiences.get(name) if isinstance(name, str) else None
        if audience is None:
            fail(batch, index, "audience_not_found", "There is no audience with this external id.")
            continue
        wanted = found.setdefault(audience.external_id, Wanted(audience))
        wanted.received += 1
        if audience.kind != Audience.Kind.PUSHED:
            fail(batch, index, "audience_not_pushed", "This audience is made by rules.")
        kind = batch.envelope.identifier or audience.identifier
        operation = to_operation(batch, index, batch.items[index], kind)  # type: ignore[arg-type]
        if operation is None:
            wanted.unreadable += 1
        else:
            wanted.operations.append(operation)
    return list(found.values())


def fail(batch: Batch[ChangesIn], index: int, code: str, words: str) -> None:
    """An item that could not be read keeps the reason for that."""
    if index not in batch.failures:
        batch.fail(index, code, words, "/audience")


def apply(client: Client, batch: Batch[ChangesIn], wanted: Sequence[Wanted]) -> list[Result]:
    envelope = batch.envelope
    return ingest.apply_to_several(
        account=Account(pk=client.account_id),
        parts=[
            Part(
                each.audience,
                each.operations,
                envelope.unknown_contacts or each.audience.unknown_contacts,  # type: ignore[arg-type]
            )
            for each in wanted
        ],
        source=f"api:{client.label}",
        atomic=bool(envelope.atomic),
        validate_only=bool(envelope.validate_only) or (bool(envelope.atomic) and len(batch.failures) > 0),
        verbose=bool(envelope.verbose),
    )


def merge(results: Iterable[Result]) -> Result:
    """One answer of all parts, items in their order."""
    counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    errors: list[ItemOutcome] = []
    warnings: list[ItemOutcome] = []
    items: list[ItemOutcome] = []
    for result in results:
        counts.update(result.counts)
        errors.extend(result.errors)
        warnings.extend(result.warnings)
        items.extend(result.items)
    return Result(dict(counts), in_order(errors), in_order(warnings), in_order(items))


def in_order(items: Iterable[ItemOutcome]) -> tuple[ItemOutcome, ...]:
    return tuple(sorted(items, key=lambda item: item.index))


def to_answer(
    batch: Batch[ChangesIn],
    wanted: Sequence[Wanted],
    results: Sequence[Result],
    whole: Result,
    request_id: str,
) -> ChangesOut:
    refused = is_refused(batch, whole)
    answer = ChangesOut(
        request_id=request_id,
        validate_only=bool(batch.envelope.validate_only),
        summary=to_summary(whole, len(batch.items), len(batch.failures), refused),
        audiences=[
            ChangedAudience(
                audience=each.audience.external_id,
                summary=to_summary(result, each.received, each.unreadable, refused),
                version=result.version,
                member_count=result.member_count,
                held_count=result.held_count,
            )
            for each, result in zip(wanted, results, strict=True)
        ],
        errors=[],
        errors_truncated=False,
        warnings=[],
        warnings_truncated=False,
    )
    return with_items(answer, batch, whole)

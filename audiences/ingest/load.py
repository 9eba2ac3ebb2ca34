"""Any number of contacts, in chunks of one transaction each; memory stays flat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.utils import timezone

from audiences.ingest.call import Call, carry_out, make_sheet
from audiences.ingest.sheet import Sheet
from audiences.ingest.types import COUNTS, KEEP, Contact, ItemOutcome, Op, Operation, Unknown
from audiences.models import Audience
from syncapp.accounts.models import Account

CHUNK = 20_000
ERRORS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """`counts` as in Result, summed; `errors` the first 1,000, their index is the position in the stream."""

    counts: dict[str, int]
    errors: tuple[ItemOutcome, ...]
    chunks: int


def load(
    *,
    account: Account,
    audience: Audience | None,
    contacts: Iterable[Contact],
    source: str,
    origin: str = "",
    unknown: Unknown = "create",
    chunk: int = CHUNK,
    now: datetime | None = None,
) -> Loaded:
    """Store contacts and, with an audience, add them to it. Runs in the account's scope.

    A contact is known by its external id, else by its address. While the database works on one chunk a thread
    makes the lines of the next; the thread never touches the database, and `contacts` is read in the caller's.
    A failing chunk raises and leaves the chunks before it done; sending the same stream again is harmless.
    """
    call = Call(account, audience, unknown, source, origin, now or timezone.now())
    total: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    errors: list[ItemOutcome] = []
    chunks = 0
    for sheet in _sheets_ahead(call, contacts, chunk):
        result = carry_out(call, sheet)
        total.update(result.counts)
        errors.extend(result.errors[: ERRORS_KEPT - len(errors)])
        chunks += 1
    return Loaded(dict(total), tuple(errors), chunks)


def _sheets_ahead(call: Call, contacts: Iterable[Contact], chunk: int) -> Iterator[Sheet]:
    """One sheet ahead: the next is made while the caller is busy with the one it got."""
    op: Op = "upsert" if call.audience is None else "add"
    first = make_sheet(call).load_vocabulary()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingest-lines") as thread:
        coming = None
        for batch in _batches(contacts, chunk):
            following = thread.submit(_fill, first.empty(), batch, op)
            if coming is not None:
                yield coming.result()
            coming = following
        if coming is not None:
            yield coming.result()


def _batches(contacts: Iterable[Contact], chunk: int) -> Iterator[tuple[int, list[Contact]]]:
    source, start = iter(contacts), 0
    while batch := list(islice(source, chunk)):
        yield start, batch
        start += len(batch)


def _fill(sheet: Sheet, batch: tuple[int, list[Contact]], op: Op) -> Sheet:
    start, contacts = batch
    return sheet.add_all(
        to_operation(index, op, contact) for index, contact in enumerate(contacts, start)
    ).ready()


def to_operation(index: int, op: Op, contact: Contact) -> Operation:
    if contact.external_id is not KEEP:
        return Operation(index, op, "external_id", contact.external_id, contact)
    return Operation(index, op, "email", contact.email if isinstance(contact.email, str) else "", contact)

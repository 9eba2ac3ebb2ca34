"""Reading an ESP's list back, page by page. What a page said and where the next one begins are saved together.

Values are compared while a page is at hand and then forgotten: an entry keeps the names of the fields that
differ, and the fingerprint of the person they were compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.utils import timezone

from audiences.addresses import InvalidAddress, normalise
from connectors.esp.contract import Can, Connector, FieldType, Page, State, Subscriber
from connectors.models import Goal, Reconciliation
from connectors.sync.reconciling.likeness import differing
from connectors.sync.sources import Shape, contact_maker, fingerprint_sql, inputs_sql

# Those who are mailed first: whoever leaves them while we read is met again later, in the state they went to.
PARTS = (
    State.ACTIVE,
    State.UNCONFIRMED,
    State.UNSUBSCRIBED,
    State.BOUNCED,
    State.REMOVED,
    State.SUPPRESSED,
)
MAILED = (State.ACTIVE, State.UNCONFIRMED)
ADDRESS_CHARS = 320
LAST_OF_SECOND = timedelta(microseconds=999_999)

# People of a page whom the ESP accepted from us as they are now.
IN_STEP = """
SELECT p.email, p.fingerprint, p.inputs
FROM (
    SELECT p.id, p.email, {fingerprint} AS fingerprint, inputs
    FROM (
        SELECT p.id, p.email, {inputs} AS inputs FROM audiences_profile p
        WHERE p.account_id = %(account)s AND p.email = ANY(%(addresses)s) OFFSET 0
    ) p
) p
JOIN connectors_subscriber s ON s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.profile_id = p.id
    AND s.accepted_hash = p.fingerprint AND s.accepted_address = p.email
"""

KEEP = """
INSERT INTO connectors_listentry AS entry
    (account_id, reconciliation_id, address, state, suppressed, since, fingerprint, differing)
SELECT %(account)s, %(reconciliation)s, address, state, suppressed, since, fingerprint,
       string_to_array(differing, E'\\n')
FROM unnest(%(addresses)s::text[], %(states)s::text[], %(suppressed)s::bool[], %(since)s::timestamptz[],
            %(fingerprints)s::uuid[], %(differing)s::text[])
    AS page (address, state, suppressed, since, fingerprint, differing)
ORDER BY address
ON CONFLICT (account_id, reconciliation_id, address) DO UPDATE SET
    state = coalesce(nullif(excluded.state, ''), entry.state), suppressed = entry.suppressed OR excluded.suppressed,
    since = coalesce(excluded.since, entry.since), fingerprint = excluded.fingerprint,
    differing = excluded.differing
"""


class Overtaken(RuntimeError):
    """Another worker went on with this reading."""


class Entry(NamedTuple):
    """`state` is "" for who is suppressed, and perhaps not on the list."""

    address: str
    state: str
    suppressed: bool = False
    since: datetime | None = None
    fingerprint: str | None = None
    differing: tuple[str, ...] = ()


@dataclass
class Reader:
    """Reads one goal's list for one slice of time; what is the same for all pages is asked once."""

    goal: Goal
    connector: Connector
    shape: Shape
    _types: dict[str, FieldType] | None = None
    _remote: list[Any] = field(default_factory=list)

    def parts(self) -> list[State]:
        can = self.connector.spec.can
        wide = bool(Can.READ_SUPPRESSIONS & can) and self.goal.connection.client_id != ""
        return [part for part in PARTS if part is not State.SUPPRESSED or wide]

    def page(self, part: State, cursor: str | None) -> Page:
        if part is State.SUPPRESSED:
            return self.connector.suppressions(self.goal.connection.client_id, cursor=cursor)
        return self.connector.read_list(self.goal.list_id, part, cursor=cursor)

    def types(self) -> dict[str, FieldType]:
        if self._types is None:
            self._remote = list(self.connector.fields(self.goal.list_id)) if self.shape.values else []
            self._types = {remote.key.casefold(): remote.type for remote in self._remote}
        return self._types

    def compared_fields(self) -> list[str]:
        """The mapped fields that the list still has, and the name where it is mapped."""
        types = self.types()
        values = [one.target for one in self.shape.values if one.target.casefold() in types]
        return values + [one.target for one in self.shape.names[:1]]

    def entries(self, part: State, people: Sequence[Subscriber]) -> list[Entry]:
        """One per address; of two spellings of one, the last."""
        found = {key: person for person in people if (key := address_key(person.address))}
        if part is State.SUPPRESSED:
            return [
                Entry(address, "", suppressed=True, since=self.moment(person))
                for address, person in found.items()
            ]
        likeness = self.likeness(found) if part in MAILED else {}
        return [
            Entry(address, part.value, False, self.moment(person), *likeness.get(address, ()))
            for address, person in found.items()
        ]

    def likeness(self, found: dict[str, Subscriber]) -> dict[str, tuple[str, tuple[str, ...]]]:
        """{address: (fingerprint, differing fields)} of those who were accepted as they are now."""
        if not self.shape.fields:
            return {}
        rows = in_step(self.goal, self.shape, list(found))
        to_contact, types = contact_maker(self.shape), self.types()
        contacts = {email: to_contact(orjson.loads(inputs)) for email, _, inputs in rows}
        prints = {email: str(fingerprint) for email, fingerprint, _ in rows}
        size = self.connector.spec.limits.batch
        everyone = list(contacts.values())
        told: dict[str, tuple[str, tuple[str, ...]]] = {}
        for start in range(0, len(everyone), size):
            for sent in self.connector.as_held(everyone[start : start + size], self._remote):
                email = address_key(sent.address)
                told[email] = (prints[email], tuple(differing(sent, found[email], types)))
        return told

    def moment(self, person: Subscriber) -> datetime | None:
        """The ESP's moment has no offset: read as the clock of the account, which is the client's. At the end of
        its second: what a person said in the same one was not later.
        """
        since = person.state_since
        if since is None:
            return None
        aware = since if since.tzinfo is not None else since.replace(tzinfo=self.goal.account.zone)
        return min(aware + LAST_OF_SECOND, timezone.now())


def in_step(goal: Goal, shape: Shape, addresses: list[str]) -> list[tuple[str, Any, str]]:
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "goal": goal.pk,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
        "addresses": addresses,
    }
    statement = IN_STEP.format(inputs=inputs_sql(shape, parameters), fingerprint=fingerprint_sql("inputs"))
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()  # type: ignore[no-any-return]


def address_key(address: str) -> str:
    """As profiles hold it, else (an address we would refuse) tidied."""
    try:
        return normalise(address)
    except InvalidAddress:
        return address.strip().lower().replace("\x00", "")[:ADDRESS_CHARS]


def keep(reconciliation: Reconciliation, entries: Sequence[Entry]) -> None:
    """Inside the caller's transaction."""
    if not entries:
        return
    columns = list(zip(*entries, strict=True))
    addresses, states, suppressed, since, fingerprints, fields = columns
    with connection.cursor() as cursor:
        cursor.execute(
            KEEP,
            {
                "account": reconciliation.account_id,
                "reconciliation": reconciliation.pk,
                "addresses": list(addresses),
                "states": list(states),
                "suppressed": list(suppressed),
                "since": list(since),
                "fingerprints": list(fingerprints),
                "differing": ["\n".join(keys) if keys else None for keys in fields],
            },
        )


@transaction.atomic
def keep_page(reconciliation: Reconciliation, entries: Sequence[Entry], page: Page, part_after: str) -> None:
    """What the page said, and where to go on. Raises Overtaken when somebody else went on meanwhile."""
    reader_was = {"part": reconciliation.part, "cursor": reconciliation.cursor}
    first = reconciliation.cursor == ""
    reconciliation.cursor = page.next or ""
    reconciliation.part = reconciliation.part if page.next else part_after
    reconciliation.read += len(page.people)
    if first:
        reconciliation.expected += max(page.total or 0, len(page.people))
    reconciliation.expected = max(reconciliation.expected, reconciliation.read)
    changed = {
        name: getattr(reconciliation, name) for name in ("part", "cursor", "read", "expected", "attempts")
    }
    rows = Reconciliation.objects.filter(
        pk=reconciliation.pk, state=Reconciliation.State.READING, **reader_was
    )
    if not rows.update(**changed):
        raise Overtaken
    keep(reconciliation, entries)

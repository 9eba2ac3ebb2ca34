"""Contacts through `audiences.ingest.load`, beside COPY + INSERT … ON CONFLICT into twin tables.

Three cases, each a full pass over the same number of contacts with five properties, added to one audience: all
new, the same again, and again with 1 % of them changed.

The raw twin does the least that stores the same rows: one connection, chunks of the same size in one transaction
each, COPY into a temporary table from the same contacts, and one statement: INSERT … ON CONFLICT DO UPDATE into a
profile twin whose RETURNING feeds the same into a member twin, so that nothing is joined. The twins have the columns
and the unique and other indexes of the real tables. They are not partitioned, have no row-level security and no
references to check; the raw statements normalise nothing, check nothing, count nothing and note no changes. As plain
upserts do, they write every row again whether it differs or not.

The time it takes to make the contacts in Python is measured by itself and taken off both sides. The tables of both
sides are vacuumed between cases, as autovacuum would do in time.
"""

from __future__ import annotations

import random
import resource
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import orjson
import psycopg

from audiences.ingest import Contact, load
from audiences.models import Audience, Member, Profile, Property
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from tests.benchmarks.database import owner_connection
from tests.benchmarks.registry import Measured, benchmark

CHUNK = 20_000
CITIES = ("Ghent", "Utrecht", "Antwerp", "Leuven", "Amsterdam", "Brussels", "Rotterdam", "Groningen")
PROPERTIES = {"first_name": "text", "city": "text", "points": "number", "vip": "boolean", "born_on": "date"}

TWINS = """
CREATE TABLE profile_twin (LIKE audiences_profile INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED);
ALTER TABLE profile_twin ADD PRIMARY KEY (account_id, id),
    ADD UNIQUE (account_id, email), ADD UNIQUE (account_id, external_id);
CREATE INDEX ON profile_twin (account_id, email_sha256);
CREATE TABLE member_twin (LIKE audiences_member INCLUDING DEFAULTS);
ALTER TABLE member_twin ADD PRIMARY KEY (account_id, audience_id, profile_id);
CREATE INDEX ON member_twin (account_id, profile_id, audience_id);
CREATE INDEX ON member_twin (account_id, audience_id, added_at, profile_id) WHERE state = 'member';
CREATE TEMP TABLE staging (external_id text, email text, properties jsonb) ON COMMIT DELETE ROWS;
"""
UPSERT = """
WITH people AS (
    INSERT INTO profile_twin
        (account_id, email, external_id, properties, consents, source, created_at, updated_at)
    SELECT 1, email, external_id, properties, '{}', 'raw', now(), now() FROM staging
    ON CONFLICT (account_id, external_id) DO UPDATE
    SET email = excluded.email, properties = excluded.properties, updated_at = excluded.updated_at
    RETURNING id
)
INSERT INTO member_twin
    (account_id, audience_id, profile_id, state, changed_at, added_at, generation, source)
SELECT 1, 1, id, 'member', now(), now(), 0, 'raw' FROM people
ON CONFLICT (account_id, audience_id, profile_id) DO UPDATE SET changed_at = excluded.changed_at
"""


def make_contacts(total: int, changed_share: float = 0.0) -> Iterator[Contact]:
    """The same people at every call; of a share of them, spread evenly, the points differ."""
    generator = random.Random(7)
    every = round(1 / changed_share) if changed_share else 0
    for number in range(total):
        seed = generator.getrandbits(32)
        points = seed % 5000 + (10_000 if every and number % every == 0 else 0)
        yield Contact(
            email=f"person.{number}@example-{seed % 97}.com",
            external_id=f"customer-{number:08d}",
            properties={
                "first_name": f"Name{seed % 4000}",
                "city": CITIES[seed % len(CITIES)],
                "points": points,
                "vip": seed % 10 == 0,
                "born_on": f"{1940 + seed % 65}-{1 + seed % 12:02d}-{1 + seed % 28:02d}",
            },
        )


def load_raw(raw: psycopg.Connection, contacts: Iterable[Contact]) -> None:
    source = iter(contacts)
    while batch := list(islice(source, CHUNK)):
        with raw.transaction(), raw.cursor() as cursor:
            with cursor.copy("COPY staging FROM STDIN") as copy:
                for contact in batch:
                    properties = orjson.dumps(contact.properties).decode()
                    copy.write_row((contact.external_id, contact.email, properties))
            cursor.execute(UPSERT)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@benchmark(goal=0.6, scale=1_000_000)
def run(scale: int) -> Measured:
    """The ratio is the worst of the three cases."""
    account = Account.objects.create(name="Benchmark", slug="benchmark")
    with scope.account(account), owner_connection() as raw:
        audience = prepare(account, raw)
        cases = {"new": 0.0, "unchanged": 0.0, "1 % changed": 0.01}
        rows: list[list[object]] = [["case", "raw rows/s", "ingest rows/s", "ratio"]]
        ratios: dict[str, float] = {}
        memory_before = peak_memory_mb()
        making_s = seconds(lambda: deque(make_contacts(scale), maxlen=0))
        for name, share in cases.items():
            raw_s = seconds(lambda share=share: load_raw(raw, make_contacts(scale, share))) - making_s
            ours_s = (
                seconds(lambda share=share: load_ours(account, audience, make_contacts(scale, share)))
                - making_s
            )
            ratios[name] = raw_s / ours_s
            rows.append([name, f"{scale / raw_s:,.0f}", f"{scale / ours_s:,.0f}", ratios[name]])
            vacuum(raw)
        check(audience, scale, raw)
    figures = {
        "scale": scale,
        "rows_per_s": {str(row[0]): {"raw": row[1], "ingest": row[2]} for row in rows[1:]},
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "memory_growth_mb": round(peak_memory_mb() - memory_before),
    }
    return Measured(min(ratios.values()), rows, figures)


def prepare(account: Account, raw: psycopg.Connection) -> Audience:
    Property.objects.bulk_create(
        Property(account=account, key=key, label=key, type=kind) for key, kind in PROPERTIES.items()
    )
    raw.execute(TWINS)
    raw.commit()
    return Audience.objects.create(account=account, external_id="all", name="All")


def load_ours(account: Account, audience: Audience, contacts: Iterable[Contact]) -> None:
    loaded = load(account=account, audience=audience, contacts=contacts, source="benchmark", chunk=CHUNK)
    assert loaded.counts["failed"] == 0


def vacuum(raw: psycopg.Connection) -> None:
    raw.autocommit = True
    raw.execute("VACUUM ANALYZE profile_twin, member_twin, audiences_profile, audiences_member")
    raw.autocommit = False


def check(audience: Audience, scale: int, raw: psycopg.Connection) -> None:
    """Both sides hold everybody; otherwise the figures mean nothing."""
    audience.refresh_from_db()
    found = (audience.member_count, Profile.objects.count(), Member.objects.filter(state="member").count())
    twins = raw.execute(
        "SELECT (SELECT count(*) FROM profile_twin), (SELECT count(*) FROM member_twin)"
    ).fetchone()
    assert found == (scale, scale, scale), found
    assert twins == (scale, scale), twins


def peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""The budget of one set of credentials: one row, read and written by one statement at a time.

A permit is a moment from which one call may be made. They are `1 / per_s` apart, behind a small burst, and are given
out a few seconds ahead in the order in which processes ask: nobody has to ask again and again. With a limit of
L calls in W seconds, `per_s` and the burst stay 3 % under it, so that calls which take unequal time to arrive are
never more than L in any W seconds (`LIMIT`). Nothing known: no limit, until the ESP refuses a call.
"""

from __future__ import annotations

import base64
import hmac
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from connectors.esp.contract import Spec
from connectors.esp.pace import Rate
from connectors.pace.breaker import Standing, tell_after

KEPT_S = 86_400.0  # what was learned or told counts for a day
SETTING_S = 600.0  # the strictest setting used in this time counts, where authorizations share credentials
LEASE_S = 20.0  # of a process that has calls open; renewed with every permit
PATIENCE_S = 3.0  # how long a call waits for its permit before it is given up for now
HOLD_S = 0.25  # permits taken ahead are used within this time, or given back
STREAK_S = 60.0  # what a rate is measured over
LEAST_STREAK = 10  # calls; fewer are no rate, and the time to wait is all that is known
LEAST_MEASURED_PER_S = 1.0  # slower traffic than this was not refused for its rate
LEAST_PER_S = 0.2

# OFFSET 0 keeps each step a step: written into one another they take the planner 40 ms.
# LIMIT gives law: per_s, window_s, burst and spare_most; per_s is null where no limit is known.
# The factor and what is taken off for bursts are what keeps every window under the limit: at most
# burst + spare + per_s × (window + delay) calls arrive in one.
LIMIT = """
    CROSS JOIN LATERAL (
        SELECT CASE WHEN b.set_calls IS NOT NULL AND b.set_at > now - make_interval(secs => %(setting_s)s) THEN
                        least(b.set_calls, coalesce(%(set_calls)s::float8, b.set_calls))
                    ELSE %(set_calls)s::float8 END AS set_calls,
               b.told_at > now - make_interval(secs => %(kept_s)s) AS is_told,
               extract(epoch FROM now - b.learned_at) AS lesson_s OFFSET 0
    ) found
    CROSS JOIN LATERAL (
        SELECT CASE WHEN found.set_calls IS NOT NULL THEN found.set_calls
                    WHEN found.is_told THEN b.told_calls ELSE %(spec_calls)s::float8 END AS calls,
               CASE WHEN found.set_calls IS NOT NULL THEN 60.0
                    WHEN found.is_told THEN b.told_s ELSE %(spec_s)s::float8 END AS window_s OFFSET 0
    ) known
    CROSS JOIN LATERAL (
        SELECT CASE WHEN known.calls IS NOT NULL THEN greatest(1, 0.02 * known.calls) END AS burst OFFSET 0
    ) allowed
    CROSS JOIN LATERAL (
        SELECT greatest(0.97 * known.calls - 2 * allowed.burst + 1, 0.5 * known.calls)
                   / known.window_s AS known_per_s,
               CASE WHEN found.lesson_s < %(kept_s)s THEN
                   b.learned_per_s
                   + greatest(0, 0.9 * b.ceiling_per_s - b.learned_per_s) * least(found.lesson_s, 30) / 30
                   + greatest(0.02 * b.ceiling_per_s, 1 / 60.0, coalesce(0.1 * known.calls / known.window_s, 0))
                     * greatest(found.lesson_s - 30, 0) / 60
               END AS learned_per_s OFFSET 0
    ) rates
    CROSS JOIN LATERAL (
        SELECT least(rates.known_per_s, rates.learned_per_s) AS per_s, known.window_s,
               least(allowed.burst, greatest(1, 0.1 * rates.learned_per_s)) AS burst,
               coalesce(allowed.burst, 2) AS spare_most OFFSET 0
    ) law
"""

# One row is locked for the time of one statement, whose commit does not wait for the disk. Everything is worked out
# from the row itself, so that who waited for the lock works it out again from the row as it is then.
TAKE = f"""
UPDATE connectors_callbudget b SET (
    set_calls, set_at, tokens, spare, refilled_at, holders, minute, used_now, used_before, streak, streak_at,
    had, per_s, window_s, given, slots, wait_s
) = (
    SELECT
        found.set_calls,
        CASE WHEN found.set_calls = %(set_calls)s::float8 THEN now ELSE b.set_at END,
        CASE WHEN law.per_s IS NOT NULL THEN bucket.tokens - answer.given - %(charged)s END,
        CASE WHEN law.per_s IS NOT NULL THEN bucket.spare - %(charged)s END,
        now, line.holders,
        time.minute,
        answer.given + %(charged)s - %(back)s + CASE WHEN b.minute = time.minute THEN b.used_now ELSE 0 END,
        CASE WHEN b.minute = time.minute THEN b.used_before WHEN b.minute = time.minute - 1 THEN b.used_now ELSE 0 END,
        run.streak + answer.given + %(charged)s - %(back)s, run.streak_at,
        bucket.tokens, law.per_s, law.window_s, answer.given, line.slots,
        CASE WHEN answer.blocked_s > 0 THEN answer.blocked_s
             WHEN line.slots = 0 AND %(wants)s > 0 THEN 0.2
             WHEN answer.given = 0 AND %(want)s > 0 AND law.per_s IS NOT NULL
                 THEN greatest((1 - bucket.tokens) / law.per_s, 0)
             ELSE 0 END
    FROM (SELECT clock_timestamp() AS now OFFSET 0) clock
    CROSS JOIN LATERAL (SELECT floor(extract(epoch FROM now) / 60)::bigint AS minute OFFSET 0) time
    {LIMIT}
    CROSS JOIN LATERAL (
        SELECT least(law.burst, coalesce(b.tokens + %(back)s, law.burst)
                   + coalesce(law.per_s * extract(epoch FROM now - b.refilled_at), 0)) AS tokens,
               least(law.spare_most, coalesce(b.spare, law.spare_most)
                   + coalesce(law.per_s * extract(epoch FROM now - b.refilled_at), law.spare_most)) AS spare OFFSET 0
    ) bucket
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_object_agg(id, other), '{{}}') AS others, coalesce(sum((other->>'n')::int), 0) AS taken,
               greatest(1, %(most)s / (count(*) + 1)) AS fair, count(*) AS number
        FROM jsonb_each(b.holders) held (id, other)
        WHERE id <> %(holder)s AND id <> ALL (%(dead)s::text[])
          AND (other->>'until')::float8 > extract(epoch FROM now) OFFSET 0
    ) others
    CROSS JOIN LATERAL (
        SELECT greatest(CASE WHEN b.holders ? %(holder)s OR others.taken > %(most)s THEN 0 ELSE least(%(wants)s, 1) END,
                        least(%(wants)s, %(most)s - others.taken, CASE WHEN EXISTS (
            SELECT FROM jsonb_each(others.others) held (id, other)
            WHERE (other->>'n')::int < least((other->>'w')::int, others.fair)
        ) THEN others.fair ELSE %(wants)s END)) AS slots OFFSET 0
    ) share
    CROSS JOIN LATERAL (
        SELECT share.slots, CASE WHEN %(wants)s > 0 THEN others.others || jsonb_build_object(%(holder)s::text,
            jsonb_build_object('n', greatest(share.slots, %(flying)s), 'w', %(wants)s, 'host', %(host)s::text,
                'pid', %(pid)s::int, 'until', extract(epoch FROM now) + %(lease_s)s))
            ELSE others.others END AS holders OFFSET 0
    ) line
    CROSS JOIN LATERAL (
        SELECT b.streak_at IS NULL OR now - b.refilled_at > interval '5 seconds'
            OR (b.blocked_until <= now AND b.blocked_until > b.streak_at) AS is_new,
            extract(epoch FROM now - b.streak_at) > %(streak_s)s AS is_long OFFSET 0
    ) age
    CROSS JOIN LATERAL (
        SELECT CASE WHEN age.is_new THEN 0 WHEN age.is_long THEN b.streak / 2 ELSE b.streak END AS streak,
               CASE WHEN age.is_new THEN now WHEN age.is_long THEN b.streak_at + (now - b.streak_at) / 2
                    ELSE b.streak_at END AS streak_at OFFSET 0
    ) run
    CROSS JOIN LATERAL (
        SELECT greatest(extract(epoch FROM b.blocked_until - now), 0) AS blocked_s OFFSET 0
    ) wall
    CROSS JOIN LATERAL (
        SELECT coalesce(wall.blocked_s, 0) AS blocked_s,
               CASE WHEN wall.blocked_s > 0 OR %(want)s = 0 OR (line.slots = 0 AND %(wants)s > 0) THEN 0
                    WHEN law.per_s IS NULL THEN %(want)s
                    WHEN bucket.tokens < 1 - law.per_s * %(patience_s)s THEN 0
                    ELSE 1 + greatest(0, least(%(want)s - 1, floor(bucket.tokens - 1 + law.per_s
                        * least(%(hold_s)s, 0.01 * coalesce(law.window_s, 60)))))
               END AS given OFFSET 0
    ) answer
)
WHERE key = %(key)s
RETURNING had, per_s, coalesce(window_s, 60), given, slots, wait_s, holders::text,
    CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END,
    (SELECT jsonb_build_array(r.state, r.cause, r.reason, extract(epoch FROM coalesce(
            CASE WHEN r.state = 'half_open' THEN greatest(r.probing_until, r.probe_at) ELSE r.probe_at END
            - clock_timestamp(), interval '0')), r.failures, r.recent)::text
     FROM connectors_breaker r
     WHERE r.account_id = %(account)s AND r.authorization_id = %(authorization)s AND r.credentials = %(key)s)
"""  # noqa: S608  made of constants only

ADD = "INSERT INTO connectors_callbudget (key) VALUES (%(key)s) ON CONFLICT DO NOTHING"

# A call that left before the last lesson teaches nothing new. With a time to wait, what went through since the last
# wall, spread over all the time until the next, is what the ESP allows; without one nobody knows: half.
LEARN = f"""
UPDATE connectors_callbudget b SET (blocked_until, ceiling_per_s, learned_per_s, learned_at) = (
    SELECT greatest(b.blocked_until, now + make_interval(secs => %(wait_s)s)),
           CASE WHEN is_news THEN basis ELSE b.ceiling_per_s END,
           CASE WHEN is_news THEN basis * CASE WHEN %(wait_s)s::float8 IS NULL THEN 0.5 ELSE 0.9 END
                ELSE b.learned_per_s END,
           CASE WHEN is_news THEN now ELSE b.learned_at END
    FROM (SELECT clock_timestamp() AS now OFFSET 0) clock
    {LIMIT}
    CROSS JOIN LATERAL (
        SELECT b.streak / greatest(extract(epoch FROM now - b.streak_at) + coalesce(%(wait_s)s::float8, 0), 0.1)
            AS measured OFFSET 0
    ) streak
    CROSS JOIN LATERAL (
        SELECT greatest(coalesce(least(law.per_s, streak.measured), 1),
                        CASE WHEN %(wait_s)s::float8 IS NULL THEN {LEAST_PER_S} ELSE {LEAST_MEASURED_PER_S} END
               ) AS basis,
               coalesce(now - make_interval(secs => %(age_s)s) > b.learned_at, true)
                   AND (%(wait_s)s::float8 IS NULL OR b.streak >= {LEAST_STREAK}) AS is_news OFFSET 0
    ) lesson
)
WHERE key = %(key)s
RETURNING CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END
"""  # noqa: S608  made of constants only

# What went before the limit was known is in its window already: it is waited off.
ADOPT = """
UPDATE connectors_callbudget b SET
    told_calls = %(calls)s,
    told_s = CASE WHEN told_calls = %(calls)s THEN greatest(told_s, %(window_s)s) ELSE %(window_s)s END,
    told_at = clock_timestamp(),
    tokens = CASE WHEN told_calls IS DISTINCT FROM %(calls)s THEN least(coalesce(tokens, 0), %(left)s - %(calls)s)
                  ELSE tokens END,
    blocked_until = greatest(blocked_until, clock_timestamp() + make_interval(secs => %(wait_s)s))
WHERE key = %(key)s
RETURNING CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END
"""

LOOK = f"""
SELECT greatest(extract(epoch FROM b.blocked_until - now), 0), law.per_s, law.window_s, known.calls,
       found.set_calls IS NOT NULL, found.is_told, rates.learned_per_s < rates.known_per_s OR rates.known_per_s IS NULL,
       least(law.spare_most, b.spare + law.per_s * extract(epoch FROM now - b.refilled_at)),
       CASE WHEN b.minute = time.minute THEN b.used_now + b.used_before * (60 - second) / 60
            WHEN b.minute = time.minute - 1 THEN b.used_now * (60 - second) / 60 ELSE 0 END
FROM connectors_callbudget b
CROSS JOIN LATERAL (SELECT clock_timestamp() AS now OFFSET 0) clock
CROSS JOIN LATERAL (
    SELECT floor(extract(epoch FROM now) / 60)::bigint AS minute,
           extract(epoch FROM now)::numeric %% 60 AS second OFFSET 0
) time
{LIMIT}
WHERE key = %(key)s
"""  # noqa: S608  made of constants only

FORGET = "DELETE FROM connectors_callbudget WHERE refilled_at < now() - interval '2 days'"


@dataclass(frozen=True, slots=True)
class Account:
    """An ESP account as its budget knows it. `set_calls`: calls per minute, as people set; None: they did not."""

    key: bytes
    most: int
    set_calls: int | None = None
    spec_calls: int | None = None
    spec_s: int | None = None

    def parameters(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "set_calls": self.set_calls,
            "spec_calls": self.spec_calls,
            "spec_s": self.spec_s,
            "setting_s": SETTING_S,
            "kept_s": KEPT_S,
            "alone": not connection.in_atomic_block,
        }


@dataclass(frozen=True, slots=True)
class Holder:
    """One execution that makes calls. `host` and `pid` let others on the host see that it died."""

    id: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer to `take`. `delays_s`: for each permit given, seconds until it may be used.

    `slots`: calls that may be open at a time. `wait_s`: with nothing given, how long to wait. Of the breaker:
    how it stands, and after how many successes they are to be told.
    """

    delays_s: list[float]
    slots: int
    wait_s: float
    hold_s: float
    dead: list[str]
    standing: Standing
    tell_after: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A budget as it stands. `calls` per `window_s` is the limit known; `per_s` what goes now (None: no limit).

    `source`: setting, told, spec, learned, or "" for none. `spare`: what people at pages may take at once.
    """

    blocked_s: float = 0.0
    per_s: float | None = None
    window_s: float | None = None
    calls: float | None = None
    source: str = ""
    spare: float | None = None
    used: int = 0


def key_of(connector: str, base_url: str, credentials: Mapping[str, str]) -> bytes:
    """32 bytes that name an ESP account and tell nothing about it."""
    told = orjson.dumps([connector, base_url.rstrip("/").lower(), sorted(credentials.items())])
    return hmac.digest(_server_key(settings.ADDRESS_KEY), b"budget of calls\0" + told, "sha256")


def account_of(spec: Spec, key: bytes, set_calls: int | None) -> Account:
    """Of several published limits the one with the lowest rate counts: it holds under the others, too."""
    lowest = min(spec.limits.budgets, key=lambda budget: budget.calls / budget.per_s, default=None)
    if lowest is None:
        return Account(key, spec.limits.concurrency, set_calls)
    return Account(key, spec.limits.concurrency, set_calls, lowest.calls, lowest.per_s)


def take(
    account: Account,
    holder: Holder,
    *,
    want: int,
    wants: int,
    back: int = 0,
    flying: int = 0,
    charged: int = 0,
    dead: Sequence[str] = (),
    patience_s: float = PATIENCE_S,
    asking: tuple[int, Any] = (0, None),
) -> Taken:
    """Take up to `want` permits, and up to `wants` places for open calls of which `flying` are in use.

    `back`: permits taken earlier and not used. `charged`: calls made without permits. `wants` 0 gives the places up.
    Who is new gets one place even when all are taken, once: a change of one person does not wait behind an export.
    `asking`: the account and authorization whose breaker is to be read along.
    """
    parameters = {
        **account.parameters(),
        "holder": holder.id,
        "host": holder.host,
        "pid": holder.pid,
        "most": account.most,
        "want": want,
        "wants": wants,
        "back": back,
        "flying": flying,
        "charged": charged,
        "dead": list(dead),
        "patience_s": patience_s,
        "hold_s": HOLD_S,
        "lease_s": LEASE_S,
        "streak_s": STREAK_S,
        "account": asking[0],
        "authorization": asking[1],
    }
    row = write(TAKE, parameters)
    had, per_s, window_s, given, slots, wait_s, holders, _, breaker = row
    delays_s = [0.0 if per_s is None else max(0.0, (place - had) / per_s) for place in range(1, given + 1)]
    hold_s = min(HOLD_S, 0.01 * window_s)
    dead = dead_of(orjson.loads(holders), holder)
    if breaker is None:
        return Taken(delays_s, slots, float(wait_s), hold_s, dead, Standing(), 0)
    state, cause, reason, probe_s, failures, recent = orjson.loads(breaker)
    standing = Standing(state, cause, reason, probe_s)
    return Taken(delays_s, slots, float(wait_s), hold_s, dead, standing, tell_after(failures, recent))


def dead_of(holders: Mapping[str, Mapping[str, Any]], me: Holder) -> list[str]:
    """Holders on this host whose process is gone: their places are free before their leases run out."""
    return [
        id
        for id, other in holders.items()
        if other["host"] == me.host and other["pid"] != me.pid and not is_alive(other["pid"])
    ]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{pid}/stat") as status:
            return status.read().rpartition(")")[2].split()[0] != "Z"  # killed, and nobody took note yet
    except OSError:
        return True


def learn(account: Account, wait_s: float | None, age_s: float) -> None:
    """The ESP refused a call that left `age_s` ago, and asked to wait (None: it named no time)."""
    write(LEARN, {**account.parameters(), "wait_s": wait_s, "age_s": age_s})


def adopt(account: Account, rate: Rate) -> None:
    """The ESP told its limit. When hardly anything is left of it, nothing goes until it is reset."""
    is_over = rate.left is not None and rate.left <= min(account.most, 0.05 * rate.calls)
    write(
        ADOPT,
        {
            **account.parameters(),
            "calls": rate.calls,
            "window_s": rate.per_s,
            "left": rate.calls if rate.left is None else rate.left,
            "wait_s": rate.reset_s if is_over else None,
        },
    )


def look(account: Account) -> Seen:
    """The budget as it stands, locking nothing."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, account.parameters())
        row = cursor.fetchone()
    if row is None:
        calls = account.set_calls if account.set_calls is not None else account.spec_calls
        source = "setting" if account.set_calls is not None else "spec" if calls is not None else ""
        return Seen(
            calls=calls, window_s=60 if account.set_calls is not None else account.spec_s, source=source
        )
    blocked_s, per_s, window_s, calls, is_set, is_told, is_learned, spare, used = row
    source = "setting" if is_set else "told" if is_told else "spec" if calls is not None else ""
    return Seen(
        blocked_s=float(blocked_s or 0),
        per_s=per_s,
        window_s=window_s,
        calls=calls,
        source="learned" if per_s is not None and is_learned else source,
        spare=None if per_s is None or spare is None else float(spare),
        used=round(used),
    )


def forget_setting(key: bytes) -> None:
    """People changed the calls per minute: what counted until now counts no more."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE connectors_callbudget SET set_calls = NULL WHERE key = %s", [key])


def forget() -> None:
    """Budgets nobody used for two days."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)


def write(statement: str, parameters: dict[str, Any]) -> Any:
    """Run a statement on the row, which is made when there is none yet. Returns the row it returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
        if row is None:
            cursor.execute(ADD, parameters)
            cursor.execute(statement, parameters)
            row = cursor.fetchone()
    return row


def this_process(id: str) -> Holder:
    return Holder(id, socket.gethostname(), os.getpid())


@lru_cache(maxsize=4)
def _server_key(written: str) -> bytes:
    return base64.b64decode(written)

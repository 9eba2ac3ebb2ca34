"""Consent on the dashboard: of one client per objective, of several clients who can be mailed at all.

Shares are of each client's newest people only, by the primary key: as cheap with millions of people as with a
thousand, and a small client is not drowned by a large one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse

from audiences.models import Objective
from syncapp.accounts import access
from syncapp.accounts.models import Account
from syncapp.admin.dashboard import Panel, panel

NEWEST = 5_000
NEWEST_OF_EACH = 1_000
CLIENTS_SHOWN = 8

PER_OBJECTIVE = """
SELECT answer.key, answer.value ->> 'state', count(*)
FROM (
    SELECT consents FROM audiences_profile WHERE account_id = %(account)s ORDER BY id DESC LIMIT %(newest)s
) AS newest, jsonb_each(newest.consents) AS answer
GROUP BY 1, 2
"""
SEEN = """
SELECT count(*) FROM (SELECT 1 FROM audiences_profile WHERE account_id = %(account)s LIMIT %(newest)s) AS newest
"""
PER_CLIENT = """
SELECT client.id, count(*),
    count(*) FILTER (WHERE jsonb_path_exists(newest.consents, '$.*.state ? (@ == "granted")')),
    count(*) FILTER (WHERE jsonb_path_exists(newest.consents, '$.*.state ? (@ == "denied")')
        AND NOT jsonb_path_exists(newest.consents, '$.*.state ? (@ == "granted")'))
FROM unnest(%(accounts)s::bigint[]) AS client (id), LATERAL (
    SELECT consents FROM audiences_profile WHERE account_id = client.id ORDER BY id DESC LIMIT %(newest)s
) AS newest
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Shares:
    """Of so many people, how many per hundred said yes, and how many no; whoever never answered is the rest."""

    label: str
    people: int
    granted: int
    denied: int

    @property
    def unknown(self) -> int:
        return max(0, 100 - self.granted - self.denied)


def to_shares(label: str, people: int, granted: int, denied: int) -> Shares:
    return Shares(label, people, share(granted, people), share(denied, people))


def share(part: int, whole: int) -> int:
    """Per hundred, rounded; 0 of nothing."""
    return round(100 * part / whole) if whole else 0


@panel(50)
def consent(request: HttpRequest) -> Panel:
    mine = access.of(request)
    if mine.selected is not None:
        return to_panel("Consent", of_client(mine.selected), NEWEST, several=False)
    return to_panel("Who can be mailed", of_clients(mine.accounts), NEWEST_OF_EACH, several=True)


def to_panel(title: str, shares: list[Shares], newest: int, several: bool) -> Panel:
    return Panel(
        title=title,
        template="audiences/dashboard_consent.html",
        context={
            "shares": shares[:CLIENTS_SHOWN] if several else shares,
            "more": max(0, len(shares) - CLIENTS_SHOWN) if several else 0,
            "people": max((one.people for one in shares), default=0),
            "newest": newest,
            "is_sample": any(one.people >= newest for one in shares),
            "several": several,
        },
        side=True,
        url=reverse("admin:audiences_consent_changelist"),
        url_words="The ledger",
    )


def of_client(account: Account) -> list[Shares]:
    """One line per objective."""
    parameters = {"account": account.pk, "newest": NEWEST}
    with connection.cursor() as cursor:
        cursor.execute(SEEN, parameters)
        people = int(cursor.fetchone()[0])
        cursor.execute(PER_OBJECTIVE, parameters)
        answers = {(key, state): count for key, state, count in cursor.fetchall()}
    return [
        to_shares(label, people, answers.get((key, "granted"), 0), answers.get((key, "denied"), 0))
        for key, label in Objective.objects.values_list("key", "label")
    ]


def of_clients(accounts: Iterable[Account]) -> list[Shares]:
    """One line per client with people: yes to at least one objective; the smallest share first."""
    names = {account.pk: account.name for account in accounts}
    with connection.cursor() as cursor:
        cursor.execute(PER_CLIENT, {"accounts": list(names), "newest": NEWEST_OF_EACH})
        found = [to_shares(names[client], *counts) for client, *counts in cursor.fetchall()]
    return sorted(found, key=lambda one: (one.granted, one.label))

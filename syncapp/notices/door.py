"""The only door by which the rest of the product tells people something."""

from __future__ import annotations

import re
from typing import Any, Literal

from django.db import connection, transaction

from syncapp.notices import kinds
from syncapp.work import wake
from syncapp.work.wakes import scope_for

Severity = Literal["error", "warning", "info"]
TELL = "notices.tell"
REFERENCE = re.compile(r"[a-z_]+:[\w.:-]{1,100}")

RAISE = """
INSERT INTO notices_alert AS row
    (account_id, kind, subject, subject_label, source, severity, title, words, url)
VALUES (%(account_id)s, %(kind)s, %(subject)s, %(subject_label)s, %(source)s, %(severity)s, %(title)s, %(words)s,
    %(url)s)
ON CONFLICT (account_id, kind, subject) WHERE resolved_at IS NULL DO UPDATE SET
    times = row.times + 1, last_at = statement_timestamp(), subject_label = EXCLUDED.subject_label,
    source = EXCLUDED.source, severity = EXCLUDED.severity, title = EXCLUDED.title, words = EXCLUDED.words,
    url = EXCLUDED.url
RETURNING id
"""
RESOLVE = """
UPDATE notices_alert SET resolved_at = statement_timestamp()
WHERE account_id = %(account_id)s AND kind = %(kind)s AND subject = %(subject)s AND resolved_at IS NULL
RETURNING id
"""


def raise_alert(
    *,
    account_id: int,
    kind: str,
    subject: str,
    subject_label: str,
    url: str,
    title: str,
    words: str,
    severity: Severity = "error",
    source: str = "",
) -> int:
    """Say that something needs a person. Returns the alert's id.

    Part of the caller's transaction, two statements, no e-mail: people are told by a worker after the commit.
    Idempotent: while an alert of this kind about this subject is open, another raise counts and renews its
    words; only who asked for "every time" is told again.

    `subject`: what it is about, like `goal:7`. `source`: what that belongs to and people may choose differently
    for, like `connection:5`. `url`: the page where it can be mended, a path of this site. `title` is one short
    sentence, `words` says what to do; neither may hold a person's data or a secret.

    Raises UnknownKind for a kind nobody registered, ValueError for a reference or url of another form.
    """
    kinds.get(kind)
    check_references(subject, source)
    if not url.startswith("/") or url.startswith("//"):
        raise ValueError(f"An alert leads to a page of this site: “{url}” is none.")
    found = change(
        RAISE,
        account_id,
        kind=kind,
        subject=subject,
        subject_label=subject_label[:200],
        source=source,
        severity=severity,
        title=title[:200],
        words=words[:1000],
        url=url[:300],
    )
    return found[0]


def resolve_alert(*, account_id: int, kind: str, subject: str) -> bool:
    """Say that it is over. False, and nothing happens, where no such alert is open.

    Part of the caller's transaction. Who got the alert's e-mail is told, unless they said they need not be.
    """
    check_references(subject)
    return bool(change(RESOLVE, account_id, kind=kind, subject=subject))


def check_references(*references: str) -> None:
    for reference in filter(None, references):
        if not REFERENCE.fullmatch(reference):
            raise ValueError(f"“{reference}” is no reference like goal:7.")
    if references[0] == "":
        raise ValueError("An alert is about something, like goal:7.")


def change(sql: str, account_id: int, **params: Any) -> list[int]:
    """Ids of the alerts that the statement changed; their telling is woken."""
    with scope_for(account_id), transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(sql, {"account_id": account_id, **params})
            found = [int(row[0]) for row in cursor.fetchall()]
        for alert_id in found:
            wake(TELL, str(alert_id), account_id=account_id)
    return found

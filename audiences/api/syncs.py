"""`/api/v1/audiences/{external_id}/syncs` and `/api/v1/syncs/{id}`: replace an audience, or change much of it."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

import pghistory
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import UNSET, structs
from rest_framework.request import Request

from audiences import syncs
from audiences.api import resource
from audiences.api.documentation import syncs as docs
from audiences.api.jobs import BASE, job_answer, link, place_in
from audiences.api.moments import WORDS, is_storable
from audiences.api.syncs_wire import CommitIn, Guard, Guards, Received, SyncIn, SyncLinks, SyncOut, SyncsOut
from audiences.ingest.sheet import CLOCK_SKEW
from audiences.models import Audience, SyncChunk, SyncSession
from audiences.syncs import sessions
from syncapp.accounts.keys import Client
from syncapp.accounts.models import ApiKey
from syncapp.api import bodies, idempotency, limits
from syncapp.api.authentication import require_any_scope, require_scope
from syncapp.api.cursors import to_cursor
from syncapp.api.problems import Problem, invalid
from syncapp.api.views import ApiView, json, to_external_id, whole_number

PREFIX = "sync_"
Scope = ApiKey.Scope
STARTED_WITH = {
    SyncSession.Mode.REPLACE.value: Scope.MEMBERS_REPLACE,
    SyncSession.Mode.DELTA.value: Scope.MEMBERS_WRITE,
}

# Which of them is needed follows from the session's mode.
WRITERS = (str(Scope.MEMBERS_REPLACE), str(Scope.MEMBERS_WRITE))
READERS = (str(Scope.JOBS_READ), *WRITERS)


class AudienceSyncsView(ApiView):
    any_of = {"GET": READERS, "POST": WRITERS}
    query = {"GET": ("external_id", "cursor", "limit"), "POST": ("external_id",)}

    @docs.LIST_SYNCS
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        audience = resource.find(self.client, to_external_id(http, external_id))
        rows = sessions.rows(self.client.account_id).filter(audience=audience).order_by("-pk")
        if (cursor := http.GET.get("cursor")) is not None:
            rows = rows.filter(pk__lt=place_in(cursor))
        found = list(rows[: size + 1])
        following = to_cursor(found[size - 1].pk) if len(found) > size else None
        items = to_syncs(found[:size], lambda session: may_write(self.client, session))
        return json(SyncsOut(items, following), headers=link(http, following))

    @docs.OPEN_SYNC
    def post(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        body = bodies.read(http)
        return idempotency.once(
            http, self.client, body, partial(self.prepare, body, wanted_id), partial(self.open, wanted_id)
        )

    def prepare(self, body: bytes, external_id: str) -> SyncIn:
        wanted = bodies.decode(body, SyncIn)
        require_scope(self.client, STARTED_WITH[wanted.mode])
        audience = resource.find(self.client, external_id)
        resource.require_pushed(audience)
        if (wanted.unknown_contacts or audience.unknown_contacts) == Audience.Unknown.CREATE:
            require_scope(self.client, Scope.CONTACTS_WRITE)
        if not is_storable(wanted.snapshot_at):
            raise invalid("/snapshot_at", WORDS)
        if wanted.snapshot_at > timezone.now() + CLOCK_SKEW:
            raise Problem("timestamp_in_future", "snapshot_at is more than 5 minutes ahead of our clock.")
        return wanted

    def open(self, external_id: str, wanted: SyncIn) -> HttpResponse:
        audience = resource.find(self.client, external_id)
        with pghistory.context(key=self.client.label):
            session, is_new = syncs.open_session(self.client, audience, to_wanted(wanted, audience))
        headers = {"Location": f"{BASE}/syncs/{session}"}
        return json(to_sync(session), status=201 if is_new else 200, headers=headers)


class SyncView(ApiView):
    any_of = {"GET": READERS}

    @docs.GET_SYNC
    def get(self, request: Request, sync_id: str) -> HttpResponse:
        session = find(self.client, sync_id)
        require_any_scope(self.client, (Scope.JOBS_READ, STARTED_WITH[session.mode]))
        headers = {"Retry-After": "1"} if session.state in ("validating", "ready", "applying") else {}
        return json(to_sync(session, may_write(self.client, session)), headers=headers)


class CommitView(ApiView):
    any_of = {"POST": WRITERS}

    @docs.COMMIT_SYNC
    def post(self, request: Request, sync_id: str) -> HttpResponse:
        http = request._request
        body = bodies.read(http)

        def prepare() -> tuple[SyncSession, CommitIn]:
            return find_to_write(self.client, sync_id), bodies.decode(body, CommitIn)

        return idempotency.once(http, self.client, body, prepare, partial(self.commit, http))

    def commit(self, http: HttpRequest, asked: tuple[SyncSession, CommitIn]) -> HttpResponse:
        session, wanted = asked
        with pghistory.context(key=self.client.label):
            committed = syncs.commit(
                self.client, session.pk, wanted.chunks, wanted.total, wanted.confirm_token or None
            )
        assert committed.job is not None  # noqa: S101  a commit gives one
        return job_answer(committed.job, http)


class CancelSyncView(ApiView):
    any_of = {"POST": WRITERS}

    @docs.CANCEL_SYNC
    def post(self, request: Request, sync_id: str) -> HttpResponse:
        prepare = partial(find_to_write, self.client, sync_id)
        return idempotency.once(request._request, self.client, b"", prepare, self.cancel)

    def cancel(self, session: SyncSession) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            return json(to_sync(syncs.cancel(self.client.account_id, session.pk)))


def to_wanted(given: SyncIn, audience: Audience) -> syncs.Wanted:
    guards: dict[str, Any] = structs.asdict(given.guards) if given.guards else {}
    return syncs.Wanted(
        mode=given.mode,
        snapshot_at=given.snapshot_at,
        expected_total=None if given.expected_total is UNSET else given.expected_total,
        identifier=given.identifier or audience.identifier,
        unknown_contacts=given.unknown_contacts or audience.unknown_contacts,
        guards={name: value for name, value in guards.items() if value is not UNSET},
        external_run_id=given.external_run_id or "",
    )


def find(client: Client, sync_id: str) -> SyncSession:
    """404 for what is unknown and for what is another account's, in the same words."""
    number = sync_id.removeprefix(PREFIX)
    found = None
    if sync_id.startswith(PREFIX) and number.isascii() and number.isdigit() and len(number) <= 18:
        found = syncs.find(client.account_id, int(number))
    if found is None or found.audience.deleted_at is not None:
        raise Problem("sync_not_found", "There is no such sync session.")
    return found


def find_to_write(client: Client, sync_id: str) -> SyncSession:
    session = find(client, sync_id)
    require_scope(client, STARTED_WITH[session.mode])
    return session


def may_write(client: Client, session: SyncSession) -> bool:
    return STARTED_WITH[session.mode] in client.scopes


def to_sync(session: SyncSession, with_token: bool = True) -> SyncOut:
    return to_syncs([session], lambda _: with_token)[0]


def to_syncs(found: list[SyncSession], with_token: Any) -> list[SyncOut]:
    """`with_token(session)`: whether the caller may see the confirm token."""
    received = received_by(found)
    return [one_sync(session, received[session.pk], with_token(session)) for session in found]


def received_by(found: list[SyncSession]) -> dict[int, Received]:
    counts = {session.pk: Received(0, 0, 0) for session in found}
    if found:
        rows = SyncChunk.objects.of(found[0].account_id).filter(session_id__in=list(counts)).order_by()
        summed = rows.values_list("session_id").annotate(Count("pk"), Sum("items"), Sum("failed"))
        counts.update({pk: Received(chunks, items, failed) for pk, chunks, items, failed in summed})
    return counts


def one_sync(session: SyncSession, received: Received, with_token: bool) -> SyncOut:
    job_id = None if session.job_id is None else f"job_{session.job_id}"
    own = f"{BASE}/syncs/{session}"
    audience = session.audience.external_id
    return SyncOut(
        id=str(session),
        audience=audience,
        mode=session.mode,  # type: ignore[arg-type]  # choices of the model
        state=session.state,  # type: ignore[arg-type]
        snapshot_at=session.snapshot_at,
        expected_total=session.expected_total,
        identifier=session.identifier,  # type: ignore[arg-type]
        unknown_contacts=session.unknown_contacts,  # type: ignore[arg-type]
        guards=Guards(**session.guards),
        guard=to_guard(session, with_token),
        external_run_id=session.external_run_id or None,
        chunk_limit=limits.CHUNK_ITEMS,
        received=received,
        counters={name: count for name, count in session.counters.items() if name != "chunks"},
        job_id=job_id,
        reason=session.reason,
        created_at=session.created_at,
        expires_at=session.expires_at,
        committed_at=session.committed_at,
        finished_at=session.finished_at,
        links=SyncLinks(
            self=own,
            chunks=f"{own}/chunks",
            commit=f"{own}/commit",
            cancel=f"{own}/cancel",
            audience=f"{BASE}/audiences/{quote(audience, safe='')}",
            job=None if job_id is None else f"{BASE}/jobs/{job_id}",
        ),
    )


def to_guard(session: SyncSession, with_token: bool) -> Guard | None:
    if session.guard is None:
        return None
    return Guard(**session.guard, confirm_token=syncs.token_of(session) if with_token else None)

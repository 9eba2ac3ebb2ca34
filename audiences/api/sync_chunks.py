"""`/api/v1/syncs/{id}/chunks`: what a session is made of, piece by piece and in any order."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from audiences.api.documentation import syncs as docs
from audiences.api.jobs import link, place_in
from audiences.api.syncs import READERS, STARTED_WITH, WRITERS, Scope, find, find_to_write
from audiences.api.syncs_wire import ChunkKept, ChunkOut, ChunkProblem, ChunksOut
from audiences.jobs.downloads import to_json
from audiences.models import SyncChunk, SyncSession
from audiences.syncs import reading, sessions, staging
from audiences.syncs.lines import Lines
from syncapp.api import bodies, idempotency, limits, rates
from syncapp.api.authentication import require_any_scope, require_scope
from syncapp.api.cursors import to_cursor
from syncapp.api.problems import Problem, invalid_parameter
from syncapp.api.views import ApiView, json, whole_number

LARGEST_NUMBER = 100_000
ERRORS_SHOWN = 100
LINE = re.compile(r"/lines/(\d+)")
SHA256 = re.compile(r"sha-256=:([A-Za-z0-9+/=]*):")


@dataclass(frozen=True, slots=True)
class Sent:
    """A chunk as it came: its content read and checked, or, where it had come before, what was kept."""

    session: SyncSession
    number: int
    sha256: bytes
    lines: Lines | None
    known: SyncChunk | None


class ChunksView(ApiView):
    any_of = {"GET": READERS}
    query = {"GET": ("cursor", "limit")}

    @docs.LIST_CHUNKS
    def get(self, request: Request, sync_id: str) -> HttpResponse:
        http = request._request
        session = find(self.client, sync_id)
        require_any_scope(self.client, (Scope.JOBS_READ, STARTED_WITH[session.mode]))
        size = whole_number(http, "limit", limits.PAGE_ITEMS, 1, limits.PAGE_ITEMS)
        cursor = http.GET.get("cursor")
        after = 0 if cursor is None else place_in(cursor)
        rows = SyncChunk.objects.of(session.account_id).filter(session_id=session.pk, number__gt=after)
        found = list(rows.order_by("number")[: size + 1])
        following = to_cursor(found[size - 1].number) if len(found) > size else None
        page = found[:size]
        have = {chunk.number for chunk in page}
        highest = page[-1].number if page else after
        missing = [number for number in range(after + 1, highest) if number not in have]
        body = ChunksOut([to_chunk(chunk) for chunk in page], missing[: limits.PAGE_ITEMS], following)
        return json(body, headers=link(http, following))


class ChunkView(ApiView):
    any_of = {"PUT": WRITERS}
    operations_left: rates.Quota | None = None

    @docs.PUT_CHUNK
    def put(self, request: Request, sync_id: str, number: str) -> HttpResponse:
        http = request._request
        media_type, body = read(http)
        prepare = partial(self.prepare, http, sync_id, number, media_type, body)
        response = idempotency.once(http, self.client, body, prepare, self.keep)
        if self.operations_left is not None:
            for name, value in rates.headers_of("member-operations", self.operations_left).items():
                response.headers[name] = value
        return response

    def prepare(self, http: HttpRequest, sync_id: str, number: str, media_type: str, body: bytes) -> Sent:
        """Everything that can be refused without writing."""
        session = find_to_write(self.client, sync_id)
        wanted = to_number(number)
        sha256 = hashlib.sha256(media_type.encode() + b"\n" + body).digest()
        known = staging.find_chunk(session, wanted)
        if known is not None:
            return Sent(session, wanted, sha256, None, staging.require_same(known, sha256))
        sessions.require_open(session)
        lines = staging.read(session, media_type, body)
        if lines.has_data:
            require_scope(self.client, Scope.CONTACTS_WRITE)
        self.operations_left = rates.take_member_operations(self.client, lines.items)
        return Sent(session, wanted, sha256, lines, None)

    def keep(self, sent: Sent) -> HttpResponse:
        if sent.known is not None or sent.lines is None:
            assert sent.known is not None  # noqa: S101  one of them is there
            return json(to_kept(sent.session, sent.known), status=200)
        chunk, is_new = staging.keep(sent.session, sent.number, sent.sha256, sent.lines)
        return json(to_kept(sent.session, chunk), status=201 if is_new else 200)


def read(request: HttpRequest) -> tuple[str, bytes]:
    """(media type, content). The digest is of the body as it was sent (RFC 9530)."""
    media_type = media_type_of(request)
    zipped = bodies.is_gzip(request)
    digest = digest_of(request)
    body = (
        b"" if bodies.is_absent(request) else bodies.read_capped(bodies.source_of(request), limits.BODY_BYTES)
    )
    if digest is not None and not hmac.compare_digest(digest, hashlib.sha256(body).digest()):
        raise Problem("digest_mismatch", "The body is not the one whose Content-Digest was sent.")
    content = bodies.unzip(body, limits.DECOMPRESSED_BYTES) if zipped else body
    if media_type == reading.JSON and not content:
        raise Problem("malformed_json", "The body is empty.")
    return media_type, bodies.keep(request, content)


def media_type_of(request: HttpRequest) -> str:
    given, _, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    media_type = reading.FORMATS.get(given.strip().lower())
    charset = [
        part.strip().lower().replace('"', "") for part in parameters.split(";") if "charset" in part.lower()
    ]
    if media_type is None or any(part != "charset=utf-8" for part in charset):
        known = ", ".join(sorted(set(reading.FORMATS.values())))
        raise Problem(
            "unsupported_media_type", f"Send a chunk as one of {known}, in UTF-8.", headers={"Accept": known}
        )
    return media_type


def digest_of(request: HttpRequest) -> bytes | None:
    """The SHA-256 of Content-Digest; None where there is none, or only of other kinds."""
    given = request.headers.get("Content-Digest")
    if given is None:
        return None
    found = SHA256.search(given)
    if found is None:
        if "sha-256" in given or "=:" not in given:
            raise Problem("invalid_header", "Content-Digest has the form sha-256=:…base64…:")
        return None
    try:
        return base64.b64decode(found.group(1), validate=True)
    except binascii.Error as error:
        raise Problem("invalid_header", "The sha-256 of Content-Digest is not base64.") from error


def to_number(given: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) <= 6 and 1 <= int(given) <= LARGEST_NUMBER):
        raise invalid_parameter("number", f"Chunks are numbered from 1 to {LARGEST_NUMBER}.")
    return int(given)


def to_chunk(chunk: SyncChunk) -> ChunkOut:
    return ChunkOut(chunk.number, chunk.items, chunk.failed, bytes(chunk.sha256).hex(), chunk.received_at)


def to_kept(session: SyncSession, chunk: SyncChunk) -> ChunkKept:
    failed = staging.failed_items(session, chunk.number, ERRORS_SHOWN) if chunk.failed else []
    errors = [
        ChunkProblem(
            item.position, to_line(item.pointer), item.code, item.detail, item.pointer, to_sent(item.original)
        )
        for item in failed
    ]
    plain = to_chunk(chunk)
    return ChunkKept(
        plain.number,
        plain.items,
        plain.failed,
        plain.sha256,
        plain.received_at,
        errors,
        chunk.failed > len(errors),
    )


def to_line(pointer: str) -> int | None:
    found = LINE.match(pointer)
    return None if found is None else int(found.group(1))


def to_sent(original: str | None) -> Any:
    return to_json(original)

"""The web server: gunicorn's arguments, in one place for the demo, deployment, tests and benchmarks.

`python -m gunicorn <ARGUMENTS> --bind 127.0.0.1:8000`; the number of worker processes is the machine's matter
(`--workers`, or WEB_CONCURRENCY).
"""

from __future__ import annotations

import gc
import secrets
from typing import Any

import msgspec
from gunicorn.workers.gthread import ThreadWorker

from syncapp.api import catalogue
from syncapp.api.problems import MEDIA_TYPE

# An external id of 255 characters can take 3,060 in a path (four octets each, percent-encoded).
REQUEST_LINE_CHARS = 8190
ARGUMENTS = (
    "syncapp.wsgi",
    "--worker-class",
    "syncapp.web.Worker",
    "--threads",
    "8",
    "--graceful-timeout",
    "8",
    "--limit-request-line",
    str(REQUEST_LINE_CHARS),
    "--max-requests",
    "20000",
    "--max-requests-jitter",
    "2000",
    "--no-control-socket",
    "--preload",
)


class Recorder:
    """A socket that keeps what gunicorn would have sent."""

    def __init__(self) -> None:
        self.sent = b""

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, data: bytes) -> None:
        self.sent += data

    @property
    def status(self) -> int:
        """Of the answer's first line, as in `HTTP/1.1 400 Bad Request`."""
        words = self.sent.split(b" ", 2)
        return int(words[1]) if len(words) == 3 else 400


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gthread, which also answers in problem+json where a request cannot be read as HTTP."""

    def init_process(self) -> None:
        """What was loaded before the fork stays: the garbage collector need not walk it during big batches."""
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        super().init_process()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        recorder = Recorder()
        super().handle_error(req, recorder, addr, exc)
        try:
            client.sendall(to_problem(recorder.status))
        except OSError:
            self.log.debug("The client left before its error could be sent.")


def to_problem(status: int) -> bytes:
    kind = catalogue.of_status(status)
    request_id = f"req_{secrets.token_hex(12)}"
    body = msgspec.json.encode(
        {
            "type": kind.type,
            "title": kind.title,
            "status": kind.status,
            "detail": kind.docs,
            "code": kind.code,
            "request_id": request_id,
            "retryable": kind.retryable,
        }
    )
    head = (
        f"HTTP/1.1 {kind.status} {kind.title}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"X-Request-Id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

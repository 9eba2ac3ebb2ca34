"""One request, one answer: no redirects, no retries, no proxy, no cookies, no decompression."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import httpcore
import httpx

from syncapp.egress.errors import Forbidden, Unreachable
from syncapp.egress.policy import Policy, of_settings
from syncapp.egress.sockets import Deadline, GuardedBackend
from syncapp.egress.targets import Target, parse

TOTAL_S = 15.0
KEPT_BYTES = 4096  # of an answer's body; the rest is not read


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` in lower case, the last of equal ones; `body` its first 4 KiB, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float


@cache
def certificates() -> ssl.SSLContext:
    """Read once per process: it takes 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


class Sender:
    """Posts bytes to a URL. `ssl_context` is for tests with an authority of their own."""

    def __init__(self, policy: Policy | None = None, ssl_context: ssl.SSLContext | None = None) -> None:
        self._policy = policy if policy is not None else of_settings()
        self._ssl_context = ssl_context

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, total_s: float = TOTAL_S) -> Answer:
        """Raises Forbidden before a byte went to a forbidden place, Unreachable where no answer came.

        Whatever status came is an answer; a redirect is one too, and is not followed.
        """
        target = parse(url, self._policy)
        deadline = Deadline(total_s)
        began_s = time.monotonic()
        try:
            status, found, kept = self._exchange(target, body, headers, deadline)
        except (httpcore.TimeoutException, TimeoutError):
            raise Unreachable(f"No answer within {total_s:.0f} seconds.") from None
        except httpcore.ConnectError as error:
            raise Unreachable(words_for(error)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
            raise Unreachable("The connection broke off, or the answer was not HTTP.") from None
        return Answer(status, found, kept, time.monotonic() - began_s)

    def _exchange(
        self, target: Target, body: bytes, headers: Mapping[str, str], deadline: Deadline
    ) -> tuple[int, dict[str, str], bytes]:
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path.encode("ascii")
        )
        sent = {
            "Host": target.authority,
            "Content-Length": str(len(body)),
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        }
        pool = httpcore.ConnectionPool(
            ssl_context=self._ssl_context or certificates(),
            max_connections=1,
            network_backend=GuardedBackend(self._policy, deadline),
        )
        with pool, pool.stream("POST", url, headers=list(sent.items()), content=body) as response:
            found = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            return response.status, found, beginning_of(response)


def beginning_of(response: httpcore.Response) -> bytes:
    kept = b""
    for chunk in response.iter_stream():
        kept += chunk
        if len(kept) >= KEPT_BYTES:
            break
    return kept[:KEPT_BYTES]


def words_for(error: httpcore.ConnectError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "The host shows no valid certificate for its name."
        cause = cause.__cause__ or cause.__context__
    return "The host is not known, or refuses connections."


__all__ = ["Answer", "Forbidden", "Sender"]

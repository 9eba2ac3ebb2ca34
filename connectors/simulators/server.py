"""The HTTP server: keep-alive, one thread per connection, faults and latency applied to the answer."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import sys
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from .counters import Call
from .exchange import ControlError, Reply, Request
from .faults import Fault, Kind
from .host import Host
from .spoiling import Delivery, retry_after, spoil

BODY_BYTES_MAX = 50_000_000
GZIP_FROM_BYTES = 1400
PAGE = Path(__file__).with_name("page")
PAGE_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
GATEWAY_HTML = (
    "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>gateway</body></html>\r\n"
)
NO_ANSWER = {Kind.RESET_BEFORE, Kind.RESET_AFTER}


class TooLarge(Exception):
    """The request's body is above BODY_BYTES_MAX."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], host: Host) -> None:
        self.host = host
        super().__init__(address, Handler)
        name, port = self.server_address[0], self.server_address[1]
        host.page_origin = f"http://{name!s}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no error of ours; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 300
    server: Server
    started = 0.0
    _body: bytes | None = None

    reasons: ClassVar[dict[int, str]] = {
        code: str(words[0]) for code, words in BaseHTTPRequestHandler.responses.items()
    }

    def parse_request(self) -> bool:
        self.started = time.monotonic()
        self._body = None
        return super().parse_request()

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are kept by the counters; nothing goes to the terminal."""

    def do_GET(self) -> None:
        if self.server.host.closing:
            return self._reset()
        path = urlsplit(self.path).path
        if path in PAGE_FILES and self.command == "GET":
            return self._page(path)
        if path.startswith("/control/"):
            return self._control(path)
        return self._serve(path)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

    def _page(self, path: str) -> None:
        name, content_type = PAGE_FILES[path]
        self._send(Reply(200, (PAGE / name).read_bytes(), content_type, dict(PAGE_HEADERS)))

    def _control(self, path: str) -> None:
        """Writes must come as application/json: no foreign page can make a browser send that."""
        parts = [unquote(part) for part in path.removeprefix("/control/").split("/")]
        data: Any = dict(parse_qsl(urlsplit(self.path).query))
        try:
            body = self._read_body()
            if self.command != "GET":
                if not self.headers.get("Content-Type", "").startswith("application/json"):
                    raise ControlError("Control calls are application/json.")
                data = orjson.loads(body or b"{}")
                if not isinstance(data, dict):
                    raise ControlError("Control calls take a JSON object.")
            answer = self.server.host.control(self.command, parts, data)
            reply = Reply(200, orjson.dumps(answer), headers=dict(PAGE_HEADERS))
        except (ControlError, orjson.JSONDecodeError, TooLarge) as error:
            reply = Reply(400, orjson.dumps({"error": str(error)}), headers=dict(PAGE_HEADERS))
        self._send(reply)

    def _serve(self, path: str) -> None:
        """One request to the ESP."""
        host = self.server.host
        prefix = host.simulator.prefix
        below = path[len(prefix) :] if path.lower().startswith(prefix) else path
        operation = host.simulator.operation(self.command, below if below != path else "")
        line = f"{self.command} {below}"
        fault = host.fault_for(operation, line)
        request = Request(
            method=self.command,
            path=below if below != path else "",
            query={name.lower(): value for name, value in parse_qsl(urlsplit(self.path).query, True)},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=b"",
        )
        reply, delivery = self._reply(request, fault)
        self._wait(host.latency_s(operation, line))
        call = Call(
            number=0,
            time=time.time(),
            method=self.command,
            path=below[:200],
            operation=operation,
            status=0 if fault is not None and fault.kind in NO_ANSWER else reply.status,
            ms=round((time.monotonic() - self.started) * 1000, 1),
            rows=request.tally.rows,
            fault="" if fault is None else fault.kind,
        )
        host.counters.record(call, request.tally)
        if call.status == 0:
            return self._reset()
        return self._send(reply, delivery)

    def _reply(self, request: Request, fault: Fault | None) -> tuple[Reply, Delivery]:
        """The simulator's answer, or what the fault makes of it."""
        host = self.server.host
        if fault is not None and fault.kind is Kind.RESET_BEFORE:
            return Reply(0), Delivery()
        try:
            request.body = self._read_body()
        except TooLarge:
            self.close_connection = True
            return Reply(413, host.simulator.error(413)), Delivery()
        is_refused, headers = host.limit(request.headers)
        if is_refused:
            return Reply(429, host.simulator.error(429), headers=headers), Delivery()
        if fault is None:
            reply, delivery = host.simulator.answer(request), Delivery()
        else:
            reply, delivery = self._faulty(request, fault)
        reply.headers |= headers
        return reply, delivery

    def _faulty(self, request: Request, fault: Fault) -> tuple[Reply, Delivery]:
        match fault.kind:
            case Kind.RATE_LIMITED:
                after = retry_after(fault)
                headers = {} if after is None else {"Retry-After": after}
                return Reply(429, self.server.host.simulator.error(429), headers=headers), Delivery()
            case Kind.STATUS:
                return Reply(fault.status, self.server.host.simulator.error(fault.status)), Delivery()
            case Kind.HTML:
                title = f"{fault.status} {self.reasons.get(fault.status, '')}"
                return Reply(fault.status, GATEWAY_HTML.format(title).encode(), "text/html"), Delivery()
            case Kind.REDIRECT:
                status = fault.status if 300 <= fault.status < 400 else 302
                return Reply(status, b"", "text/html", {"Location": fault.location}), Delivery()
            case Kind.EMPTY:
                return Reply(fault.status if fault.status < 300 else 204), Delivery()
            case Kind.PARTIAL:
                request.refusals = fault.addresses
        reply = self.server.host.simulator.answer(request)
        return spoil(reply, fault)

    def _wait(self, latency_s: float) -> None:
        """Answer no earlier than `latency_s` after the request's first line."""
        left = self.started + latency_s - time.monotonic()
        if left > 0:
            time.sleep(left)

    def _read_body(self) -> bytes:
        if self._body is None:
            chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
            self._body = self._read_chunks() if chunked else self._read_exactly()
        return self._body

    def _read_exactly(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            raise TooLarge("The body is too large.")
        return self.rfile.read(int(length))

    def _read_chunks(self) -> bytes:
        parts, total = [], 0
        while size := int(self.rfile.readline(64).split(b";")[0].strip() or b"0", 16):
            total += size
            if total > BODY_BYTES_MAX:
                raise TooLarge("The body is too large.")
            parts.append(self.rfile.read(size))
            self.rfile.readline(8)
        while self.rfile.readline(8192).strip():  # trailers, up to the empty line
            pass
        return b"".join(parts)

    def _send(self, reply: Reply, delivery: Delivery | None = None) -> None:
        delivery = delivery or Delivery()
        body = reply.body
        headers = {"Content-Type": reply.content_type, "Date": formatdate(usegmt=True), **reply.headers}
        if len(body) >= GZIP_FROM_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        if delivery.cut or (self._body is None and self.headers.get("Content-Length", "0") != "0"):
            self.close_connection = True
        if self.close_connection:
            headers["Connection"] = "close"
        headers["Content-Length"] = str(len(body))
        head = f"HTTP/1.1 {reply.status} {self.reasons.get(reply.status, 'Unknown')}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._write(f"{head}{lines}\r\n".encode("latin-1"), body, delivery)

    def _write(self, head: bytes, body: bytes, delivery: Delivery) -> None:
        if self.command == "HEAD":
            body = b""
        if delivery.cut:
            whole = head + body
            self.wfile.write(whole[: len(whole) - max(1, len(body) // 2)])
        elif delivery.drip_s > 0:
            dripping = body or head
            if body:
                self.wfile.write(head)
            size = max(1, len(dripping) // 20)
            pieces = [dripping[start : start + size] for start in range(0, len(dripping), size)]
            for piece in pieces:
                time.sleep(delivery.drip_s / len(pieces))
                self.wfile.write(piece)
        else:
            self.wfile.write(head + body)

    def _reset(self) -> None:
        """RST instead of an answer: linger 0 makes close() drop what is unsent."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

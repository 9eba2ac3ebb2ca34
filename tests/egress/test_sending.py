"""Limits of one request, against real servers on loopback."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncapp.egress import Forbidden, Policy, Sender, Unreachable
from syncapp.egress.policy import loopback_too, of_settings

Talk = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_request(spoken: socket.socket) -> None:
    """To its end: a socket that is closed with something unread takes the answer down with it."""
    read = b""
    while not read.endswith(b"\r\n\r\n{}"):
        read += spoken.recv(65536)


@pytest.fixture
def server() -> Iterator[Callable[..., str]]:
    """`server(talk)`: a server that reads a request with the body {}, then talks. Returns its URL."""
    sockets: list[socket.socket] = []

    def start(talk: Talk, tls: ssl.SSLContext | None = None) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            try:
                with tls.wrap_socket(connection, server_side=True) if tls else connection as spoken:
                    read_request(spoken)
                    talk(spoken)
            except OSError:
                pass  # the client left, as it should

        threading.Thread(target=serve, daemon=True).start()
        return f"{'https' if tls else 'http'}://localhost:{listening.getsockname()[1]}/hook"

    yield start
    for listening in sockets:
        listening.close()


def test_an_answer_comes_back(server):
    seen: list[bytes] = []

    def talk(spoken: socket.socket) -> None:
        seen.append(b"")
        spoken.sendall(OK)

    answer = Sender(loopback_too()).post(server(talk), b"{}", {"X-One": "1"})
    assert (answer.status, answer.body, len(seen)) == (200, b"ok", 1)


def drip(spoken: socket.socket) -> None:
    spoken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        spoken.sendall(b"x")
        time.sleep(0.05)


def drip_headers(spoken: socket.socket) -> None:
    spoken.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        spoken.sendall(b"X-More: and more\r\n")
        time.sleep(0.05)


def say_continue_for_ever(spoken: socket.socket) -> None:
    while True:
        spoken.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def say_nothing(spoken: socket.socket) -> None:
    time.sleep(30)


@pytest.mark.parametrize("talk", [drip, drip_headers, say_continue_for_ever, say_nothing])
def test_no_server_holds_a_request_beyond_its_time(server, talk):
    began_s = time.monotonic()
    with pytest.raises(Unreachable):
        Sender(loopback_too()).post(server(talk), b"{}", {}, total_s=1)
    assert time.monotonic() - began_s < 2


def test_a_resolver_that_hangs_ends_too(monkeypatch):
    def hang(*args: object, **kwargs: object) -> list[object]:
        time.sleep(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began_s = time.monotonic()
    with pytest.raises(Unreachable):
        Sender(loopback_too()).post("https://slow.example.com/", b"{}", {}, total_s=1)
    assert time.monotonic() - began_s < 2


def test_a_large_answer_is_not_read_to_its_end(server):
    sent = [0]

    def pour(spoken: socket.socket) -> None:
        spoken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while sent[0] < 1_000_000_000:
            sent[0] += spoken.send(b"x" * 65536)

    answer = Sender(loopback_too()).post(server(pour), b"{}", {})
    assert (answer.status, len(answer.body)) == (200, 4096)
    assert sent[0] < 50_000_000


def test_a_bomb_is_not_unpacked(server):
    packed = b"\x1f\x8b" + b"\x00" * 100

    def talk(spoken: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        spoken.sendall(head.encode() + packed)

    assert Sender(loopback_too()).post(server(talk), b"{}", {}).body == packed


@pytest.mark.parametrize(
    "place",
    ["http://127.0.0.1:{port}/", "https://[::1]:{port}/", "//127.0.0.1:{port}/", "file:///etc/passwd"],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_answers_and_not_followed(server, listeners, place, status):
    before = [listener.accepted for listener in listeners]
    location = place.replace("{port}", str(listeners[0].port))

    def talk(spoken: socket.socket) -> None:
        head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        spoken.sendall(head.encode())

    assert Sender(loopback_too()).post(server(talk), b"{}", {}).status == status
    assert [listener.accepted for listener in listeners] == before


def test_no_proxy_of_the_environment_is_used(server, listeners, monkeypatch):
    proxy = f"http://127.0.0.1:{listeners[0].port}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    before = listeners[0].accepted
    assert Sender(loopback_too()).post(server(lambda spoken: spoken.sendall(OK)), b"{}", {}).status == 200
    assert listeners[0].accepted == before


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/9.9 abc\r\n\r\n", b"\x00" * 200_000])
def test_what_is_not_http_is_said_in_words(server, answer):
    with pytest.raises(Unreachable, match="not HTTP"):
        Sender(loopback_too()).post(server(lambda spoken: spoken.sendall(answer)), b"{}", {}, total_s=3)


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(of the server, of a client that trusts it): self-signed for one name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + public)
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    of_server.load_cert_chain(path)
    of_client = ssl.create_default_context(cadata=public.decode())
    return of_server, of_client


def test_the_certificate_has_to_be_of_the_name_that_was_asked_for(server, tmp_path):
    of_server, of_client = certificate("localhost", tmp_path)
    url = server(lambda spoken: spoken.sendall(OK), of_server)
    assert Sender(loopback_too(), of_client).post(url, b"{}", {}).status == 200
    with pytest.raises(Unreachable, match="certificate"):
        Sender(loopback_too()).post(url, b"{}", {})
    of_server, of_client = certificate("other.example.com", tmp_path)
    url = server(lambda spoken: spoken.sendall(OK), of_server)
    with pytest.raises(Unreachable, match="certificate"):
        Sender(loopback_too(), of_client).post(url, b"{}", {})


def test_the_environment_decides_what_is_reached(settings, resolves):
    settings.EGRESS_LOOPBACK = False
    settings.EGRESS_DENIED = (ip_network("93.184.215.0/24"), ip_network("2606:4700::/32"))
    policy = of_settings()
    assert policy.reaches("8.8.8.8")
    assert not policy.reaches("93.184.215.14")
    assert not policy.reaches("2606:4700::1")
    assert not policy.reaches("127.0.0.1")
    resolves("93.184.215.14")
    with pytest.raises(Forbidden):
        Sender().post("https://ourselves.example.com/", b"{}", {})


def test_loopback_is_off_unless_asked_for(settings):
    assert settings.EGRESS_LOOPBACK is False
    assert Policy().ports == frozenset({443})


def test_the_listeners_would_notice(listeners, resolves):
    """What the hostile corpus rests on: with a policy that lets everything through, they are reached."""
    resolves("127.0.0.1")
    before = listeners[0].accepted
    open_to_all = Policy(reaches=lambda address: True, ports=None)
    with pytest.raises(Unreachable):
        Sender(open_to_all).post(f"https://hooks.example.com:{listeners[0].port}/", b"{}", {}, total_s=2)
    assert listeners[0].accepted == before + 1

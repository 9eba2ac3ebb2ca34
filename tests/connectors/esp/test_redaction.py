"""Secrets of every shape we could think of, and what must stay readable."""

import base64
import json
import time

import pytest

from connectors.esp.redaction import KEPT_CHARS, Redactor, mask_addresses

S = "s3cr3tV4lue9"
LONG = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
KEY = "639d8cc27198202f5fe6037a8b17a29a59984b86d3289bc9"

SHAPES = [
    f"Authorization: Basic {base64.b64encode(S.encode()).decode()}",
    f"Authorization: Bearer {S}+/=",
    f"authorization: bearer {S}",
    f"AUTHORIZATION: DIGEST {S}",
    f'"Authorization": "Bearer {S}"',
    f"Proxy-Authorization: Basic {S}",
    f"the header was 'Bearer {S}'",
    f"Negotiate {S}abcdef",
    f"X-Api-Key: {S}",
    f"x-auth-token: {S}",
    f"X-Auth-User: {S}",
    f"Cookie: sessionid={S}; csrftoken={S}",
    f"Set-Cookie: {S}=1",
    f'{{"ApiKey":"{S}"}}',
    f'{{"ApiKey" : "{S}"}}',
    f'{{"apiKey":"{S}"}}',
    f'{{"api_key":"{S}"}}',
    f'{{"api-key":"{S}"}}',
    f'{{"API KEY":"{S}"}}',
    f'{{"ApiSecret":"{S}"}}',
    f'{{"access_token":"{S}"}}',
    f'{{"AccessToken":"{S}"}}',
    f'{{"refresh_token":"{S}/+=="}}',
    f'{{"client_secret":"{S}"}}',
    f'{{"Password":"{S}"}}',
    f'{{"passwd":"{S}"}}',
    f'{{"pwd":"{S}"}}',
    f'{{"passphrase":"two words {S}"}}',
    f'{{"password":"with \\" quote {S}"}}',
    f'{{"password":"with, comma {S}"}}',
    '{"password": 12345678}',
    f"{{'token': '{S}'}}",
    f'{{"token":["{S}"',
    f'{{"private_key":"{S}"}}',
    f'{{"signing-key":"{S}"}}',
    f'{{"encryptionKey":"{S}"}}',
    f'{{"credentials":"{S}"}}',
    f'{{"SessionUrl":"https://login.example.com/{S}"}}',
    f'{{"session_id":"{S}"}}',
    f'{{"signature":"{S}"}}',
    f'{{"oneTimeCode":"{S}"}}',
    f'{{"ApiKey":"{S}',  # cut off before the closing quote
    json.dumps({"body": json.dumps({"ApiKey": S})}),  # JSON inside JSON
    f"<ApiKey>{S}</ApiKey>",
    f'<AccessToken type="x">{S}</AccessToken>',
    f"https://esp.example/x?api_key={S}&page=1",
    f"https://esp.example/x?token={S}",
    f"https://user:{S}@esp.example/",
    f"https://{S}@esp.example/",
    f"grant_type=refresh_token&refresh_token={S}%2B%3D",
    f"password={S}",
    f"PGPASSWORD={S}",
    f"-----BEGIN PRIVATE KEY-----\n{S}\n-----END PRIVATE KEY-----",
    f"-----BEGIN RSA PRIVATE KEY-----\n{S}",
    f"eyJhbGciOiJI.eyJzdWIiOiIx{S}.{S}",
    f"sk_live_{S}",
    f"rk_test_{S}",
    f"whsec_{S}",
    f"ghp_{S}{S}",
    f"github_pat_{S}{S}",
    f"glpat-{S}{S}",
    f"xoxb-{S}",
    "AKIAIOSFODNN7EXAMPLE",
    f"AIza{S}{S}{S}",
    f"ya29.{S}",
    f"SG.{S}.{S}",
    f"key-{LONG[:32]}",
    f"xkeysib-{S}{S}",
    f"{LONG[:32]}-us12",
    f"shpat_{S}{S}",
    f"npm_{S}{S}",
    f"hf_{S}{S}",
    KEY,
    f"the key {KEY} is wrong",
    KEY.upper(),
    LONG,
]
PARTS = (S, LONG, LONG[:32], KEY, KEY.upper(), "12345678", "AKIAIOSFODNN7EXAMPLE")


def test_there_are_enough_shapes() -> None:
    assert len(SHAPES) >= 50


@pytest.mark.parametrize("text", SHAPES)
def test_a_secret_of_this_shape_is_taken_out(text: str) -> None:
    redacted = Redactor().text(text)
    assert not any(part in redacted for part in PARTS), redacted
    assert "***" in redacted


@pytest.mark.parametrize(
    "text",
    [
        '{"Code":203,"Message":"Subscriber Not In List"}',
        '{"ListID":"2fe4c8f0373ce320e2200596d7ef168f","Title":"News"}',
        '{"Key":"website","Value":"https://example.com"}',
        '{"ConsentToTrack":"Unchanged","Resubscribe":false}',
        '{"Name":"Autumn Author","City":"Basicville"}',
        "subscribers/2fe4c8f0373ce320e2200596d7ef168f/import.json",
        "12.50 @ 3 pieces",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "spelling",
    [
        "tiny",
        "a+b/c==",
        "a%2Bb%2Fc%3D%3D",
        base64.b64encode(b"a+b/c==:x").decode(),
        base64.b64encode(b"a+b/c==:").decode(),
    ],
)
def test_our_own_secrets_go_in_every_spelling(spelling: str) -> None:
    redacted = Redactor(["a+b/c==", "tiny", "x"]).text(f"it is {spelling} x")
    assert redacted == "it is *** x"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("john@example.nl", "j***@example.nl"),
        ("j@example.nl", "j***@example.nl"),
        ('{"EmailAddress":"john.doe+tag@sub.example.co.uk"}', '{"EmailAddress":"j***@sub.example.co.uk"}'),
        ("email=john%2Btag%40example.nl&page=1", "email=j***%40example.nl&page=1"),
        ("john\\u0040example.nl", "j***\\u0040example.nl"),
        ("a@b.nl,c@d.nl", "a***@b.nl,c***@d.nl"),
        ("Jan <jan@example>", "Jan <j***@example>"),
        ("jürgen@bücher.example", "j***@bücher.example"),
        ("nothing here", "nothing here"),
    ],
)
def test_addresses_are_masked(text: str, masked: str) -> None:
    assert mask_addresses(text) == masked


def test_a_long_body_is_cut_without_showing_half_a_secret() -> None:
    for offset in range(2900, 3040):
        body = b'"' + b"a" * (offset - 20) + b'","ApiKey":"' + KEY.encode() + b'"' + b"z" * 9000
        text = Redactor().body(body)
        assert len(text) <= KEPT_CHARS + 40
        assert KEY[:8] not in text
    assert text.endswith(f"… ({len(body)} bytes)")


def test_many_secrets_do_not_pull_the_cut_end_into_view() -> None:
    """Redaction shortens: what was past the kept part moves forward, and is whole or gone."""
    row = '{"ApiKey":"' + KEY + '"},'
    text = Redactor().body((row * 1000).encode())
    assert KEY[:6] not in text


def test_bodies_of_any_bytes_become_text_that_a_database_takes() -> None:
    assert Redactor().body(b"\xef\xbb\xbfa\x00b\xff") == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    "body", [b"a" * 2_000_000, b'"' * 2_000_000, b"\\" * 2_000_000, b"a@" * 1_000_000, b"password" * 300_000]
)
def test_no_body_takes_long(body: bytes) -> None:
    start = time.perf_counter()
    Redactor([KEY]).body(body)
    assert time.perf_counter() - start < 0.5

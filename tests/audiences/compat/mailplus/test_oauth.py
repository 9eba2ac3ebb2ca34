"""Signatures, without a server: fixed vectors, and an independent library."""

from __future__ import annotations

import pytest

from audiences.compat.mailplus import oauth

PREFIX = "https://restapi.mailplus.nl/integrationservice"
OWN = [
    ("oauth_consumer_key", "ck-demo"),
    ("oauth_nonce", "0123456789abcdef"),
    ("oauth_signature_method", "HMAC-SHA1"),
    ("oauth_timestamp", "1700000000"),
    ("oauth_version", "1.0"),
]
VECTORS = [
    ("POST", "-1.1.0/audience/vip-2024/contact", "", "jMdMCWsJbyc4JBNfbgNwMiIYqK4="),
    (
        "GET",
        "-1.1.0/contact/search",
        "pageSize=1&MPSearchQuery=email%3Djan%40example.nl",
        "+F0n6TsTSlwuAf+ADOCDy3DZW0A=",
    ),
    ("DELETE", "-1.1.0/audience/a%20b/contact", "", "/4o5sWSlKkcimH6pVd9X0UccCbc="),
    ("POST", "/audience/vip-2024/contact", "", "lLgiTbnhP6+0z2bij733ifOpQI4="),
]


def header_of(signature, pairs=OWN, realm='realm="mailplus", '):
    own = ", ".join(f'{name}="{oauth.encode(value)}"' for name, value in pairs)
    return f'OAuth {realm}{own}, oauth_signature="{oauth.encode(signature)}"'


@pytest.mark.parametrize(("method", "path", "query", "expected"), VECTORS)
def test_vectors(method, path, query, expected):
    asked = oauth.read_query(query)
    assert oauth.sign(method, PREFIX + path, [*OWN, *asked], "cs-demo") == expected
    signed = oauth.read(header_of(expected), query)
    assert (signed.consumer_key, signed.timestamp_s) == ("ck-demo", 1_700_000_000)
    assert oauth.is_signed(signed, method, [PREFIX + path], ["cs-demo"])
    assert not oauth.is_signed(signed, method, [PREFIX + path], ["cs-other"])
    assert not oauth.is_signed(signed, method, [PREFIX + path + "x"], ["cs-demo"])
    other = "GET" if method != "GET" else "PUT"
    assert not oauth.is_signed(signed, other, [PREFIX + path], ["cs-demo"])


def test_the_old_secret_of_a_rotation_signs_too():
    method, path, _, expected = VECTORS[0]
    signed = oauth.read(header_of(expected), "")
    assert oauth.is_signed(signed, method, [PREFIX + path], ["cs-new", "cs-demo"])


def test_parameters_in_the_query_instead_of_the_header():
    method, path, _, expected = VECTORS[0]
    query = "&".join(f"{name}={value}" for name, value in [*OWN, ("oauth_signature", oauth.encode(expected))])
    signed = oauth.read("", query)
    assert oauth.is_signed(signed, method, [PREFIX + path], ["cs-demo"])
    with pytest.raises(oauth.Malformed):
        oauth.read(header_of(expected), query)


@pytest.mark.parametrize(
    "query",
    [
        "a=1&b=2&a=0",
        "empty=&naked",
        "plus=a+b&space=a%20b",
        "caf%C3%A9=%E2%82%AC",
        "t=~-._&s=%2A%21%27%28%29",
    ],
)
@pytest.mark.parametrize("path", ["/audience/a%20b", "/audience/vip%2F2024", "/audience/%F0%9F%9A%B2"])
def test_an_independent_library_agrees(query, path):
    oauth1 = pytest.importorskip("oauthlib.oauth1")
    client = oauth1.Client("ck", client_secret="s&cr=t %", realm="mailplus")
    url = f"http://localhost:8000/compat/mailplus/integrationservice{path}"
    _, headers, _ = client.sign(f"{url}?{query}", http_method="GET")
    signed = oauth.read(headers["Authorization"], query)
    assert oauth.is_signed(signed, "GET", [url], ["s&cr=t %"])
    assert not oauth.is_signed(signed, "GET", [url], ["other"])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer ak_live_x",
        "OAuth ",
        "OAuth nonsense",
        'OAuth oauth_consumer_key="ck-demo"',
        header_of("x", [*OWN, OWN[0]]),
        header_of("x", [pair for pair in OWN if pair[0] != "oauth_nonce"]),
        header_of("x", [*OWN[:2], ("oauth_signature_method", "PLAINTEXT"), *OWN[3:]]),
        header_of("x", [*OWN[:3], ("oauth_timestamp", "-5"), OWN[4]]),
        header_of("x", [*OWN[:3], ("oauth_timestamp", "9" * 40), OWN[4]]),
        header_of("x", [*OWN[:4], ("oauth_version", "2.0")]),
        header_of("x", [*OWN, ("oauth_token", "t")]),
        header_of("x", [("oauth_nonce", "n" * 256), OWN[0], *OWN[2:]]),
        "OAuth " + ", ".join('a="b"' for _ in range(500)),
    ],
)
def test_what_is_not_signed_right_says_why(header):
    with pytest.raises(oauth.Malformed, match=r"\w"):
        oauth.read(header, "")


def test_an_empty_token_is_no_token():
    pairs = [*OWN, ("oauth_token", "")]
    signature = oauth.sign("GET", PREFIX, pairs, "cs-demo")
    assert oauth.is_signed(oauth.read(header_of(signature, pairs), ""), "GET", [PREFIX], ["cs-demo"])


def test_the_address_that_is_signed():
    assert oauth.to_url("HTTPS", "Shop.Example:443", "/a%20b") == "https://shop.example/a%20b"
    assert oauth.to_url("http", "shop.example:8000", "/") == "http://shop.example:8000/"
    assert oauth.to_url("http", "[::1]:80", "/x") == "http://[::1]/x"

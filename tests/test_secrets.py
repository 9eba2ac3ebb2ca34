"""Secrets at rest: bound to their row, never shown, and opened by any key of the ring."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import pickle
import random
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from connectors.models import Authorization
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.secrets import CannotOpen, KeyRing, Secrets

CANARY = "canary-secret-1f9e77aa0c2b"
SWAPS = 1_000
PLACES = ("accounts", "authorizations", "connections")


def key(id_: str) -> str:
    return f"{id_}:{base64.b64encode(os.urandom(32)).decode()}"


def authorization_of(account: Account, label: str = "CM", secret: str = CANARY) -> Authorization:
    with scope.account(account):
        return Authorization.objects.create(
            account=account, connector="campaign_monitor", label=label, secrets={"api_key": secret}
        )


def stored(row: Authorization) -> str:
    with scope.everything("what is on the disk"), connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM connectors_authorization WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


def paste(token: str, row: Authorization) -> None:
    with scope.everything("an intruder with SQL"), connection.cursor() as cursor:
        cursor.execute("UPDATE connectors_authorization SET secrets = %s WHERE id = %s", [token, row.pk])


def read(row: Authorization) -> Secrets:
    with scope.account(row.account_id):
        return Authorization.objects.get(pk=row.pk).secrets


def test_a_secret_comes_back_to_its_own_row(ann_account):
    row = authorization_of(ann_account)
    assert read(row).reveal("api_key") == CANARY
    assert CANARY not in stored(row)
    assert stored(row).startswith("v1.")


def test_pasted_into_another_row_it_does_not_open(ann_account, bob_account):
    row, other, foreign = (
        authorization_of(ann_account),
        authorization_of(ann_account, "second", "other"),
        authorization_of(bob_account, "CM", "foreign"),
    )
    for target in (other, foreign):
        paste(stored(row), target)
        with pytest.raises(CannotOpen):
            read(target).reveal("api_key")


def test_a_thousand_random_swaps_are_refused():
    """Between tables, rows, fields and accounts: all of them are part of what is sealed."""
    ring = KeyRing(key("one"))
    random.seed(7)
    opened = 0
    for _ in range(SWAPS):
        place = [random.choice(PLACES), str(random.getrandbits(64)), random.choice(("secrets", "other")), "1"]
        elsewhere = list(place)
        part = random.randrange(4)
        elsewhere[part] = elsewhere[part] + "x"
        token = ring.seal(b"secret", "|".join(place).encode())
        try:
            ring.open(token, "|".join(elsewhere).encode())
            opened += 1
        except CannotOpen:
            continue
    assert opened == 0


def test_every_flipped_bit_is_noticed():
    ring = KeyRing(key("one"))
    version, key_id, nonce, sealed = ring.seal(b"secret", b"row").split(".")
    for part, encoded in (("nonce", nonce), ("sealed", sealed)):
        raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        for position in range(len(raw) * 8):
            flipped = bytearray(raw)
            flipped[position // 8] ^= 1 << position % 8
            again = base64.urlsafe_b64encode(bytes(flipped)).decode().rstrip("=")
            parts = (again, sealed) if part == "nonce" else (nonce, again)
            with pytest.raises(CannotOpen):
                ring.open(".".join((version, key_id, *parts)), b"row")


@pytest.mark.parametrize(
    "token", ["", "v1", "v1.a.b", "v2.one.AAAA.AAAA", "v1.one.!!!!.????", "v1..a.b", "x" * 5000]
)
def test_what_is_no_token_is_refused_in_words(token):
    with pytest.raises(CannotOpen):
        KeyRing(key("one")).open(token, b"row")


def test_old_keys_open_and_the_first_one_seals(settings, ann_account):
    old, new = key("2025"), key("2026")
    settings.SECRET_KEYS = old
    row = authorization_of(ann_account)
    settings.SECRET_KEYS = f"{new},{old}"
    assert read(row).reveal("api_key") == CANARY
    assert ".2025." in stored(row)
    with scope.account(ann_account):
        again = Authorization.objects.get(pk=row.pk)
        again.save()
    assert ".2026." in stored(row)
    settings.SECRET_KEYS = new
    assert read(row).reveal("api_key") == CANARY
    settings.SECRET_KEYS = old
    with pytest.raises(CannotOpen, match="no longer in SYNCAPP_KEYS"):
        read(row).reveal("api_key")


@pytest.mark.parametrize(
    "written", ["", "one", "one:short", "a.b:" + "A" * 44, ":" + base64.b64encode(bytes(32)).decode()]
)
def test_a_bad_key_ring_stops_the_start(written):
    with pytest.raises(ImproperlyConfigured) as stopped:
        KeyRing(written)
    assert "A" * 44 not in str(stopped.value)


def test_no_text_of_the_secrets_shows_them(caplog):
    secrets = Secrets({"api_key": CANARY})
    texts = [repr(secrets), str(secrets), f"{secrets}", f"{secrets!r}", "%s" % secrets, format(secrets)]  # noqa: UP031
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("syncapp").error("failed with %s and %r", secrets, secrets)
    texts.append(caplog.text)
    assert [text for text in texts if CANARY in text] == []
    with pytest.raises(TypeError):
        pickle.dumps(secrets)
    with pytest.raises(TypeError):
        json.dumps(secrets)


def test_the_hint_says_little_of_long_secrets_and_nothing_of_short_ones():
    secrets = Secrets({"long": CANARY, "short": "12345678"})
    assert secrets.hint("long") == CANARY[-4:]
    assert secrets.hint("short") == ""
    assert secrets.hint("absent") == ""


def test_a_dump_holds_no_secret(ann_account):
    row = authorization_of(ann_account)
    written = io.StringIO()
    with scope.everything("a dump"):
        call_command("dumpdata", "connectors.authorization", stdout=written)
    assert str(row.pk) in written.getvalue()
    assert CANARY not in written.getvalue()
    assert stored(row) not in written.getvalue()


def test_no_page_and_no_event_holds_the_secret(client, ann, ann_account):
    row = authorization_of(ann_account)
    client.force_login(ann)
    places: list[tuple[str, Any]] = [
        ("change", [row.pk]),
        ("history", [row.pk]),
        ("delete", [row.pk]),
        ("changelist", []),
    ]
    for name, arguments in places:
        body = client.get(reverse(f"admin:connectors_authorization_{name}", args=arguments), follow=True)
        assert CANARY not in body.content.decode(), name
        assert stored(row) not in body.content.decode(), name
    with scope.everything("every event"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM connectors_authorizationevent e WHERE to_jsonb(e)::text LIKE %s",
            [f"%{CANARY}%"],
        )
        assert cursor.fetchone()[0] == 0
        cursor.execute("SELECT count(*) FROM connectors_authorizationevent WHERE id = %s", [row.pk])
        assert cursor.fetchone()[0] == 1

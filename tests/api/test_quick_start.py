"""What the documentation's code samples do when they are run as they stand, against a real server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import os
import re
import shutil
import subprocess
import sys

import httpx
import pytest

from audiences.api.guide.webhook_samples import VECTOR
from syncapp.accounts import keys
from syncapp.accounts.models import ApiKey
from tests.api.server import running_web

BLOCK = re.compile(r'<pre data-run="([\w-]+)"><code>(.*?)</code></pre>', re.DOTALL)


def samples(page: str, kind: str) -> list[str]:
    return [html.unescape(text) for found, text in BLOCK.findall(page) if found == kind]


@pytest.fixture
def site(ann_account, transactional_db, tmp_path):
    """(base URL, key) of a server whose pages name its own address and a working key, as in a demo."""
    _, key = keys.issue(ann_account, "ERP", ApiKey.Scope.values)
    (tmp_path / "key").write_text(key)
    port_free = {"SYNCAPP_API_DEMO_KEY_FILE": str(tmp_path / "key")}
    with running_web(**port_free) as (url, _):
        yield url, key


def page_of(url: str, slug: str) -> str:
    """The page, with the address of this server for the one it was configured with."""
    return httpx.get(f"{url}/api/docs/{slug}").text.replace("http://localhost:8000", url)


def run(command: list[str], script: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        input=script,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_the_curl_of_the_quick_start_does_what_it_says(site):
    url, key = site
    script = "set -e\n" + "\necho\n".join(samples(page_of(url, "quick-start"), "sh"))
    assert f"export KEY={key}" in script
    answers = [json.loads(line) for line in run(["bash"], script).splitlines() if line]
    created, batch, members, removed, audience = answers
    assert created["external_id"] == "bike-buyers"
    assert (batch["summary"]["added"], batch["errors"][0]["index"]) == (2, 2)
    assert [one["contact"]["external_id"] for one in members["items"]] == ["c-1", "c-2"]
    assert removed["summary"]["removed"] == 1
    assert (audience["member_count"], audience["reachable_count"]) == (1, {})


def test_the_python_of_the_quick_start_does_what_it_says(site):
    url, key = site
    with_httpx, alone = samples(page_of(url, "quick-start"), "python")
    where = {"BASE": f"{url}/api/v1", "KEY": key}
    assert run([sys.executable, "-"], with_httpx, **where) == "25 of 25 are in the audience\n"
    said = run([sys.executable, "-"], alone, **where).splitlines()
    assert said == ["2 people were taken out"]


def test_the_token_of_the_page_on_keys_works(site):
    url, key = site
    (script,) = samples(page_of(url, "authentication"), "token")
    token = json.loads(run(["bash"], script, KEY=key))
    assert token["token_type"] == "Bearer"
    answer = httpx.get(f"{url}/api/v1/limits", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert answer.status_code == 200


def test_the_signature_shown_is_one(client):
    key = base64.b64decode(VECTOR["secret"].removeprefix("whsec_"))
    signed = f"{VECTOR['id']}.{VECTOR['timestamp']}.{VECTOR['body']}".encode()
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert VECTOR["signature"] == wanted
    page = client.get("/api/docs/webhooks").content.decode()
    assert all(html.escape(value) in page for value in VECTOR.values())


def headers() -> dict[str, str]:
    return {
        "webhook-id": VECTOR["id"],
        "webhook-timestamp": VECTOR["timestamp"],
        "webhook-signature": f"v1,AAAA {VECTOR['signature']}",
    }


def test_the_python_that_verifies_webhooks_does(client):
    (code,) = samples(client.get("/api/docs/webhooks").content.decode(), "webhook-python")
    scope: dict = {}
    exec(code, scope)  # noqa: S102  our own page
    is_genuine, body = scope["is_genuine"], VECTOR["body"].encode()
    then = int(VECTOR["timestamp"])
    assert is_genuine(headers(), body, VECTOR["secret"], lambda: then + 299)
    assert not is_genuine(headers(), body, VECTOR["secret"], lambda: then + 301)
    assert not is_genuine(headers(), body + b" ", VECTOR["secret"], lambda: then)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed.")
def test_the_node_that_verifies_webhooks_does(client):
    (code,) = samples(client.get("/api/docs/webhooks").content.decode(), "webhook-node")
    then = int(VECTOR["timestamp"])
    script = f"""{code}
const headers = {json.dumps(headers())}, body = Buffer.from({json.dumps(VECTOR["body"])});
const secret = {json.dumps(VECTOR["secret"])};
console.log(JSON.stringify([
  isGenuine(headers, body, secret, {then} + 299), isGenuine(headers, body, secret, {then} + 301),
  isGenuine(headers, Buffer.concat([body, Buffer.from(" ")]), secret, {then}),
]));"""
    assert json.loads(run(["node", "-"], script)) == [True, False, False]

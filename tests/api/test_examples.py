"""The examples of the documentation are calls that were really made, and cover all there is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from audiences.api.guide import EXAMPLES
from syncapp.accounts.models import Account
from syncapp.api import catalogue, examples
from syncapp.api.pages import openapi_document
from tests.api.examples.recording import Recorder
from tests.api.examples.scenes import SCENES

# A commit that misses a chunk, an emptying that expects nothing: these come before the one that works.
PROBLEM_FIRST = {"audience_empty", "sync_commit"}
# What no call provokes on purpose: what they say is made from the code's own words.
NOT_PROVOKED = {
    "forbidden",
    "headers_too_large",
    "internal_error",
    "request_timeout",
    "temporarily_unavailable",
    "uri_too_long",
}


@pytest.mark.django_db(transaction=True)
def test_the_kept_examples_are_what_is_answered(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    found = to_files(record_all())
    if os.environ.get("SYNCAPP_WRITE_EXAMPLES"):
        keep(found)
    kept = {path.name: path.read_text() for path in sorted(EXAMPLES.glob("*.json"))}
    assert sorted(kept) == sorted(found), "Write them: python3 -m tests.api.examples --write"
    for name, text in found.items():
        assert kept[name] == text, f"{name}: write it with python3 -m tests.api.examples --write"


def test_every_operation_has_a_good_example():
    missing = [
        operation["operationId"]
        for item in openapi_document()["paths"].values()
        for operation in item.values()
        if not any(
            call["response"]["status"] < 300 for call in examples.of_operation(operation["operationId"])
        )
    ]
    assert missing == []


def test_a_good_call_comes_first():
    """It is what curl, Python and the form to try it begin with."""
    for item in openapi_document()["paths"].values():
        for operation in item.values():
            first = examples.of_operation(operation["operationId"])[0]
            assert first["response"]["status"] < 400 or operation["operationId"] in PROBLEM_FIRST


def test_every_code_has_an_example():
    recorded = examples.of_codes()
    assert {kind.code for kind in catalogue.KINDS} - set(recorded) <= NOT_PROVOKED


def record_all() -> dict[str, list[dict]]:
    """The calls of all scenes by operation. Each scene has an account of its own."""
    found: dict[str, list[dict]] = {}
    for number, scene in enumerate(SCENES):
        account = Account.objects.create(name=f"Scene {number}", slug=f"scene-{number}")
        recorder = Recorder(account)
        scene(recorder)
        for operation_id, calls in recorder.calls.items():
            found.setdefault(operation_id, []).extend(calls)
    return found


def to_files(calls: dict[str, list[dict]]) -> dict[str, str]:
    return {
        f"{operation_id}.json": json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        for operation_id, made in calls.items()
    }


def keep(files: dict[str, str]) -> None:
    EXAMPLES.mkdir(exist_ok=True)
    for path in EXAMPLES.glob("*.json"):
        path.unlink()
    for name, text in files.items():
        Path(EXAMPLES, name).write_text(text)
    examples.of_operation.cache_clear()
    examples.of_codes.cache_clear()

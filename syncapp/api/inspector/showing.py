"""One call in words: bodies to be read, what became of each item, what to do, how to repeat it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from django.conf import settings

from syncapp import secrets
from syncapp.api import calls, catalogue
from syncapp.api.calls import Kept
from syncapp.api.models import ApiCall

ERRORS = "/api/docs/errors"
SHOWN_ITEMS = 200
SENT_CHARS = 300
CURL_BODY_CHARS = 4000
SIGNED_PREFIX = "/compat/mailplus/"
ACTIVATE_PREFIX = "/compat/activate/"
ADDRESS = re.compile(r"([^\s\"'<>@,;:()\[\]=&/\\?])[^\s\"'<>@,;:()\[\]=&/\\?]{0,63}?(@|%40|\\u0040)")
LISTS = ("operations", "contacts", "changes", "members", "add", "remove")


@dataclass(frozen=True, slots=True)
class ItemShown:
    """One line of a batch: what was sent, what came of it, and what to do."""

    place: str
    sent: str
    outcome: str
    code: str = ""
    detail: str = ""
    todo: str = ""
    retryable: bool = False
    is_failure: bool = False

    @property
    def docs(self) -> str:
        return docs_of(self.code)


@dataclass(slots=True)
class Shown:
    """A call opened; `is_lost` where its seal cannot be opened any more."""

    call: ApiCall
    kept: Kept | None
    request: str = ""
    answer: str = ""
    problem: catalogue.Kind | None = None
    detail: str = ""
    items: list[ItemShown] = field(default_factory=list)
    more_items: int = 0
    summary: dict[str, int] = field(default_factory=dict)
    curl: str = ""

    @property
    def is_lost(self) -> bool:
        return self.kept is None

    @property
    def full_path(self) -> str:
        if self.kept is None:
            return self.call.path
        return f"{self.kept.path}?{self.kept.query}" if self.kept.query else self.kept.path

    @property
    def problem_docs(self) -> str:
        return docs_of(self.call.code)


def docs_of(code: str) -> str:
    if code in catalogue.BY_CODE:
        return f"{ERRORS}#{code}"
    return f"{ERRORS}#item-{code}" if any(item.code == code for item in catalogue.item_codes()) else ""


def show(call: ApiCall) -> Shown:
    try:
        kept = calls.unseal(call)
    except secrets.CannotOpen:
        return Shown(call, None)
    sent, answered = to_value(kept.request), to_value(kept.answer)
    shown = Shown(
        call,
        kept,
        request=to_text(kept.request, sent),
        answer=to_text(kept.answer, answered),
        problem=catalogue.BY_CODE.get(call.code),
        curl=to_curl(call, kept),
    )
    if isinstance(answered, dict):
        shown.detail = str(answered.get("detail", ""))
        shown.summary = to_summary(answered.get("summary"))
        items = to_items(sent, answered)
        shown.items, shown.more_items = items[:SHOWN_ITEMS], max(len(items) - SHOWN_ITEMS, 0)
    return shown


def to_value(body: bytes | None) -> Any:
    """None for what is no JSON."""
    try:
        return orjson.loads(body) if body else None
    except ValueError:
        return None


def to_text(body: bytes | None, value: Any) -> str:
    if body is None:
        return ""
    if value is None:
        return body.decode(errors="replace")
    return json.dumps(value, indent=2, ensure_ascii=False)


def to_summary(found: Any) -> dict[str, int]:
    """Counters that are not 0, and what came in."""
    if not isinstance(found, dict):
        return {}
    return {
        str(name).replace("_", " "): number
        for name, number in found.items()
        if isinstance(number, int) and (number or name == "received")
    }


def to_items(sent: Any, answered: dict[str, Any]) -> list[ItemShown]:
    """Failures first, then what needs a word, then the rest where the call asked for everything (`verbose`)."""
    failures = [to_item(sent, row, "failed") for row in rows_of(answered, "errors")]
    warnings = [to_item(sent, row, "") for row in rows_of(answered, "warnings")]
    told = {name_of(row) for row in (*rows_of(answered, "errors"), *rows_of(answered, "warnings"))}
    rest = [row for row in rows_of(answered, "items") if "outcome" in row and name_of(row) not in told]
    return [*failures, *warnings, *(to_item(sent, row, "") for row in rest)]


def name_of(row: dict[str, Any]) -> tuple[str, str]:
    """In the short form each list counts for itself."""
    return str(row.get("op")), str(row.get("index"))


def rows_of(answered: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = answered.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def to_item(sent: Any, row: dict[str, Any], outcome: str) -> ItemShown:
    code = str(row.get("code") or "")
    detail = str(row.get("detail") or "")
    words = next((item.docs for item in catalogue.item_codes() if item.code == code), "")
    pointer = str(row.get("pointer") or row.get("parameter") or "")
    index = row.get("index")
    return ItemShown(
        place=pointer or (str(index) if index is not None else ""),
        sent=to_line(part_of(sent, pointer, index)),
        outcome=outcome or str(row.get("outcome") or code),
        code=code,
        detail=detail,
        todo="" if detail else words.replace("`", ""),
        retryable=row.get("retryable") is True,
        is_failure=outcome == "failed" or row.get("outcome") == "failed",
    )


def part_of(sent: Any, pointer: str, index: Any) -> Any:
    """The item that was sent: the first two steps of the pointer (`/operations/3/contact/email`), or by its index."""
    steps = pointer.strip("/").split("/")
    if isinstance(sent, dict):
        if len(steps) >= 2 and steps[1].isdigit():
            return at(sent.get(steps[0]), int(steps[1]))
        listed = next((sent[name] for name in LISTS if isinstance(sent.get(name), list)), None)
        if isinstance(index, int):
            return at(listed, index)
        return sent.get(steps[0])
    return at(sent, index) if isinstance(index, int) else None


def at(listed: Any, index: int) -> Any:
    return listed[index] if isinstance(listed, list) and 0 <= index < len(listed) else None


def to_line(part: Any) -> str:
    if part is None:
        return ""
    line = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
    return line if len(line) <= SENT_CHARS else f"{line[: SENT_CHARS - 1]}…"


def to_curl(call: ApiCall, kept: Kept) -> str:
    """A command with $KEY for the secret; empty where a call has to be signed, or its body was not kept."""
    if kept.path.startswith(SIGNED_PREFIX) or call.path == "/api/oauth/token":
        return ""
    url = settings.SITE_URL + kept.path + (f"?{kept.query}" if kept.query else "")
    lines = [f"curl -X {call.method} {shlex.quote(url)}"]
    if kept.path.startswith(ACTIVATE_PREFIX):
        lines.append('  -H "X-AUTH-ACCOUNT: $ACCOUNT" -H "X-AUTH-APIKEY: $KEY"')
    else:
        lines.append('  -H "Authorization: Bearer $KEY"')
    for name in ("Content-Type", "If-Match", "If-None-Match", "Prefer"):
        if name in kept.request_headers and (name != "Content-Type" or kept.request):
            lines.append(f"  -H {shlex.quote(f'{name}: {kept.request_headers[name]}')}")
    if kept.request:
        lines.append(f"  --data-binary {to_argument(kept.request)}")
    elif kept.had_body:
        lines.append("  --data-binary @body.json")
    return " \\\n".join(lines)


def to_argument(body: bytes) -> str:
    text = body.decode(errors="replace")
    return shlex.quote(text) if len(text) <= CURL_BODY_CHARS else "@body.json"


def masked(shown: Shown) -> Shown:
    """For staff: addresses are shortened to their first letter and their domain."""
    shown.request, shown.answer = mask(shown.request), mask(shown.answer)
    shown.items = [replace(item, sent=mask(item.sent), detail=mask(item.detail)) for item in shown.items]
    if shown.kept is not None:
        shown.kept.path, shown.kept.query = mask(shown.kept.path), mask(shown.kept.query)
    return shown


def mask(text: str) -> str:
    """eve@example.com → e***@example.com, also where the @ is written %40 or \\u0040."""
    return ADDRESS.sub(r"\1***\2", text)

"""ETag, If-Match and If-None-Match (RFC 9110) over a version number."""

from __future__ import annotations

import re

from django.http import HttpRequest

from syncapp.api.problems import Problem

TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
TAGS = re.compile(rf"\s*{TAG.pattern}(\s*,\s*{TAG.pattern})*\s*")


def etag(version: int) -> str:
    return f'"{version}"'


def check_write(request: HttpRequest, version: int | None) -> None:
    """412 unless the resource (None: there is none) is as the caller says."""
    wanted = tags_of(request, "If-Match")
    if wanted is not None and (version is None or not matches(wanted, version, allow_weak=False)):
        raise Problem("precondition_failed", f"If-Match does not fit: {now_is(version)}.")
    unwanted = tags_of(request, "If-None-Match")
    if unwanted is not None and version is not None and matches(unwanted, version, allow_weak=True):
        raise Problem("precondition_failed", f"If-None-Match does not fit: {now_is(version)}.")


def is_unchanged(request: HttpRequest, version: int) -> bool:
    """Whether a reader has this version already, and 304 is the answer."""
    known = tags_of(request, "If-None-Match")
    return known is not None and matches(known, version, allow_weak=True)


def tags_of(request: HttpRequest, name: str) -> list[tuple[bool, str]] | None:
    """(weak, value) of each tag; an empty list stands for `*`; None without the header."""
    given = request.headers.get(name)
    if given is None:
        return None
    if given.strip() == "*":
        return []
    if not TAGS.fullmatch(given):
        raise Problem("invalid_header", f'{name} must be * or quoted tags, as in "42".')
    return [(bool(weak), value) for weak, value in TAG.findall(given)]


def matches(tags: list[tuple[bool, str]], version: int, *, allow_weak: bool) -> bool:
    return not tags or any(value == str(version) and (allow_weak or not weak) for weak, value in tags)


def now_is(version: int | None) -> str:
    return "there is no such audience" if version is None else f"the version is {version}"

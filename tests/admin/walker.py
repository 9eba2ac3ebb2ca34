"""Every address of the site, from the resolver itself, filled with the ids of one account."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize

from connectors.admin.steps import STEPS
from syncapp.accounts.models import Account
from tests.admin.canaries import Rows

UNKNOWN_NUMBER = 9_876_543_210
UNKNOWN_UUID = uuid.UUID(int=7)
SETUP_STEPS = tuple(step.slug for step in STEPS)
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class Unwalked(AssertionError):
    """An address with a parameter the walker cannot fill: tell it how, in `fillings`."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address. `model` is whose page it is; `unknown` the same address with an id nobody has."""

    route: str
    address: str
    model: type[models.Model] | None = None
    unknown: str = ""


def places(rows: Rows, account: Account) -> list[Place]:
    return [place for route, pattern in patterns() for place in fill(route, pattern, rows, account)]


def patterns(resolver: Any = None, before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + as_route(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


def as_route(pattern: Any) -> str:
    """A path's route, or a regular expression written as one."""
    if hasattr(pattern, "_route"):
        return str(pattern._route)
    form, names = normalize(pattern._regex)[0]
    return str(form % {name: f"<{name}>" for name in names})


def fill(route: str, pattern: URLPattern, rows: Rows, account: Account) -> Iterator[Place]:
    names = PARAMETER.findall(route)
    if not names:
        yield Place(route, route)
        return
    model = model_of(pattern, route)
    known, unknown = fillings(rows, account, model), fillings({}, None, model)
    missing = [name for name in names if name not in known]
    if missing:
        raise Unwalked(f"{route}: nothing to fill {missing} with")
    for step in SETUP_STEPS if "step" in names else ("",):
        known["step"] = unknown["step"] = step
        yield Place(route, put(route, known), model, put(route, unknown) if "object_id" in names else "")


def put(route: str, values: dict[str, str]) -> str:
    return PARAMETER.sub(lambda match: values[match.group(1)], route)


def model_of(pattern: URLPattern, route: str) -> type[models.Model] | None:
    """From the address: /admin/<app>/<model>/…, whatever the view is wrapped in."""
    parts = route.strip("/").split("/")
    if len(parts) < 3 or parts[0] != "admin":
        return None
    return next(
        (
            model
            for model in admin.site._registry
            if [model._meta.app_label, model._meta.model_name] == parts[1:3]
        ),
        None,
    )


def fillings(rows: Rows, account: Account | None, model: type[models.Model] | None) -> dict[str, str]:
    """Parameter → value. Without an account: ids nobody has."""
    by_name = {found._meta.model_name: row for found, row in rows.items()}
    audience, person = by_name.get("audience"), by_name.get("profile")
    return {
        "object_id": str(object_id(rows, account, model)),
        "slug": account.slug if account is not None else "nobody",
        "external_id": audience.external_id if audience is not None else "nothing",
        "sync_id": f"sync_{by_name['syncsession'].pk}"
        if "syncsession" in by_name
        else f"sync_{UNKNOWN_NUMBER}",
        "webhook_id": str(by_name["endpoint"].pk) if "endpoint" in by_name else str(UNKNOWN_UUID),
        "number": "1",
        "purpose": "newsletter",
        "contact_external_id": person.external_id if person is not None else "nobody",
        "app_label": "audiences",
        "url": "no/such/page",
        "content_type_id": "1",
        "key": "abc123",
        "uidb36": "1",
        "request_id": "req_nobodys",
        "rest": "no/such/page",
        "step": "",
        **{f"{name}_id": str(row.pk) for name, row in by_name.items()},
    }


def object_id(rows: Rows, account: Account | None, model: type[models.Model] | None) -> Any:
    if model is Account and account is not None:
        return account.pk
    if model in rows:
        return rows[model].pk
    is_uuid = model is not None and isinstance(model._meta.pk, models.UUIDField)
    return UNKNOWN_UUID if is_uuid else UNKNOWN_NUMBER

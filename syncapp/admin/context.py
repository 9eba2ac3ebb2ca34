"""The shell's context on pages that are not the admin site's own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

OWN_PAGES = "/accounts/"


def shell(request: HttpRequest) -> dict[str, Any]:
    """Sign-in and own pages (allauth's) look like the rest."""
    if not request.path.startswith(OWN_PAGES):
        return {}
    return admin.site.each_context(request)

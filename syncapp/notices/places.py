"""Addresses of this site's pages, as a mail reader or another system needs them."""

from __future__ import annotations

from django.conf import settings


def absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"

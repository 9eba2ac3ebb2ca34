"""Addresses below /compat/."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("mailplus/", include("audiences.compat.mailplus.urls")),
    path("activate/", include("audiences.compat.activate.urls")),
]

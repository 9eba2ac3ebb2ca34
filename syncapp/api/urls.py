"""Addresses of the API that belong to no domain."""

from __future__ import annotations

from django.urls import path

from syncapp.api import pages
from syncapp.api.oauth import TokenView
from syncapp.api.published import LimitsView

urlpatterns = [
    path("oauth/token", TokenView.as_view(), name="oauth-token"),
    path("v1/limits", LimitsView.as_view()),
    path("v1/openapi.json", pages.openapi, name="openapi"),
    path("docs/", pages.show, name="api-docs"),
    path("docs/search.json", pages.search_index, name="api-docs-search"),
    path("docs/<slug:slug>", pages.show, name="api-guide"),
]

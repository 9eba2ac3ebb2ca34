"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from syncapp.accounts.views import switch_client
from syncapp.api.unknown import UnknownView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("api/", include("syncapp.api.urls")),
    path("api/v1/", include("audiences.api.urls")),
    path("api/v1/", include("syncapp.notices.api.urls")),
    path("compat/", include("audiences.compat.urls")),
    path("api/v1/<path:rest>", UnknownView.as_view()),
    path("inspect/", include("syncapp.api.inspector.urls")),
    path("accounts/", include("allauth.urls")),
    path("clients/switch/<slug:slug>/", switch_client, name="switch_client"),
]

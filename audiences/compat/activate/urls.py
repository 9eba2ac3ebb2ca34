"""Addresses below /compat/activate/, with and without `api/` as clients write them."""

from __future__ import annotations

from django.urls import include, path

from audiences.compat.activate.products import ProductsView
from audiences.compat.activate.tracking import TrackView
from audiences.compat.activate.views import VerifyView

calls = [
    path("v1/verifyAuth", VerifyView.as_view()),
    path("v1/track", TrackView.as_view()),
    path("v1/products", ProductsView.as_view()),
    path("products", ProductsView.as_view()),
]

urlpatterns = [path("", include(calls)), path("api/", include(calls))]

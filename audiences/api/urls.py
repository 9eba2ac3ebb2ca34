"""Addresses below /api/v1/. Segments arrive percent-encoded (syncapp.api.paths)."""

from __future__ import annotations

from django.urls import path

from audiences.api.batch import BatchView
from audiences.api.members import MembersView
from audiences.api.views import AudienceView

urlpatterns = [
    path("audiences/<str:external_id>", AudienceView.as_view()),
    path("audiences/<str:external_id>/members", MembersView.as_view()),
    path("audiences/<str:external_id>/members/batch", BatchView.as_view()),
]

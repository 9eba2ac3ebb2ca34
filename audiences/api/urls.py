"""Addresses below /api/v1/. Segments arrive percent-encoded (syncapp.api.paths)."""

from __future__ import annotations

from django.urls import path

from audiences.api.batch import BatchView
from audiences.api.jobs import (
    CancelJobView,
    ErrorsCsvView,
    ErrorsNdjsonView,
    JobErrorsView,
    JobsView,
    JobView,
    UnprocessedView,
)
from audiences.api.members import MembersView
from audiences.api.views import AudienceView

urlpatterns = [
    path("audiences/<str:external_id>", AudienceView.as_view()),
    path("audiences/<str:external_id>/members", MembersView.as_view()),
    path("audiences/<str:external_id>/members/batch", BatchView.as_view()),
    path("jobs", JobsView.as_view()),
    path("jobs/<str:job_id>", JobView.as_view()),
    path("jobs/<str:job_id>/cancel", CancelJobView.as_view()),
    path("jobs/<str:job_id>/errors", JobErrorsView.as_view()),
    path("jobs/<str:job_id>/errors.csv", ErrorsCsvView.as_view()),
    path("jobs/<str:job_id>/errors.ndjson", ErrorsNdjsonView.as_view()),
    path("jobs/<str:job_id>/unprocessed.ndjson", UnprocessedView.as_view()),
]

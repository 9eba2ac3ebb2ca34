"""Addresses below /api/v1/. Segments arrive percent-encoded (syncapp.api.paths)."""

from __future__ import annotations

from django.urls import path

from audiences.api.batch import BatchView
from audiences.api.changes import ChangesView
from audiences.api.consents import ConsentsView, ConsentView
from audiences.api.contact_batch import ContactBatchView
from audiences.api.contacts import ContactsView, ContactView, EraseView
from audiences.api.destructive import EmptyView, RestoreView
from audiences.api.held import HeldView
from audiences.api.imports import ImportsView
from audiences.api.jobs import (
    CancelJobView,
    ErrorsCsvView,
    ErrorsNdjsonView,
    JobErrorsView,
    JobsView,
    JobView,
    UnprocessedView,
)
from audiences.api.member_history import MemberHistoryView
from audiences.api.members import MembersView
from audiences.api.memberships import MembershipsView
from audiences.api.single import MemberView
from audiences.api.sync_chunks import ChunksView, ChunkView
from audiences.api.syncs import AudienceSyncsView, CancelSyncView, CommitView, SyncView
from audiences.api.views import AudiencesView, AudienceView, UsagesView

urlpatterns = [
    path("audiences", AudiencesView.as_view()),
    path("audiences/<str:external_id>", AudienceView.as_view()),
    path("audiences/<str:external_id>/usages", UsagesView.as_view()),
    path("audiences/<str:external_id>/restore", RestoreView.as_view()),
    path("audiences/<str:external_id>/empty", EmptyView.as_view()),
    path("audiences/<str:external_id>/members", MembersView.as_view()),
    path("audiences/<str:external_id>/members/batch", BatchView.as_view()),
    path("audiences/<str:external_id>/members/<str:contact_external_id>", MemberView.as_view()),
    path(
        "audiences/<str:external_id>/members/<str:contact_external_id>/history", MemberHistoryView.as_view()
    ),
    path("audiences/<str:external_id>/held", HeldView.as_view()),
    path("membership-changes", ChangesView.as_view()),
    path("contacts/<str:external_id>/audiences", MembershipsView.as_view()),
    path("contacts", ContactsView.as_view()),
    path("contacts/batch", ContactBatchView.as_view()),
    path("contacts/imports", ImportsView.as_view()),
    path("contacts/<str:external_id>", ContactView.as_view()),
    path("contacts/<str:external_id>/erase", EraseView.as_view()),
    path("contacts/<str:external_id>/consents", ConsentsView.as_view()),
    path("contacts/<str:external_id>/consents/<str:purpose>", ConsentView.as_view()),
    path("jobs", JobsView.as_view()),
    path("jobs/<str:job_id>", JobView.as_view()),
    path("jobs/<str:job_id>/cancel", CancelJobView.as_view()),
    path("jobs/<str:job_id>/errors", JobErrorsView.as_view()),
    path("jobs/<str:job_id>/errors.csv", ErrorsCsvView.as_view()),
    path("jobs/<str:job_id>/errors.ndjson", ErrorsNdjsonView.as_view()),
    path("jobs/<str:job_id>/unprocessed.ndjson", UnprocessedView.as_view()),
    path("audiences/<str:external_id>/syncs", AudienceSyncsView.as_view()),
    path("syncs/<str:sync_id>", SyncView.as_view()),
    path("syncs/<str:sync_id>/chunks", ChunksView.as_view()),
    path("syncs/<str:sync_id>/chunks/<str:number>", ChunkView.as_view()),
    path("syncs/<str:sync_id>/commit", CommitView.as_view()),
    path("syncs/<str:sync_id>/cancel", CancelSyncView.as_view()),
]

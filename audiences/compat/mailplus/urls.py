"""Addresses below /compat/mailplus/: both versions of Mail+'s paths. Segments arrive percent-encoded."""

from __future__ import annotations

from django.urls import include, path

from audiences.compat.mailplus.audiences import AudienceContactsView, AudiencesView, AudienceView
from audiences.compat.mailplus.contacts import ContactListView, ContactsView, ContactView
from audiences.compat.mailplus.finding import PropertiesView, SearchView, UpdatesView

calls = [
    path("audience", AudiencesView.as_view()),
    path("audience/<str:external_id>", AudienceView.as_view()),
    path("audience/<str:external_id>/contact", AudienceContactsView.as_view()),
    path("contact", ContactsView.as_view()),
    path("contact/list", ContactListView.as_view(), {"external_id": "list"}),
    path("contact/search", SearchView.as_view(), {"external_id": "search"}),
    path("contact/properties/list", PropertiesView.as_view()),
    path("contact/updates/list", UpdatesView.as_view()),
    path("contact/<str:external_id>", ContactView.as_view()),
]

urlpatterns = [
    path("integrationservice/", include(calls)),
    path("integrationservice-1.1.0/", include(calls)),
]

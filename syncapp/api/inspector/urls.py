"""Addresses below /inspect/."""

from __future__ import annotations

from django.urls import path

from syncapp.api.inspector import views

urlpatterns = [
    path("", views.door, name="inspect"),
    path("enter", views.enter, name="inspect-enter"),
    path("leave", views.leave, name="inspect-leave"),
    path("calls", views.calls, name="inspect-calls"),
    path("calls/rows", views.rows, name="inspect-rows"),
    path("calls/<str:request_id>", views.call, name="inspect-call"),
    path("calls/<str:request_id>/again", views.again, name="inspect-again"),
]

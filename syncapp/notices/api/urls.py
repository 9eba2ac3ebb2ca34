"""Addresses below /api/v1/webhooks."""

from __future__ import annotations

from django.urls import path

from syncapp.notices.api.views import (
    DeliveriesView,
    DeliveryView,
    RedeliverView,
    RotateView,
    TestView,
    WebhooksView,
    WebhookView,
)

ONE = "webhooks/<str:webhook_id>"
MESSAGE = f"{ONE}/deliveries/<str:delivery_id>"

urlpatterns = [
    path("webhooks", WebhooksView.as_view()),
    path(ONE, WebhookView.as_view()),
    path(f"{ONE}/rotate-secret", RotateView.as_view()),
    path(f"{ONE}/test", TestView.as_view()),
    path(f"{ONE}/deliveries", DeliveriesView.as_view()),
    path(MESSAGE, DeliveryView.as_view()),
    path(f"{MESSAGE}/redeliver", RedeliverView.as_view()),
]

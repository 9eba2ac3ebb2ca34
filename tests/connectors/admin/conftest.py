"""A real simulator, a client with people, and browsers signed in as Ann, Bob and Charlie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from audiences.models import Audience
from connectors.simulators import Running, start
from syncapp.accounts import scope
from tests.browser.scene import furnish
from tests.connectors.admin.scene import API_KEY, Scene, connect

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture(scope="session")
def esp_process() -> Iterator[Running]:
    with start("campaign_monitor", api_key=API_KEY, demo_data=False) as running:
        yield running


@pytest.fixture
def esp(esp_process: Running, settings: Any) -> Running:
    """The simulator is where the environment says Campaign Monitor is."""
    esp_process.reset()
    settings.ESP_BASE_URLS = {"campaign_monitor": esp_process.base_url}
    return esp_process


@pytest.fixture
def signed_in() -> Callable[[Any], Client]:
    def sign_in(user: Any) -> Client:
        client = Client()
        client.force_login(user, backend=BACKEND)
        return client

    return sign_in


@pytest.fixture
def scene(transactional_db: None, esp: Running, ann: Any, ann_account: Any, bob: Any, charlie: Any) -> Scene:
    """Ann's client with 240 people in an audience and a connection that is on; nothing ran yet."""
    furnish(ann_account, ann)
    with scope.account(ann_account):
        audience = Audience.objects.get(external_id="newsletter-readers")
    return connect(ann_account, esp, audience)

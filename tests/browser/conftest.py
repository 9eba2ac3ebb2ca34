"""A real Chromium on a real server. Without a Chromium the tests fail, unless SYNCAPP_NO_BROWSER is set.

`page_at(width, scheme)` opens a page that watches itself: after the test it must have had no console error,
no
violation of the page's policy and no request to another host.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.scene import furnish

# Playwright's loop runs in this thread; the ORM is used between its calls, never inside them.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
PHONE, DESK = 390, 1440
PageAt = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("SYNCAPP_NO_BROWSER") and not os.environ.get("CI"):
            pytest.skip("SYNCAPP_NO_BROWSER is set and there is no Chromium.")
        pytest.fail("The browser tests need Chromium. Install it, or set SYNCAPP_NO_BROWSER=1 to skip them.")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page_at(browser: Browser, live_server: Any) -> Iterator[PageAt]:
    """`page_at(390, "dark", user=ann)`: a page of that width and colour scheme, signed in as the user."""
    contexts, troubles = [], []

    def open_page(width: int = DESK, scheme: str = "light", user: Any = None, height: int = 900) -> Page:
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.add_init_script(WATCH)
        if user is not None:
            context.add_cookies([session_of(user, live_server.url)])
        contexts.append(context)
        page = context.new_page()
        watch(page, live_server.url, troubles)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy violation: " + event.violatedDirective + " " + event.blockedURI));
"""


def watch(page: Page, origin: str, troubles: list[str]) -> None:
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((origin, "data:", "blob:"))
            else troubles.append(f"host: {request.url}")
        ),
    )


def session_of(user: Any, origin: str) -> dict[str, str]:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": origin}


@pytest.fixture
def screenshot() -> Callable[..., None]:
    """Write a picture of the whole page into the folder that SYNCAPP_SCREENSHOTS names; nothing without it."""
    folder = os.environ.get("SYNCAPP_SCREENSHOTS")

    def take(page: Page, name: str, full_page: bool = True) -> None:
        if folder is not None:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=full_page)

    return take


@pytest.fixture
def furnished(live_server: Any, ann: Any, ann_account: Any, bob: Any, bob_account: Any) -> Any:
    """Ann's client with people, consents and audiences, as a user of the demo would find it."""
    furnish(ann_account, ann)
    return ann_account


def has_sideways_scroll(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def switch_theme(page: Page, scheme: str) -> None:
    """Unfold keeps the choice in the browser's storage."""
    page.evaluate(f"localStorage.setItem('_x_adminTheme', JSON.stringify('{scheme}'))")

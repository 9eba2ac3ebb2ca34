"""The page: served without any outside host, live, and deaf to HTML in people's names."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from .conftest import Place

ATTACK = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'


@pytest.fixture(params=[(1440, "light"), (390, "dark")], ids=["wide", "phone"])
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("SYNCAPP_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox"],
        )
        opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened.set_default_timeout(5000)
        yield opened
        browser.close()


def test_the_page_needs_no_other_host(place: Place) -> None:
    for path in ("", "page.css", "page.js"):
        answer = httpx.get(place.running.page_url + path)
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r"(https?:)?//\w", answer.text.replace("// ", ""))
        assert "innerHTML" not in answer.text


def test_control_refuses_what_a_foreign_page_could_send(place: Place) -> None:
    answer = httpx.post(
        f"{place.running.control_url}reset", content="{}", headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 400
    assert place.http.get("clients.json").json() != []
    assert httpx.post(f"{place.running.control_url}nothing", json={}).status_code == 400
    assert httpx.post(f"{place.running.control_url}faults", json=[]).status_code == 400


@pytest.mark.browser
def test_the_page_shows_what_happens_and_escapes_it(place: Place, page: Page) -> None:
    hosts, errors = set[str](), list[str]()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(place.running.page_url)
    expect(page.locator("#list-name")).to_have_text("News")
    expect(page.locator("#nobody")).to_be_visible()

    place.send_import(
        {
            "EmailAddress": "eve@example.com",
            "Name": ATTACK,
            "CustomFields": [{"Key": "City", "Value": ATTACK}],
        },
        {"EmailAddress": "ann@example.com", "Name": "Ann"},
    )

    expect(page.locator(".person")).to_have_count(2)
    expect(page.locator(".person", has_text="eve@example.com").locator("b").first).to_have_text(ATTACK)
    expect(page.locator(".call").first).to_contain_text("201")
    page.fill("#search", "ann")
    expect(page.locator(".person")).to_have_count(1)
    page.locator(".person summary").click()
    page.get_by_role("button", name="Unsubscribe link").click()
    expect(page.locator(".person .pill")).to_have_text("Unsubscribed")
    page.get_by_role("button", name="502 as HTML").click()
    expect(page.locator(".waiting")).to_contain_text("1 to go")
    assert place.http.get("clients.json").status_code == 502
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert (len(hosts), errors) == (1, [])


@pytest.mark.browser
def test_an_unchanged_row_is_left_alone(place: Place, page: Page) -> None:
    place.send_import({"EmailAddress": "ann@example.com", "Name": "Ann"})
    page.goto(place.running.page_url)
    expect(page.locator(".person")).to_have_count(1)
    page.evaluate("document.querySelector('.person').marked = true")
    place.send_import({"EmailAddress": "bob@example.com", "Name": "Bob"})
    expect(page.locator(".person")).to_have_count(2)
    assert page.evaluate("[...document.querySelectorAll('.person')].filter((row) => row.marked).length") == 1

"""The documentation is complete, valid, and needs nobody else's host."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path

import msgspec
import orjson
import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator

from audiences.api.documentation.links import LINKS
from syncapp.api import catalogue, examples, guide, published
from syncapp.api.changelog import entries
from syncapp.api.own_pages import LIMIT_WORDS, numbers_of
from syncapp.api.pages import openapi_document
from syncapp.api.schema import ERROR_CODES

METHODS = {"get", "put", "post", "delete", "patch"}
WITHOUT_KEY = {"/api/v1/openapi.json"}
EVERYTHING_ELSE = "/api/v1/{rest}"
ASSET = re.compile(r'(?:src|href)="/static/([^"]+)"')


@pytest.fixture(scope="module")
def document():
    return orjson.loads(orjson.dumps(openapi_document()))


@pytest.fixture(scope="module")
def shown():
    """Every page as it is served: {slug: text}."""
    client = Client()
    return {page.slug: client.get(page.url).content.decode() for page in guide.pages()}


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield f"{method.upper()} {path}", item[method]


def test_the_document_is_valid_without_a_warning():
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=io.StringIO()
    )


def test_the_document_is_served_as_it_is(client, document):
    answer = client.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == document
    assert document["openapi"].startswith("3.1")
    assert {"apiKey", "oauth2"} <= set(document["components"]["securitySchemes"])


def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern, path)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), pattern.callback


def test_every_address_and_method_is_documented(document):
    """What the resolver serves and what the document has are the same."""
    templates = {
        method: [to_pattern(path) for path, item in document["paths"].items() if method in item]
        for method in METHODS
    }
    served = set()
    for path, view in routes(get_resolver(), "/"):
        if not path.startswith("/api/v1/") or path in WITHOUT_KEY or path == EVERYTHING_ELSE:
            continue
        for method in METHODS:
            if hasattr(view.cls, method):
                served.add((path, method))
                assert any(pattern.fullmatch(path) for pattern in templates[method]), (method, path)
    documented = {
        (path, method) for path, item in document["paths"].items() for method in METHODS & set(item)
    }
    assert documented <= served


def to_pattern(path):
    """`/contacts/batch` with PUT is somebody whose id is “batch”."""
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def test_every_operation_has_words_statuses_and_examples(document):
    tags = {tag["name"]: tag for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert {"401", "403", "405", "406", "422", "429", "500", "503"} <= set(operation["responses"]), name
        assert {way for ways in operation["security"] for way in ways} == {"apiKey", "oauth2"}, name
        assert all(tags[tag]["description"] for tag in operation["tags"]), name
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"], (name, status)
            if int(status) >= 400:
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (name, status)
                assert content["examples"], (name, status)


def test_ids_of_operations_are_unique(document):
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_links_name_operations_and_their_parameters(document):
    parameters = {
        operation["operationId"]: {part["name"] for part in operation.get("parameters", ())}
        for _, operation in operations(document)
    }
    placed = set()
    for _, operation in operations(document):
        for status, response in operation["responses"].items():
            for link in response.get("links", {}).values():
                assert set(link["parameters"]) <= parameters[link["operationId"]], link
                placed.add((operation["operationId"], int(status), link["operationId"]))
    assert placed == {(link.source, link.status, link.target) for link in LINKS}


def test_every_code_is_one_that_an_operation_or_the_server_can_answer(document):
    documented = {code for _, operation in operations(document) for code in operation[ERROR_CODES]}
    # Where no operation is reached: the path, the client's own socket, the web server.
    outside = {"not_found", "forbidden", "request_timeout", "uri_too_long", "headers_too_large"}
    assert {kind.code for kind in catalogue.KINDS} == documented | outside


def test_examples_fit_their_schemas(document):
    checked = 0
    for name, operation in operations(document):
        bodies = [*operation["responses"].values()]
        if "requestBody" in operation:
            bodies.append(operation["requestBody"])
        for body in bodies:
            for content in body.get("content", {}).values():
                schema = {**content["schema"], "components": document["components"]}
                for example in content.get("examples", {}).values():
                    errors = list(Draft202012Validator(schema).iter_errors(example["value"]))
                    assert errors == [], (name, errors)
                    checked += 1
    assert checked >= 20


def test_every_tag_has_a_page_that_shows_its_operations(document, shown):
    slugs = {page.tag: page.slug for page in guide.pages() if page.tag}
    for name, operation in operations(document):
        page = shown[slugs[operation["tags"][0]]]
        assert f'id="{operation["operationId"]}"' in page, name
        assert html.escape(operation["summary"]) in page, name


def test_the_list_of_errors_names_every_code(shown):
    page = shown["errors"]
    assert all(f'id="{kind.code}"' in page for kind in catalogue.KINDS)
    assert all(f'id="item-{item.code}"' in page for item in catalogue.item_codes())


def test_codes_of_items_are_all_explained(document):
    """Those that descriptions name, and those that recorded answers have."""
    known = {item.code for item in catalogue.item_codes()}
    for name, operation in operations(document):
        _, _, named = operation["description"].partition("Codes of items")
        assert set(re.findall(r"`([a-z]+_[a-z_0-9]+)`", named.partition("\n-")[0])) <= known, name
        for call in examples.of_operation(operation["operationId"]):
            body = call["response"]["body"]
            if call["response"]["status"] < 300 and isinstance(body, dict):
                assert {error["code"] for error in body.get("errors") or ()} <= known, name


def test_the_limits_shown_are_those_enforced(shown, settings):
    names = {path for path, _ in numbers_of(msgspec.to_builtins(published.current()))}
    assert names == set(LIMIT_WORDS)
    assert f"{settings.API_REQUESTS_PER_MINUTE:,}" in shown["limits"]
    settings.API_REQUESTS_PER_MINUTE = 4711
    assert "4,711" in Client().get("/api/docs/limits").content.decode()


def test_the_changelog_is_dated_from_the_newest_on():
    dates = [entry.date for entry in entries()]
    assert dates == sorted(dates, reverse=True)
    assert all(entry.changes for entry in entries())


def test_links_between_pages_lead_somewhere(shown):
    anchors = {slug: set(re.findall(r'\bid="([^"]+)"', text)) for slug, text in shown.items()}
    for slug, text in shown.items():
        for address in re.findall(r'href="([^"]+)"', text):
            path, _, anchor = address.partition("#")
            if path.startswith(("/static/", "/api/v1/openapi", "/inspect/", "https://")):
                continue
            target = slug if path == "" else path.removeprefix(guide.ROOT)
            assert target in anchors, (slug, address)
            assert anchor == "" or anchor in anchors[target], (slug, address)


def test_the_search_finds_pages_operations_and_codes(client, document):
    titles = {entry["title"]: entry["url"] for entry in client.get("/api/docs/search.json").json()}
    assert {page.title for page in guide.pages()} <= set(titles)
    assert {kind.code for kind in catalogue.KINDS} <= set(titles)
    assert {html.unescape(operation["summary"]) for _, operation in operations(document)} <= set(titles)
    assert titles["Membership is not consent"] == "/api/docs/guarantees#consent"


def test_the_pages_are_served_from_here_alone(client, shown):
    for slug, text in shown.items():
        answer = client.get(guide.ROOT + slug)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert not re.search(r"https?:|\*|unsafe", policy)
        assets = ASSET.findall(text)
        assert assets
        assert all(finders.find(asset) for asset in assets)
        assert not re.search(r'(?:src|action)="(?:https?:)?//|<style|\sstyle="|\son\w+="', text), slug
    for name in ("api/docs.css", "api/docs.js", "api/try.js"):
        assert "://" not in Path(finders.find(name)).read_text()


def test_the_key_is_kept_in_memory_only():
    words = Path(finders.find("api/try.js")).read_text()
    assert not re.search(r"localStorage|sessionStorage|cookie|indexedDB", words)


def test_only_a_demo_shows_a_key(client, settings, tmp_path):
    assert 'data-demo=""' in client.get("/api/docs/").content.decode()
    (tmp_path / "key").write_text("ak_live_demo\n")
    settings.API_DEMO_KEY_FILE = str(tmp_path / "key")
    assert 'data-demo="ak_live_demo"' in client.get("/api/docs/").content.decode()
    settings.API_DEMO_KEY_FILE = str(tmp_path / "none")
    assert 'data-demo=""' in client.get("/api/docs/").content.decode()


def test_pages_that_are_not_there_are_problems(client):
    answer = client.get("/api/docs/nowhere")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")

"""The documentation is complete, valid, and needs nobody else's host."""

from __future__ import annotations

import io
import re
from pathlib import Path

import orjson
import pytest
import schemathesis
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from syncapp.accounts import keys
from syncapp.accounts.models import ApiKey
from syncapp.api import catalogue
from syncapp.api.pages import openapi_document

METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(scope="module")
def document():
    return orjson.loads(orjson.dumps(openapi_document()))


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


def test_every_address_is_documented(document):
    """Every pattern under api/v1/ that a resolver knows, but the document itself."""
    patterns = set()
    for resolver in get_resolver().url_patterns:
        if str(resolver.pattern).startswith("api/"):
            for pattern in resolver.url_patterns:
                patterns.add(
                    "/" + str(resolver.pattern) + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
                )
    served = {path for path in patterns if path.startswith("/api/v1/")} - {"/api/v1/openapi.json"}
    assert served == set(document["paths"])


def test_every_operation_has_words_statuses_and_examples(document):
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert {"401", "403", "405", "406", "422", "429", "500", "503"} <= set(operation["responses"]), name
        assert operation["security"][0] == {"apiKey": []}, name
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (name, status)
                assert content["examples"], (name, status)


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


def test_the_list_of_errors_is_a_page(client):
    page = client.get("/api/docs/errors").content.decode()
    assert all(f'id="{kind.code}"' in page for kind in catalogue.KINDS)


def test_the_pages_name_no_other_host(client):
    for path in ("/api/docs/", "/api/docs/errors"):
        answer = client.get(path)
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "http://" not in page
        assert "https://" not in page
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert not re.search(r"https?:|\*|unsafe-eval", policy)
        assets = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
        assert assets
        assert all(finders.find(asset) for asset in assets)
    assert "validatorUrl: null" in Path(finders.find("api/try.js")).read_text()


@pytest.mark.django_db(transaction=True)  # the WSGI door closes connections between requests
def test_no_answer_is_undocumented(ann_account, bob_account, audience_of, settings):
    """Schemathesis, with values that fit and that do not, and another account's id among them.

    Left out: that every unfit value is refused (a batch with one bad item is answered 207, with the item failed)
    and every fit one taken (an id in the body that differs from the path's is 422).
    """
    settings.API_REQUESTS_PER_MINUTE = settings.API_MEMBER_OPERATIONS_PER_MINUTE = 10**9
    settings.ALLOWED_HOSTS = ["localhost"]
    audience_of(ann_account, "VIP", external_id="vip-2024", unknown_contacts="create")
    audience_of(bob_account, "Bob’s", external_id="bobs")
    _, key = keys.issue(ann_account, "schemathesis", ApiKey.Scope.values)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    statuses: list[int] = []

    def send(case, external_id):
        if external_id is not None and "external_id" in case.path_parameters:
            case.path_parameters["external_id"] = external_id
        response = case.call_and_validate(
            headers={"Authorization": f"Bearer {key}"},
            excluded_checks=[negative_data_rejection, positive_data_acceptance],
        )
        statuses.append(response.status_code)

    known_ids = st.sampled_from([None, "vip-2024", "vip-2024", "bobs"])
    for result in schema.get_all_operations():
        for mode in schemathesis.GenerationMode:
            cases = result.ok().as_strategy(generation_mode=mode)
            CASES(given(case=cases, external_id=known_ids)(send))()
    assert len(statuses) >= 200
    assert max(statuses) < 500
    assert {200, 404, 422} <= set(statuses)


CASES = hypothesis_settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

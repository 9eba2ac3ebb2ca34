"""Generated calls: such that fit the document, such that do not, and chains that follow the document's links."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure, FlakyStrategyDefinition
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    allow_header_conformance,
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup

from syncapp.api.schema import ERROR_CODES
from tests.fuzz.report import Report
from tests.fuzz.scene import Values

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
SHARES = {"positive": 0.4, "negative": 0.4, "stateful": 0.2}
PRECONDITIONS = {"Idempotency-Key", "If-Match", "If-None-Match", "Content-Digest"}
CHAINS, STEPS = 20, 6
TIMEOUT_S = 30


def run(url: str, key: str, values: Values, cases: int, seed: int) -> Report:
    report = Report()
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    headers = {"Authorization": f"Bearer {key}"}

    def send(phase: str, case: Case) -> Any:
        response = None
        try:
            response = case.call(base_url=url, headers=headers, timeout=TIMEOUT_S)
            report.took(phase, case, response)
            case.validate_response(response, checks=CHECKS)
            check_code(case, response)
        except (FailureGroup, AssertionError, OSError) as error:
            report.failed(case, response, error)
        return response

    operations = [result.ok() for result in schema.get_all_operations()]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        share = round(cases * SHARES[mode.value] / len(operations)) + 1
        for operation in operations:
            try_operation(operation, mode, share, seed, values, send)
    try_chains(schema, report, round(cases * SHARES["stateful"]), seed, send)
    return report


def check_code(case: Case, response: Any) -> None:
    """The problem's code is one that the operation documents, or the path reached none."""
    if response.status_code >= 400:
        code = response.json()["code"]
        documented = case.operation.definition.raw[ERROR_CODES]
        assert code in (*documented, "not_found"), f"{code} is not documented."


def try_operation(
    operation: Any,
    mode: GenerationMode,
    count: int,
    seed: int,
    values: Values,
    send: Callable[[str, Case], Any],
) -> None:
    """`count` calls of one operation. Most name something that is there; fitting ones seldom have preconditions."""
    known = st.fixed_dictionaries(
        {
            name: st.sampled_from([None, *found, *found])
            for name, found in values.items()
            if found and any(part.name == name for part in operation.path_parameters)
        }
    )

    def once(case: Case, chosen: dict[str, str | None], is_bare: bool) -> None:
        if is_bare and mode is GenerationMode.POSITIVE:
            for name in PRECONDITIONS & set(case.headers or ()):
                del case.headers[name]
        for name, value in chosen.items():
            if value is not None:
                case.path_parameters[name] = quote(value, safe="")
        send(mode.value, case)

    bare = st.sampled_from([True, True, True, False])
    given = hypothesis.given(case=operation.as_strategy(generation_mode=mode), chosen=known, is_bare=bare)
    hypothesis.seed(seed)(settings_of(count)(given(once)))()


def try_chains(schema: Any, report: Report, count: int, seed: int, send: Callable[[str, Case], Any]) -> None:
    """Chains until `count` calls were made, a few at a time.

    Hypothesis gives up where the same choices meet another answer, which is what a server that remembers does.
    """

    class Chains(schema.as_state_machine()):  # type: ignore[misc]
        def call(self, case: Case, **options: Any) -> Any:
            return send("stateful", case)

        def validate_response(self, *given: Any, **options: Any) -> None:
            """Done by `send`."""

    for start in itertools.count(seed):
        if report.cases["stateful"] >= count:
            return
        hypothesis.seed(start)(Chains)
        with contextlib.suppress(FlakyFailure, FlakyStrategyDefinition):
            Chains.run(settings=settings_of(CHAINS, stateful_step_count=STEPS))


def settings_of(count: int, **others: Any) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        **others,
    )

"""Generated calls, such that fit the document and such that do not: no answer that is not documented, none of 5xx.

`python3 -m tests.fuzz --cases 10000` is the long form. What values are accepted or refused is not judged here: a batch
with one bad item is answered 207, with that item failed.
"""

from __future__ import annotations

import pytest

from tests.fuzz.run_on_server import run_on_server

CASES = 600


@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
def test_no_answer_is_undocumented():
    report = run_on_server(CASES, seed=20261122)
    found = "\n\n".join(f"{count} × {name}\n{report.samples[name]}" for name, count in report.found.items())
    assert found == ""
    assert report.server_errors == 0
    assert sum(report.cases.values()) >= 500
    assert {200, 201, 204, 404, 422} <= set(report.statuses)

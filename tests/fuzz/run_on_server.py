"""The calls against a server that runs as in production, on Django's default database."""

from __future__ import annotations

from tests.api.server import running_web
from tests.fuzz.report import Report
from tests.fuzz.running import run
from tests.fuzz.scene import furnish

PLENTY = str(10**9)


def run_on_server(cases: int, seed: int) -> Report:
    key, values = furnish()
    quotas = {
        "SYNCAPP_API_REQUESTS_PER_MINUTE": PLENTY,
        "SYNCAPP_API_MEMBER_OPERATIONS_PER_MINUTE": PLENTY,
    }
    with running_web(**quotas) as (url, _):
        return run(url, key, values, cases, seed)

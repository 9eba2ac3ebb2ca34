"""What came of the generated calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from schemathesis import Case, Response
from schemathesis.core.failures import Failure, FailureGroup


@dataclass
class Report:
    """`found` counts failures by what they are; `samples` shows the first call of each."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    found: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)

    def took(self, phase: str, case: Case, response: Response) -> None:
        self.cases[phase] += 1
        self.statuses[response.status_code] += 1
        self.operations.add(case.operation.label)
        if response.status_code >= 400:
            self.codes[response.json()["code"]] += 1

    def failed(self, case: Case, response: Response | None, error: BaseException) -> None:
        for one in error.exceptions if isinstance(error, FailureGroup) else [error]:
            title = getattr(one, "title", type(one).__name__)
            status = response.status_code if response is not None else 0
            name = f"{case.operation.label} → {status}: {title}"
            self.found[name] += 1
            self.samples.setdefault(name, describe(case, response, one))

    def summary(self) -> dict[str, Any]:
        return {
            "cases": sum(self.cases.values()),
            **dict(self.cases),
            "operations": len(self.operations),
            "statuses": {str(status): self.statuses[status] for status in sorted(self.statuses)},
            "codes": dict(self.codes.most_common()),
            "server_errors": self.server_errors,
            "undocumented": sum(self.found.values()),
            "ok": self.server_errors == 0 and not self.found,
        }


def describe(case: Case, response: Response | None, error: BaseException) -> str:
    words = error.message if isinstance(error, Failure) else repr(error)
    answered = response.content[:800] if response is not None else b""
    return f"{words}\n{case.as_curl_command()[:1500]}\n{answered!r}"

"""Keys of the ledger in words."""

from __future__ import annotations

from audiences.models import Objective

METHODS = {
    "double_opt_in": "double opt-in",
    "single": "single opt-in",
    "import": "from a list",
    "api": "by API",
    "": "–",
}


def method(key: str) -> str:
    return METHODS.get(key, key.replace("_", " "))


def source(written: str) -> str:
    """`api:Web shop` → “API key Web shop”; see Consent.source."""
    kind, _, name = written.partition(":")
    if name == "":
        return written or "–"
    words = {"api": "API key {}", "admin": "{}", "import": "import “{}”", "connection": "connection no. {}"}
    return words.get(kind, "{}").format(name) if kind in words else written


def objective_labels() -> dict[tuple[int, str], str]:
    """{(account, key): label} of the clients in view: few rows, whatever the number of people."""
    rows = Objective.objects.values_list("account_id", "key", "label")
    return {(account_id, key): label for account_id, key, label in rows}

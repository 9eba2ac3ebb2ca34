"""What may close the API to an account. Whoever keeps such a switch registers a check when the app starts."""

from __future__ import annotations

from collections.abc import Callable

from syncapp.accounts.keys import Client

Check = Callable[[Client], None]
_checks: list[Check] = []


def register(check: Check) -> None:
    """`check` is called within the account's scope before each call, and raises the Problem that refuses it."""
    if check not in _checks:
        _checks.append(check)


def pass_all(client: Client) -> None:
    for check in _checks:
        check(client)

"""What may close the API to an account. Whoever keeps such a switch registers a check when the app starts."""

from __future__ import annotations

from collections.abc import Callable

from syncapp.accounts.keys import Client

Check = Callable[[Client], None]
_checks: list[Check] = []


def register(check: Check) -> Check:
    """A decorator. The check is called within the account's scope before each call, and raises what refuses it."""
    _checks.append(check)
    return check


def pass_all(client: Client) -> None:
    for check in _checks:
        check(client)

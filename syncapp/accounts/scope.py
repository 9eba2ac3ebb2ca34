"""Which accounts the running request, task or command may see.

The scope is a context variable. Two walls read it: the managers of tenant models (the filter) and, through
the database backend, PostgreSQL's setting `app.accounts` (row-level security, the wall behind the filter).
Outside any scope the managers raise and the database shows no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


class Missing(RuntimeError):
    """A tenant's rows were asked for outside any scope."""


class HasKey(Protocol):
    @property
    def pk(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """`account_ids` is sorted; None means every account, which only maintenance may ask for."""

    account_ids: tuple[int, ...] | None

    @property
    def setting(self) -> str:
        """The value of PostgreSQL's `app.accounts`: `*` or an array literal like `{1,7}`."""
        if self.account_ids is None:
            return "*"
        return "{" + ",".join(map(str, self.account_ids)) + "}"

    @property
    def only(self) -> int | None:
        """The account when there is exactly one."""
        if self.account_ids is not None and len(self.account_ids) == 1:
            return self.account_ids[0]
        return None

    def holds(self, account_id: int) -> bool:
        return self.account_ids is None or account_id in self.account_ids


NOTHING = Scope(())
_current: ContextVar[Scope | None] = ContextVar("accounts_scope", default=None)


def current() -> Scope | None:
    return _current.get()


def required() -> Scope:
    found = _current.get()
    if found is None:
        raise Missing("No account is in scope: enter scope.account(…) before reading a client's rows.")
    return found


@contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)


def accounts(account_ids: Iterable[int]) -> AbstractContextManager[Scope]:
    """Enter the scope of these accounts; an empty collection sees nothing."""
    return entered(Scope(tuple(sorted(set(account_ids)))))


def account(one: int | HasKey) -> AbstractContextManager[Scope]:
    return accounts([one if isinstance(one, int) else one.pk])


def everything(reason: str) -> AbstractContextManager[Scope]:
    """Enter the scope of all accounts. The reason is for the reader of the code: maintenance, look-up of a key."""
    if not reason:
        raise ValueError("Say why every account has to be in scope.")
    return entered(Scope(None))

"""Renews the lease of a running handler, so that leases can be short and handlers long."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from django.db import DatabaseError, InterfaceError, connection

from syncapp.work import ledger
from syncapp.work.ledger import Claim
from syncapp.work.slices import Slice


class Heartbeat:
    """Renews every third of the lease, from a thread with its own connection, opened at the first renewal.

    A lease that is another's by now, or could not be renewed in time, ends the slice.
    """

    def __init__(self, held: Claim, slice_: Slice) -> None:
        self._held = held
        self._slice = slice_
        self._over = threading.Event()
        self._renewed_at_s = time.monotonic()

    def __enter__(self) -> None:
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()  # not joined: a renewal may wait for a row that a long transaction holds

    def _run(self) -> None:
        try:
            while not self._over.wait(self._held.lease_s / 3):
                self._beat()
        finally:
            connection.close()

    def _beat(self) -> None:
        began_at_s = time.monotonic()
        try:
            if ledger.renew(self._held):
                self._renewed_at_s = began_at_s
            else:
                self._slice.lose()
        except (DatabaseError, InterfaceError):
            connection.close()
            if time.monotonic() > self._renewed_at_s + self._held.lease_s:
                self._slice.lose()

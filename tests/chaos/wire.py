"""The point "after_send": a writing request is out, nothing of its answer was read.

It lies in the ESP library, which knows nothing of workers; so it is put there from outside.
"""

from __future__ import annotations

import threading
from typing import Any

from connectors.esp import deadline, http
from syncapp.work import crashing


class Calling(threading.local):
    """The verb of the thread's writing call, "" while it writes nothing."""

    operation = ""


calling = Calling()


def tap() -> None:
    call, read = http.Http.call, deadline._Stream.read

    def call_and_tell(self: http.Http, what: http.Call) -> http.Reply:
        calling.operation = "" if what.method == "GET" else what.operation
        return call(self, what)

    def crash_or_read(self: Any, max_bytes: int, timeout: float | None = None) -> bytes:
        if calling.operation:
            crashing.reached("after_send", calling.operation)
        return read(self, max_bytes, timeout)

    http.Http.call = call_and_tell  # type: ignore[method-assign]
    deadline._Stream.read = crash_or_read  # type: ignore[method-assign]

"""Why one item is not taken."""

from __future__ import annotations


class Refused(Exception):
    """One item cannot be taken."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.pointer = code, detail, pointer

"""Sync sessions: an audience replaced as a whole, or changed in many chunks, and visible at once.

A session is opened, takes chunks in any order, and is committed; a worker checks its guards and swaps in one
transaction, so that readers see the old members or the new ones. `confirm` and `refuse` are a person's answers to a
session that a guard stopped.
"""

from audiences.syncs.committing import CannotConfirm, commit, confirm, refuse, token_of
from audiences.syncs.sessions import Wanted, cancel, find, open_session

__all__ = [
    "CannotConfirm",
    "Wanted",
    "cancel",
    "commit",
    "confirm",
    "find",
    "open_session",
    "refuse",
    "token_of",
]

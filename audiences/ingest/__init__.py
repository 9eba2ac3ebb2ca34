"""The one way in for people: contact data, memberships and consents, set-based, one transaction per call.

`apply` takes up to some ten thousand operations and answers for each; `load` streams any number of contacts
in chunks. Whoever reacts to changed people registers with `audiences.changes`.
"""

from audiences.ingest.call import Part, apply, apply_to_several
from audiences.ingest.load import Loaded, load
from audiences.ingest.types import (
    COUNTS,
    KEEP,
    ConsentGiven,
    Contact,
    ItemOutcome,
    Keep,
    Operation,
    Result,
    Value,
)

__all__ = [
    "COUNTS",
    "KEEP",
    "ConsentGiven",
    "Contact",
    "ItemOutcome",
    "Keep",
    "Loaded",
    "Operation",
    "Part",
    "Result",
    "Value",
    "apply",
    "apply_to_several",
    "load",
]

"""Forgetting people: deleted (they may come back) or erased (they never do). In two steps.

`leave`, one transaction: from then on there is no such person. Memberships, held operations, identifying values,
consents and events are gone, and of the profile an empty row is left, by which connections know whom to take off
the ESPs' lists: the change feed tells them, and they remember the address the ESP accepted. An erasure leaves HMACs
of the external id and the address, and a suppression; what comes in for these answers `erased`.

`vanish`, when everybody who registered says that nothing of the person has to be done any more: their rows and the
empty row go, too. After `MOST_WAITED` it goes in any case, and tells where the person may still be.
"""

from audiences.erasing.keepers import register
from audiences.erasing.leaving import Names, bury_unknown, leave
from audiences.erasing.tombstones import is_erased, is_erased_address
from audiences.erasing.vanishing import MOST_WAITED, Vanished, pause_s, vanish

__all__ = [
    "MOST_WAITED",
    "Names",
    "Vanished",
    "bury_unknown",
    "is_erased",
    "is_erased_address",
    "leave",
    "pause_s",
    "register",
    "vanish",
]

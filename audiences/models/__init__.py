"""Who: people, what they agreed to, and the groups they are in."""

from audiences.models.audience import Audience, Member, Pending
from audiences.models.change import Change
from audiences.models.consent import Consent, Objective, Suppression
from audiences.models.profile import Identifier, Profile, Property

__all__ = [
    "Audience",
    "Change",
    "Consent",
    "Identifier",
    "Member",
    "Objective",
    "Pending",
    "Profile",
    "Property",
    "Suppression",
]

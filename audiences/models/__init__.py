"""Who: people, what they agreed to, and the groups they are in."""

from audiences.models.audience import Audience, Member, Pending
from audiences.models.change import Change
from audiences.models.consent import Consent, Erasure, Objective, Suppression
from audiences.models.event import Event, Product
from audiences.models.export import MemberExport
from audiences.models.history import AudienceSize, MembershipChange
from audiences.models.job import Job, JobError, JobPart
from audiences.models.profile import Identifier, Profile, Property
from audiences.models.push import PushSettings, push_settings
from audiences.models.sync import StagedItem, SyncChunk, SyncSession

__all__ = [
    "Audience",
    "AudienceSize",
    "Change",
    "Consent",
    "Erasure",
    "Event",
    "Identifier",
    "Job",
    "JobError",
    "JobPart",
    "Member",
    "MemberExport",
    "MembershipChange",
    "Objective",
    "Pending",
    "Product",
    "Profile",
    "Property",
    "PushSettings",
    "StagedItem",
    "Suppression",
    "SyncChunk",
    "SyncSession",
    "push_settings",
]

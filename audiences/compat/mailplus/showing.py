"""Contacts as Mail+ shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audiences.compat.mailplus.moments import to_moment
from audiences.compat.mailplus.vocabulary import EMAIL, PERMISSIONS, Vocabulary
from audiences.models import Consent, Profile, Suppression
from audiences.suppressions import to_hmac


def show_one(profile: Profile, words: Vocabulary) -> dict[str, Any]:
    return show([profile], words)[0]


def show(profiles: Sequence[Profile], words: Vocabulary) -> list[dict[str, Any]]:
    """The channel of e-mail is open where there is an address that is not suppressed."""
    closed = suppressed_among(profiles)
    return [to_out(one, words, one.email is not None and one.email not in closed) for one in profiles]


def suppressed_among(profiles: Sequence[Profile]) -> set[str]:
    hmacs = {to_hmac(one.email): one.email for one in profiles if one.email is not None}
    if not hmacs:
        return set()
    rows = Suppression.objects.of(profiles[0].account_id).filter(address_hmac__in=list(hmacs))
    return {hmacs[bytes(found)] for found in rows.values_list("address_hmac", flat=True)}


def to_out(profile: Profile, words: Vocabulary, can_mail: bool) -> dict[str, Any]:
    permissions = [
        {"bit": bit, "enabled": profile.consents.get(key, {}).get("state") == Consent.State.GRANTED}
        for bit, key in words.bits.items()
    ]
    known = {key: value for key, value in profile.properties.items() if key in words.properties}
    return {
        "externalId": profile.external_id,
        "testGroup": False,
        "properties": {EMAIL: profile.email, **known, PERMISSIONS: permissions},
        "channels": [{"name": "EMAIL", "value": can_mail}],
        "created": to_moment(profile.created_at),
        "lastChanged": to_moment(profile.updated_at),
        "encryptedId": str(profile.pk),
        "temporary": False,
    }

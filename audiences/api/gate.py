"""The account's switch for the whole audience API."""

from __future__ import annotations

from audiences.models.push import push_settings
from syncapp.accounts.keys import Client
from syncapp.api import gates
from syncapp.api.problems import Problem


@gates.register
def refuse_switched_off(client: Client) -> None:
    if not push_settings(client.account_id).is_enabled:
        raise Problem("feature_not_enabled", "The audience API is switched off for this account.")

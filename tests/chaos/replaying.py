"""What staff do with people who were given up only because workers died around them."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.sync.delivering import deadletters
from connectors.sync.delivering.crashes import QUARANTINED
from syncapp.accounts import scope
from tests.chaos.scene import Client


def replay_quarantined(clients: Sequence[Client]) -> int:
    """How many were quarantined; all of them are tried again."""
    people = 0
    for client in clients:
        with scope.account(client.account):
            for goal in client.goals:
                found = deadletters.dead(goal).filter(error_class=QUARANTINED).count()
                if found:
                    deadletters.replay(goal, None, error_class=QUARANTINED)
                people += found
    return people

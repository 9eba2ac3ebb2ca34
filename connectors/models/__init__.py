"""Where to and from: credentials, connections, what they move, and what came of it for every person."""

from connectors.models.authorization import Authorization
from connectors.models.call import Call
from connectors.models.connection import Connection, ConnectionObjective
from connectors.models.goal import Goal, GoalAudience, Mapping
from connectors.models.pace import Breaker, CallBudget
from connectors.models.reconciliation import Finding, ListEntry, Reconciliation
from connectors.models.run import Outcome, Run
from connectors.models.subscriber import Flight, Subscriber

__all__ = [
    "Authorization",
    "Breaker",
    "Call",
    "CallBudget",
    "Connection",
    "ConnectionObjective",
    "Finding",
    "Flight",
    "Goal",
    "GoalAudience",
    "ListEntry",
    "Mapping",
    "Outcome",
    "Reconciliation",
    "Run",
    "Subscriber",
]

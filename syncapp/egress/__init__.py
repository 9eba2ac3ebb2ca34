"""Requests to addresses that people of a client typed in: nothing inside our own network is ever reached.

What is allowed is decided on the numbers a connection is made to, after the name was looked up and at the moment of
connecting (`sockets`); what a URL says is checked before only so that a person is told early and in words (`targets`).
For the ESPs' fixed hosts see `connectors.esp.http`.
"""

from syncapp.egress.addresses import is_public
from syncapp.egress.errors import EgressError, Forbidden, Unreachable
from syncapp.egress.policy import Policy
from syncapp.egress.requests import Answer, Sender
from syncapp.egress.targets import Target, parse

__all__ = [
    "Answer",
    "EgressError",
    "Forbidden",
    "Policy",
    "Sender",
    "Target",
    "Unreachable",
    "is_public",
    "parse",
]

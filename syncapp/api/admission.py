"""What every call with a valid credential goes through, whichever door it came by."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from syncapp.accounts.keys import Client
from syncapp.api import gates, rates
from syncapp.api.addresses import check_network
from syncapp.api.problems import Problem


def admit(request: HttpRequest, client: Client, *, gated: bool = True) -> None:
    """Let the call in, or raise its Problem. Within the scope of the client's account, outside any transaction.

    The request learns whose it is (`api_client`), for the log of calls, and where the quotas stand (`api_rates`),
    for the headers of the answer. From outside the key's networks nothing is used up: who stole a key could
    otherwise silence its owner.
    """
    request.api_client = client  # type: ignore[attr-defined]
    try:
        check_network(request, client)
        requests = rates.take_request(client)
    except Problem:
        request.api_rates = rates.look(client)  # type: ignore[attr-defined]
        raise
    request.api_rates = rates.Standing(requests, rates.look(client).operations)  # type: ignore[attr-defined]
    if gated:
        gates.pass_all(client)


def client_of(request: HttpRequest) -> Client | None:
    """Whose call it is; None where no credential was valid."""
    return getattr(request, "api_client", None)


def add_rate_headers(request: HttpRequest, response: HttpResponseBase) -> None:
    """On every answer to a known client, errors of ours included; what a view has set stays."""
    standing: rates.Standing | None = getattr(request, "api_rates", None)
    if standing is not None:
        for policy, quota in (("default", standing.requests), ("member-operations", standing.operations)):
            for name, value in rates.headers_of(policy, quota).items():
                response.headers.setdefault(name, value)

"""What every call with a valid credential goes through, whichever door it came by."""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase

from syncapp.accounts import scope
from syncapp.accounts.keys import Client
from syncapp.api import gates, rates
from syncapp.api.addresses import check_network
from syncapp.api.problems import Problem

logger = logging.getLogger(__name__)


def admit(request: HttpRequest, client: Client, *, gated: bool = True) -> None:
    """Let the call in, or raise its Problem. Within the scope of the client's account, outside any transaction.

    The request learns whose it is (`api_client`), for the log of calls, and what is left of the key's requests
    (`api_requests_left`), for the headers of the answer. From outside the key's networks nothing is used up: who
    stole a key could otherwise silence its owner.
    """
    request.api_client = client  # type: ignore[attr-defined]
    try:
        check_network(request, client)
        request.api_requests_left = rates.take_request(client)  # type: ignore[attr-defined]
    except Problem:
        request.api_requests_left = rates.look(client).requests  # type: ignore[attr-defined]
        raise
    if gated:
        gates.pass_all(client)


def client_of(request: HttpRequest) -> Client | None:
    """Whose call it is; None where no credential was valid."""
    return getattr(request, "api_client", None)


def add_rate_headers(request: HttpRequest, response: HttpResponseBase) -> None:
    """On every answer to a known client, errors of ours included; what a view has set stays.

    Where the quota of member operations stands is looked up only for calls that took nothing from it.
    """
    client = client_of(request)
    requests: rates.Quota | None = getattr(request, "api_requests_left", None)
    if client is None or requests is None:
        return
    add_headers(response, "default", requests)
    if rates.MEMBER_QUOTA not in response.headers:
        try:
            with scope.account(client.account_id):
                add_headers(response, "member-operations", rates.look(client).operations)
        except DatabaseError:  # the call has been answered; what is missing is a help only
            logger.exception("The quotas of key %s could not be read", client.key_id)


def add_headers(response: HttpResponseBase, policy: str, quota: rates.Quota) -> None:
    for name, value in rates.headers_of(policy, quota).items():
        response.headers.setdefault(name, value)

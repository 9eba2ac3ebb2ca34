"""Who calls: the account and an API key, each in a header of its own."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from syncapp.accounts import keys
from syncapp.accounts.models import Account
from syncapp.api.authentication import replaying_client
from syncapp.api.problems import Problem


class AccountKeyAuthentication(BaseAuthentication):
    """`X-AUTH-ACCOUNT`: the account's number or slug; `X-AUTH-APIKEY`: one of its API keys."""

    def authenticate(self, request: Request) -> tuple[None, keys.Client]:
        return None, identify(request._request)

    def authenticate_header(self, request: Request) -> str:
        return "Key"


def identify(request: HttpRequest) -> keys.Client:
    if (client := replaying_client(request)) is not None:
        return client
    try:
        client = keys.check(request.META.get("HTTP_X_AUTH_APIKEY", "").strip())
    except keys.Refused as error:
        request.api_refused = error.stored  # type: ignore[attr-defined]
        raise refused() from error
    if not is_account(client.account_id, request.META.get("HTTP_X_AUTH_ACCOUNT", "").strip()):
        raise refused()
    return client


def is_account(account_id: int, shown: str) -> bool:
    return shown == str(account_id) or Account.objects.filter(pk=account_id, slug=shown).exists()


def refused() -> Problem:
    return Problem(
        "invalid_credentials",
        "Send X-AUTH-ACCOUNT with the account's number or slug, and X-AUTH-APIKEY with a key of that account.",
    )

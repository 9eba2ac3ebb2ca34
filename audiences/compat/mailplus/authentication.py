"""Who calls: a consumer key of the account, and a signature over the call as it came. Refusals are 403, as there."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from audiences.compat.mailplus import nonces, oauth
from audiences.compat.mailplus.errors import NOT_AUTHORIZED, Failure
from syncapp.accounts import keys
from syncapp.api.authentication import replaying_client
from syncapp.api.paths import raw_path, to_routable

NOBODY_S_SECRET = ("",)


class ConsumerAuthentication(BaseAuthentication):
    """`request.auth` becomes a `keys.Client`. Whether the key or the signature is wrong is not told."""

    def authenticate(self, request: Request) -> tuple[None, keys.Client]:
        http = request._request
        if (replaying := replaying_client(http)) is not None:
            return None, replaying
        http.api_refused = None  # type: ignore[attr-defined]  # of nobody we know, until the call is let in
        try:
            signed = oauth.read(http.META.get("HTTP_AUTHORIZATION", ""), http.META.get("QUERY_STRING", ""))
        except oauth.Malformed as error:
            raise refused(str(error)) from error
        client = check_signature(http, signed)
        now = timezone.now()
        if not nonces.is_timely(signed, now):
            raise refused(f"oauth_timestamp is more than {nonces.SKEW_S} seconds from our clock.")
        if not nonces.take(client, signed):
            raise refused("This nonce was used before: sign each call anew.")
        keys.note_use(client, now)
        http.oauth_body_hash = signed.body_hash  # type: ignore[attr-defined]  # checked when the body is read
        return None, client

    def authenticate_header(self, request: Request) -> str:
        return 'OAuth realm="mailplus"'


def check_signature(request: HttpRequest, signed: oauth.Signed) -> keys.Client:
    client: keys.Client | None
    try:
        client, secrets = keys.consumer(signed.consumer_key)
    except keys.Refused as error:
        request.api_refused = error.stored  # type: ignore[attr-defined]
        client, secrets = None, NOBODY_S_SECRET
    is_right = oauth.is_signed(signed, str(request.method), urls_of(request), secrets)
    if client is None or not is_right:
        raise refused("The consumer key or the signature is not right.")
    return client


def urls_of(request: HttpRequest) -> list[str]:
    """The address as a client may have signed it: the path as it was sent, or in its one spelling.

    Scheme and host are what reached us, or those of our public address: a proxy in front may end TLS and name us
    otherwise.
    """
    public = urlsplit(settings.SITE_URL)
    host = request.get_host()
    places = dict.fromkeys(
        ((request.scheme or "http", host), (public.scheme, host), (public.scheme, public.netloc))
    )
    path = raw_path(request)
    paths = dict.fromkeys((path, to_routable(path)))
    return [oauth.to_url(scheme, name, one) for scheme, name in places for one in paths]


def refused(words: str) -> Failure:
    return Failure(403, NOT_AUTHORIZED, words)

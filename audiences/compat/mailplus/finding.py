"""Mail+'s calls that find contacts: by address, by when they changed; and what properties there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from audiences.addresses import InvalidAddress, normalise
from audiences.api.moments import is_storable
from audiences.compat.mailplus.contacts import ContactView
from audiences.compat.mailplus.moments import parse
from audiences.compat.mailplus.reading import invalid
from audiences.compat.mailplus.showing import show
from audiences.compat.mailplus.views import MailPlusView
from audiences.compat.mailplus.vocabulary import describe, vocabulary_of
from audiences.models import Profile
from syncapp.accounts.models import ApiKey
from syncapp.api.views import is_external_id

MOST_PER_PAGE = 1_000


class PropertiesView(MailPlusView):
    """`GET /contact/properties/list`"""

    scopes = {"GET": ApiKey.Scope.CONTACTS_READ}

    def get(self, request: Request) -> HttpResponse:
        return self.answer("properties", describe(vocabulary_of(self.client.account_id)))


class SearchView(ContactView):
    """`GET /contact/search?MPSearchQuery=email=…&pageSize=…`. Otherwise the contact called “search”."""

    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        name, _, value = http.GET.get("MPSearchQuery", "").partition("=")
        rows = people(self.client.account_id)
        match name.strip():
            case "email":
                rows = rows.filter(email=to_address(value))
            case "externalId":
                rows = rows.filter(external_id=value) if is_external_id(value) else rows.none()
            case _:
                raise invalid("MPSearchQuery must read email=… or externalId=…, percent-encoded.")
        return self.answer("contactList", page_of(http, rows, self.client.account_id))


class UpdatesView(MailPlusView):
    """`GET /contact/updates/list?fromDate=…&toDate=…&pageSize=…`: whose data or consents changed in that time."""

    scopes = {"GET": ApiKey.Scope.CONTACTS_READ}

    def get(self, request: Request) -> HttpResponse:
        http = request._request
        since, until = moment_of(http, "fromDate"), moment_of(http, "toDate")
        if since > until:
            raise invalid("fromDate must not be after toDate.")
        rows = people(self.client.account_id).filter(updated_at__gte=since, updated_at__lt=until)
        return self.answer("contactList", page_of(http, rows, self.client.account_id))


def people(account_id: int) -> Any:
    return Profile.objects.of(account_id).filter(forgotten_at=None).order_by("pk")


def page_of(request: HttpRequest, rows: Any, account_id: int) -> dict[str, Any]:
    """In the order of our ids, which never change: `after` is the last one shown."""
    size = page_size_of(request)
    after = request.GET.get("after", "")
    if after != "":
        rows = rows.filter(pk__gt=to_number(after, "after", 2**63 - 1))
    found = list(rows[: size + 1])
    page = found[:size]
    more = str(page[-1].pk) if len(found) > size else None
    paging = {"next": None if more is None else link_to(request, more), "after": more}
    return {"paging": paging, "contacts": show(page, vocabulary_of(account_id))}


def page_size_of(request: HttpRequest) -> int:
    size = to_number(request.GET.get("pageSize", ""), "pageSize", MOST_PER_PAGE)
    if size == 0:
        raise invalid("pageSize must be 1 at least.")
    return size


def to_number(text: str, name: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= most):
        raise invalid(f"{name} must be a whole number up to {most}.")
    return int(text)


def moment_of(request: HttpRequest, name: str) -> datetime:
    found = parse(request.GET.get(name))
    if found is None or not is_storable(found):
        raise invalid(f"{name} must be a moment like 2026-01-31T12:00:00Z.")
    return found


def to_address(value: str) -> str:
    try:
        return normalise(value)
    except InvalidAddress as error:
        raise invalid(f"MPSearchQuery: {error}") from error


def link_to(request: HttpRequest, after: str) -> str:
    own = {name: value for name, value in request.GET.dict().items() if not name.startswith("oauth_")}
    return f"{request.path_info}?{urlencode({**own, 'after': after})}"

"""The page on which a person chooses what to be told, client by client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from syncapp.accounts import access, scope
from syncapp.accounts.models import Account, User
from syncapp.admin.scoping import complete
from syncapp.notices import kinds
from syncapp.notices.models import Preference
from syncapp.notices.recipients import Choice, When, default_of, roles_in

AS_FOR_ALL = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind, as it stands. `value` is the choice, or AS_FOR_ALL where one source follows the client's."""

    kind: kinds.Kind
    value: str
    resolved: bool
    is_default: bool


def preferences_view(request: HttpRequest) -> HttpResponse:
    """`client` and `source` say whose choices are shown; a POST keeps them."""
    account = account_asked(request)
    if account is None:
        context = {**admin.site.each_context(request), "title": "Notifications", "account": None}
        return TemplateResponse(request, "notices/preferences.html", context)
    with scope.account(account):
        if request.method == "POST":
            return keep(request, account)
        return show(request, account)


def account_asked(request: HttpRequest) -> Account | None:
    """The client of the address, else the selected one, else the first; never one of others."""
    mine = access.of(request)
    asked = request.POST.get("client") or request.GET.get("client", "")
    named = next((account for account in mine.accounts if account.slug == asked), None)
    return named or mine.selected or next(iter(mine.accounts), None)


def source_asked(request: HttpRequest, account: Account) -> kinds.Source | None:
    asked = request.POST.get("source") or request.GET.get("source", "")
    return next((source for source in kinds.sources_of(account.pk) if source.ref == asked), None)


def show(request: HttpRequest, account: Account) -> HttpResponse:
    user_id = int(request.user.pk or 0)
    source = source_asked(request, account)
    digest = current_choice(account.pk, user_id, kinds.DIGEST)
    context = {
        **admin.site.each_context(request),
        "title": "Notifications",
        "account": account,
        "accounts": access.of(request).accounts,
        "sources": kinds.sources_of(account.pk),
        "source": source,
        "rows": rows_of(account.pk, user_id, source),
        "options": When.choices,
        "digest": digest.when != When.NEVER,
        "hears_nothing_by_default": roles_in(account.pk).get(user_id) != "manager",
    }
    return complete(TemplateResponse(request, "notices/preferences.html", context))  # type: ignore[return-value]


def rows_of(account_id: int, user_id: int, source: kinds.Source | None) -> list[Row]:
    said = said_by(account_id, user_id, source.ref if source is not None else "")
    rows = []
    for kind in kinds.known():
        if source is not None and kind.key == kinds.WEBHOOK_STOPPED:
            continue  # it belongs to no source
        choice = said.get(kind.key)
        if choice is not None:
            rows.append(Row(kind, choice.when, choice.resolved, is_default=False))
        elif source is not None:
            rows.append(Row(kind, AS_FOR_ALL, True, is_default=True))
        else:
            default = current_choice(account_id, user_id, kind.key)
            rows.append(Row(kind, default.when, default.resolved, is_default=True))
    return rows


def said_by(account_id: int, user_id: int, source_ref: str) -> dict[str, Preference]:
    found = Preference.objects.of(account_id).filter(user_id=user_id, source=source_ref)
    return {preference.kind: preference for preference in found}


def current_choice(account_id: int, user_id: int, kind: str) -> Choice:
    """For the whole client: what was said, else the default of the person's role."""
    said = said_by(account_id, user_id, "").get(kind)
    if said is not None:
        return Choice(said.when, said.resolved, chosen=True)
    return default_of(kind, roles_in(account_id).get(user_id, ""))


def keep(request: HttpRequest, account: Account) -> HttpResponse:
    source = source_asked(request, account)
    mine = access.of(request)
    everywhere = "everywhere" in request.POST and source is None
    targets = mine.accounts if everywhere else (account,)
    for target in targets:
        with scope.account(target):
            keep_choices(target.pk, int(request.user.pk or 0), request.POST, source)
    where = f"all {len(targets)} clients" if everywhere else (source.label if source else account.name)
    messages.success(request, f"Saved, for {where}.")
    query = {"client": account.slug, **({"source": source.ref} if source else {})}
    return redirect(f"{reverse('admin:notices_alert_preferences')}?{urlencode(query)}")


@transaction.atomic
def keep_choices(
    account_id: int, user_id: int, posted: Mapping[str, str], source: kinds.Source | None
) -> None:
    """A kind the form did not name stays as it is: absent is not "off"."""
    User.objects.select_for_update().get(pk=user_id)  # two tabs of one person, one after the other
    ref = source.ref if source is not None else ""
    for kind in kinds.known():
        value = posted.get(f"when-{kind.key}")
        if value in When.values:
            resolved = f"resolved-{kind.key}" in posted
            put(account_id, user_id, kind.key, ref, str(value), resolved)
        elif value == AS_FOR_ALL and source is not None:
            Preference.objects.of(account_id).filter(user_id=user_id, kind=kind.key, source=ref).delete()
    if source is None and "digest-shown" in posted:
        put(account_id, user_id, kinds.DIGEST, "", When.EVERY if "digest" in posted else When.NEVER, True)


def put(account_id: int, user_id: int, kind: str, ref: str, when: str, resolved: bool) -> None:
    Preference.objects.update_or_create(
        account_id=account_id,
        user_id=user_id,
        kind=kind,
        source=ref,
        defaults={"when": when, "resolved": resolved},
    )

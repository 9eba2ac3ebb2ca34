"""Choosing the client to work in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from syncapp.accounts import access
from syncapp.accounts.middleware import SELECTED

ALL = "all"


@login_required
@require_POST
def switch_client(request: HttpRequest, slug: str) -> HttpResponse:
    """Work in one client from now on, or (`all`) in every client of the user.

    A foreign slug is an unknown one.
    """
    if slug != ALL and not any(account.slug == slug for account in access.of(request).accounts):
        raise Http404("There is no such client.")
    request.session[SELECTED] = "" if slug == ALL else slug
    return redirect(_page_after(request))


def _page_after(request: HttpRequest) -> str:
    """Back to the same list; from the page of one row to the list of such rows, as the row may be
    another client's.
    """
    wanted = request.POST.get("next", "")
    home = reverse("admin:index")
    if not url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return home
    try:
        match = resolve(wanted.partition("?")[0])
    except Resolver404:
        return home
    if "object_id" not in match.kwargs:
        return wanted
    model_admin = getattr(match.func, "model_admin", None)
    if model_admin is None:
        return home
    return reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_changelist")

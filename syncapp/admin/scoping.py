"""The page of one object runs in the scope of that object's account alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern

from syncapp.accounts import scope

View = Callable[..., HttpResponseBase]


def account_of_object(model_admin: Any, request: HttpRequest, object_id: str) -> int:
    """The account of a row the request may see.

    Raises Http404 for a foreign row and an unknown one alike.
    """
    rows = model_admin.get_queryset(request)
    try:
        key = model_admin.model._meta.pk.to_python(unquote(object_id))
        found = rows.filter(pk=key).order_by().values_list("account_id", flat=True).first()
    except (ValidationError, ValueError, OverflowError):
        found = None
    if found is None:
        raise Http404(f"There is no such {model_admin.model._meta.verbose_name}.")
    return int(found)


def in_scope_of_object(model_admin: Any, view: View) -> View:
    """Selects, inlines, validation, delete pages and counts of the view see the object's account only."""

    @wraps(view)
    def narrowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return view(request, *args, **kwargs)  # the site sends it to sign in
        with scope.account(account_of_object(model_admin, request, kwargs["object_id"])):
            return complete(view(request, *args, **kwargs))

    return narrowed


def complete(response: HttpResponseBase) -> HttpResponseBase:
    """Render now: what a template still reads must be read inside the scope."""
    if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
        response.render()
    return response


def narrow(model_admin: Any, pattern: Any) -> Any:
    """Wrap the view of an address that names an object; leave the others."""
    if isinstance(pattern, URLPattern) and "object_id" in pattern.pattern.converters:
        pattern.callback = in_scope_of_object(model_admin, pattern.callback)
    return pattern

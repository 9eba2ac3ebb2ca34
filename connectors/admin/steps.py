"""Setting a connection up, one page per step.

From the second step on the draft is the connection itself, switched off: every step saves its own part, so going
back, closing the page or coming back tomorrow loses nothing. Only the last step switches it on.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from connectors.admin.stepforms import (
    AudiencesStep,
    AuthorizationStep,
    ClientStep,
    FieldsStep,
    ListStep,
    ObjectivesStep,
    RecapStep,
    Step,
    WhenStep,
)
from connectors.esp import registry
from connectors.models import Connection
from syncapp.accounts import scope

STEPS: tuple[type[Step], ...] = (
    AuthorizationStep,
    ClientStep,
    ListStep,
    AudiencesStep,
    ObjectivesStep,
    FieldsStep,
    WhenStep,
    RecapStep,
)


def begin(model_admin: Any, request: HttpRequest) -> Any:
    """The first step, before there is a connection."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    account_id = scope.required().only
    if account_id is None:
        raise Http404("Choose a client first.")
    return walk(model_admin, request, AuthorizationStep(request, Connection(account_id=account_id)))


def show(model_admin: Any, request: HttpRequest, connection: Connection, slug: str) -> Any:
    found = next((step for step in STEPS if step.slug == slug), None)
    if found is None:
        raise Http404("There is no such step.")
    return walk(model_admin, request, found(request, connection))


def walk(model_admin: Any, request: HttpRequest, step: Step) -> Any:
    obstacle = step.obstacle()
    if obstacle is not None:
        messages.warning(request, obstacle[1])
        return redirect(address(step.connection, obstacle[0]))
    if request.method == "POST":
        form = step.form(request.POST)
        if form.is_valid():
            with transaction.atomic():
                after = step.save(form)
            return redirect(after or next_address(step))
    else:
        form = step.form(None)
    return TemplateResponse(request, step.template, context(model_admin, request, step, form))


def context(model_admin: Any, request: HttpRequest, step: Step, form: Any) -> dict[str, Any]:
    number = STEPS.index(type(step))
    connection = step.connection
    key = connection.connector or request.GET.get("connector", "")
    known = dict(registry.choices())
    return {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media + form.media,
        "title": "Set up a connection",
        "connection": connection if connection.pk else None,
        "spec": registry.get(key if key in known else next(iter(known))).spec,
        "step": step,
        "form": form,
        "steps": [
            {
                "title": each.title,
                "is_current": each is type(step),
                "is_done": place < number,
                "url": address(connection, each.slug) if connection.pk and place <= number else "",
            }
            for place, each in enumerate(STEPS)
        ],
        "back": address(connection, STEPS[number - 1].slug) if number and connection.pk else "",
        "is_last": number == len(STEPS) - 1,
        **step.values(form),
    }


def address(connection: Connection, slug: str) -> str:
    return reverse("admin:connectors_setup", args=[connection.pk, slug])


def next_address(step: Step) -> str:
    number = STEPS.index(type(step))
    return address(step.connection, STEPS[number + 1].slug)

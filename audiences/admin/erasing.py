"""On a person's page: erase them for good, as the API does; asked once more, with their name typed."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path

from audiences.addresses import InvalidAddress, normalise
from audiences.erasing import work
from audiences.models import Profile
from syncapp.accounts.models import User
from syncapp.admin.base import Role


class Erasing:
    """For the admin of people: who was forgotten is not shown, and managers can erase."""

    erase_role = Role.MANAGER

    def get_queryset(self: Any, request: HttpRequest) -> QuerySet[Profile]:
        shown: QuerySet[Profile] = super().get_queryset(request).filter(forgotten_at=None)  # type: ignore[misc]
        return shown

    def get_urls(self: Any) -> list[Any]:
        erase = path(
            "<path:object_id>/erase/",
            self.admin_site.admin_view(self.erase_view),
            name="audiences_profile_erase",
        )
        return [*self.narrowed([erase]), *super().get_urls()]  # type: ignore[misc]

    def has_erase_permission(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.has_role(request, self.erase_role, obj))

    def erase_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        profile = self.get_object(request, object_id)
        if profile is None or not self.has_erase_permission(request, profile):
            raise PermissionDenied
        error = ""
        if request.method == "POST":
            if not is_named(profile, request.POST.get("name", "")):
                error = f"Type {name_of(profile)} to erase this person."
            else:
                try:
                    return erase(request, profile)
                except OperationalError:  # behind a long load, which nobody should wait for here
                    error = "A large change of people is being stored. Try again in a minute."
        context = {
            **self.admin_site.each_context(request),
            "title": f"Erase “{profile}”?",
            "opts": self.opts,
            "original": profile,
            "profile": profile,
            "wanted": name_of(profile),
            "error": error,
        }
        return TemplateResponse(request, "audiences/person_erase.html", context)


def erase(request: HttpRequest, profile: Profile) -> HttpResponseBase:
    user = cast(User, request.user)
    job = work.erase(
        client=None,
        account_id=profile.account_id,
        profile_id=profile.pk,
        source=f"admin:{user.email}",
    )
    words = (
        "The person is erased here and can never come back. The job says when no list holds them any more."
    )
    messages.success(request, words)
    return redirect("admin:audiences_job_change", job.pk)


def name_of(profile: Profile) -> str:
    """What has to be typed: the address, else the external id, else our number."""
    return profile.email or profile.external_id or str(profile.pk)


def is_named(profile: Profile, typed: str) -> bool:
    """Addresses in any spelling."""
    if typed.strip() == name_of(profile):
        return True
    try:
        return profile.email is not None and normalise(typed) == profile.email
    except InvalidAddress:
        return False

"""What can be done with one audience from its page and from the list: each an address of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from audiences import deleting, emptying, happenings
from audiences.admin import folders
from audiences.admin.audience_columns import star_of
from audiences.admin.member_history import history_of
from audiences.admin.members import number_of
from audiences.models import Audience, Profile
from audiences.uses import InUse, uses_of
from syncapp.accounts.models import User
from syncapp.admin.base import Role

View = Callable[..., HttpResponseBase]


class NotWhatWasSeen(Exception):
    """Members came or went while somebody typed their number."""


class AudienceActs:
    """Views of `AudienceAdmin`. Deleting needs an editor, emptying a manager: it cannot be taken back."""

    empty_role = Role.MANAGER
    admin_site: Any

    def act_urls(self) -> list[Any]:
        acts: list[tuple[str, View]] = [
            ("favourite", self.favourite_view),
            ("move", self.move_view),
            ("archive", self.archive_view),
            ("restore", self.restore_view),
            ("empty", self.empty_view),
            ("member", self.member_view),
        ]
        return [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"audiences_audience_{name}",
            )
            for name, view in acts
        ]

    def found(self: Any, request: HttpRequest, object_id: str, *, act: str = "view") -> Audience:
        """The audience of a page, after the rights were checked. Unknown and foreign: 404."""
        audience = self.get_object(request, object_id)
        if audience is None:
            raise Http404("There is no such audience.")
        if not getattr(self, f"has_{act}_permission")(request, audience):
            raise PermissionDenied
        return cast(Audience, audience)

    def has_empty_permission(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.has_role(request, self.empty_role, obj))

    def favourite_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The star alone for a script, else back to the list. No new version: other systems do not see it."""
        audience = self.found(request, object_id, act="change")
        if request.method != "POST":
            raise PermissionDenied
        audience.favourite = not audience.favourite
        audience.save(update_fields=["favourite"])
        if request.headers.get("HX-Request"):
            return HttpResponse(star_of(audience, may_change=True))
        return redirect(back_to(request, audience))

    def move_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        audience = self.found(request, object_id, act="change")
        if request.method != "POST":
            raise PermissionDenied
        try:
            audience.folder = folders.to_folder(request.POST.get("folder", "").replace("\x00", ""))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            audience.save(update_fields=["folder"])
            messages.success(request, moved_words(str(audience), audience.folder))
        return redirect("admin:audiences_audience_change", audience.pk)

    def archive_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        audience = self.found(request, object_id, act="change")
        if request.method != "POST":
            raise PermissionDenied
        if set_archived(audience, True):
            messages.success(
                request, f"“{audience}” is archived. Whatever uses it goes on; pushes are still taken."
            )
        return redirect("admin:audiences_audience_change", audience.pk)

    def restore_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Out of the archive, or back from deletion."""
        audience = self.found(request, object_id, act="change")
        if request.method != "POST":
            raise PermissionDenied
        if audience.deleted_at is None:
            set_archived(audience, False)
            messages.success(request, f"“{audience}” is active again.")
        else:
            bring_back(request, audience)
        return redirect("admin:audiences_audience_change", audience.pk)

    def empty_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Asks for the number of members: who types it has looked at what goes."""
        audience = self.found(request, object_id, act="empty")
        if audience.deleted_at is not None:
            raise PermissionDenied
        error = ""
        if request.method == "POST":
            error = wrong_count(audience, request.POST.get("members", ""))
            if not error:
                try:
                    removed = empty_as_seen(audience, cast(User, request.user))
                except NotWhatWasSeen:
                    error = "Members came or went at this very moment. Look again."
                else:
                    messages.success(request, f"“{audience}” is empty: {removed:,} people left it.")
                    return redirect("admin:audiences_audience_change", audience.pk)
        context = self.act_context(
            request, audience, f"Empty “{audience}”?", error=error, uses=uses_of(audience)
        )
        return TemplateResponse(request, "audiences/audience_empty.html", context)

    def member_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """How one person came in or went out; `person` is their id."""
        audience = self.found(request, object_id)
        people = Profile.objects.of(audience.account_id)
        person = people.filter(pk=number_of(request.GET.get("person", ""))).first()
        if person is None:
            raise Http404("There is no such person.")
        context = self.act_context(
            request, audience, f"{person} in “{audience}”", history=history_of(audience, person)
        )
        part = "_part" if request.headers.get("HX-Request") else ""
        return TemplateResponse(request, f"audiences/audience_member{part}.html", context)

    def delete_view(self: Any, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        audience = self.found(request, object_id, act="delete")
        if audience.deleted_at is not None:
            return redirect("admin:audiences_audience_change", audience.pk)
        if request.method == "POST" and remove(request, audience):
            return redirect("admin:audiences_audience_changelist")
        uses = uses_of(audience)
        context = self.act_context(
            request,
            audience,
            f"Delete “{audience}”?",
            uses=uses,
            is_blocked=any(use.blocks_delete for use in uses),
            restorable_until=deleting.restorable_until(audience),
        )
        return TemplateResponse(request, "audiences/audience_delete.html", context)

    def act_context(
        self: Any, request: HttpRequest, audience: Audience, title: str, **more: Any
    ) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "original": audience,
            "audience": audience,
            "title": title,
            **more,
        }


def back_to(request: HttpRequest, audience: Audience) -> str:
    """The list with its filters where the act came from there; nowhere outside of it."""
    came_from = request.META.get("HTTP_REFERER", "")
    page = "/admin/audiences/audience/"
    query = came_from.partition("?")[2] if f"{page}?" in came_from else ""
    return f"{page}?{query}" if query else page


def moved_words(what: str, folder: str) -> str:
    return f"Moved to “{folder}”: {what}." if folder else f"Taken out of its folder: {what}."


@transaction.atomic
def set_archived(audience: Audience, archived: bool) -> bool:
    """False where it was so already, or is deleted."""
    held = Audience.objects.of(audience.account_id).select_for_update().get(pk=audience.pk)
    if held.deleted_at is not None or (held.archived_at is not None) == archived:
        return False
    held.archived_at = timezone.now() if archived else None
    held.version += 1
    held.save(update_fields=["archived_at", "version", "updated_at"])
    happenings.audience_updated(held)
    return True


def remove(request: HttpRequest, audience: Audience) -> bool:
    """Soft; False, with nothing done, where something uses it by now."""
    try:
        with transaction.atomic():
            held = (
                Audience.objects.of(audience.account_id)
                .select_for_update()
                .get(pk=audience.pk, deleted_at=None)
            )
            deleting.delete(held)
    except (InUse, Audience.DoesNotExist):
        return False
    until = timezone.localtime(deleting.restorable_until(held))
    messages.success(
        request,
        f"“{audience}” is deleted. The people stay. Until {until:%d-%m-%Y} it can be restored from “Deleted”.",
    )
    return True


def bring_back(request: HttpRequest, audience: Audience) -> None:
    try:
        with transaction.atomic():
            deleting.restore(Audience.objects.of(audience.account_id).select_for_update().get(pk=audience.pk))
    except deleting.WindowPassed:
        messages.error(request, "It was deleted too long ago: it can no longer be restored.")
    except IntegrityError:
        messages.error(
            request,
            "Another audience has its name or its external id by now. Rename or delete that one first.",
        )
    else:
        messages.success(request, f"“{audience}” is back, with the members it had.")


def wrong_count(audience: Audience, written: str) -> str:
    """What is wrong with the number somebody typed; "" when it is the number of members."""
    digits = "".join(letter for letter in written if letter not in " .,\u202f\xa0")
    if not digits.isdecimal():
        return "Type the number of members, to confirm."
    if int(digits[:12]) != audience.member_count:
        return f"It has {audience.member_count:,} members, not {int(digits[:12]):,}. Look again before you empty it."
    return ""


def empty_as_seen(audience: Audience, user: User) -> int:
    """How many people left. Raises NotWhatWasSeen when somebody came or went since the page was read."""

    def check(current: Audience) -> None:
        if current.member_count != audience.member_count:
            raise NotWhatWasSeen

    return emptying.empty(audience, source=f"admin:{user.email}"[:100], check=check).removed

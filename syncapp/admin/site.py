"""The admin site: the product's shell."""

from __future__ import annotations

import time
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import urlencode
from unfold.sites import UnfoldAdminSite

from syncapp.accounts import access, scope
from syncapp.admin import dashboard, palette
from syncapp.admin.scoping import complete

LEFT_OUT = {"view_on_site"}


class TenantSite(UnfoldAdminSite):  # type: ignore[misc]
    """Takes pages that know accounts and no others; signs in and out through allauth."""

    index_title = "Dashboard"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Leave out the pages that other packages bring: they know no accounts.

        Editing a django-q schedule would be running code; pghistory's events and allauth's addresses span
        accounts.
        """
        from syncapp.admin.base import AgencyAdmin, TenantAdmin  # needs the apps to be ready

        if admin_class is None or not issubclass(admin_class, (TenantAdmin, AgencyAdmin)):
            return
        super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_authenticated)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from syncapp.audit.views import activity_view  # needs the apps to be ready

        kept = [pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in LEFT_OUT]
        return [path("activity/", self.admin_view(activity_view), name="activity"), *kept]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        after = request.GET.get("next", reverse("admin:index"))
        return redirect(f"{reverse('account_login')}?{urlencode({'next': after})}")

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """Apps are how the code is cut, not something staff should meet."""
        return redirect("admin:index")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("account_change_password")

    def autocomplete_view(self, request: HttpRequest) -> Any:
        """Choices of the page's account; an account out of scope has none."""
        written = request.GET.get("account", "")
        if not written:
            return super().autocomplete_view(request)
        if not written.isdecimal() or int(written) not in access.of(request).account_ids:
            return JsonResponse({"results": [], "pagination": {"more": False}})
        with scope.account(int(written)):
            return complete(super().autocomplete_view(request))

    def search(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The command palette.

        Unfold's own keeps results per user in a cache, also after a right has ended.
        """
        began = time.perf_counter()
        results = palette.find(request, request.GET.get("s", ""))
        took_s = time.perf_counter() - began
        pages = Paginator(results, max(1, len(results)))
        found = "command" if "extended" in request.GET else "search"
        template = f"unfold/helpers/{found}_results.html" if results else "syncapp/nothing_found.html"
        return TemplateResponse(
            request,
            template,
            {
                "results": pages.page(1),
                "page_obj": pages,
                "page_counter": 0,
                "execution_time": took_s,
                "term": request.GET.get("s", "")[:100],
            },
            headers={"HX-Trigger": "search"},
        )

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().index(request, {**dashboard.dashboard(request), **(extra_context or {})})

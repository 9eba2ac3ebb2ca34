"""What the pages of sync sessions and jobs share: records that are only read, and decided about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from syncapp.admin.base import Role, TenantAdmin
from syncapp.api.catalogue import item_codes
from syncapp.api.problems import Problem

REASON_CHARS = 200
OURS = "Send this code with the numbers to whoever runs the system; the documentation of the API says more."


@dataclass(frozen=True, slots=True)
class Failure:
    """Items that failed for one reason. `samples` are the caller's own ids."""

    code: str
    items: int
    advice: str
    retryable: bool
    samples: Sequence[str]


def failures_of(summary: Sequence[Mapping[str, Any]]) -> list[Failure]:
    """From a job's error_summary, the commonest first."""
    advice = {item.code: item.docs.replace("`", "") for item in item_codes()}
    return [
        Failure(
            code=one["code"],
            items=one["count"],
            advice=advice.get(one["code"], OURS),
            retryable=bool(one.get("retryable")),
            samples=one.get("sample") or [],
        )
        for one in summary
        if isinstance(one, dict) and "code" in one
    ]


def failed_link(failed: int, address: str) -> SafeString | str:
    return format_html('<a class="aud-failed" href="{}">{}</a>', address, f"{failed:,}") if failed else "–"


class RecordAdmin(TenantAdmin):
    """Nobody edits a record. What it waits for is decided by a manager, and stopped by an editor."""

    add_role = change_role = delete_role = None
    decide_role = Role.MANAGER
    cancel_role = Role.EDITOR
    list_display_links = None
    list_filter_sheet = True
    list_filter_submit = True
    live_template: ClassVar[str] = ""
    page_template: ClassVar[str] = ""

    class Media:
        css = {"all": ["audiences/audiences.css"]}

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path(f"<path:object_id>/{act}/", self.admin_site.admin_view(view), name=f"{name}_{act}")
            for act, view in (
                ("live", self.live_view),
                ("decide", self.decide_view),
                ("cancel", self.cancel_view),
            )
        ]
        return [*self.narrowed(own), *super().get_urls()]

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.decide_role, obj)

    def has_cancel_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.cancel_role, obj)

    def found(self, request: HttpRequest, object_id: str, act: str = "view") -> Any:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        if not getattr(self, f"has_{act}_permission")(request, row):
            raise PermissionDenied
        return row

    def shown(self, row: Any) -> dict[str, Any]:
        raise NotImplementedError

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        row = self.found(request, object_id)
        if request.method == "POST":
            raise PermissionDenied
        return self.page(request, row)

    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The part that is fetched again while it works."""
        row = self.found(request, object_id)
        return TemplateResponse(request, self.live_template, self.context_of(request, row))

    def page(self, request: HttpRequest, row: Any, **more: Any) -> TemplateResponse:
        return TemplateResponse(request, self.page_template, {**self.context_of(request, row), **more})

    def context_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "original": row,
            "title": capfirst(f"{self.opts.verbose_name} {row.pk}"),
            "may_decide": self.has_decide_permission(request, row),
            "may_cancel": self.has_cancel_permission(request, row),
            **self.shown(row),
        }

    def decide_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """`decision`: approve or refuse. The reason is asked for: whoever looks at this later will ask."""
        row = self.found(request, object_id, "decide")
        if request.method != "POST":
            return redirect(self.address(row))
        reason = request.POST.get("reason", "").replace("\x00", "").strip()[:REASON_CHARS]
        decision = request.POST.get("decision", "")
        if not reason:
            return self.page(request, row, decision_error="Say in a few words why you decide so.")
        return self.act(request, row, lambda: self.decide(request, row, decision, reason))

    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        row = self.found(request, object_id, "cancel")
        if request.method != "POST":
            return redirect(self.address(row))
        return self.act(request, row, lambda: self.cancel(request, row))

    def act(self, request: HttpRequest, row: Any, do: Callable[[], str]) -> HttpResponseBase:
        """Do it and say what was done, or why not."""
        try:
            messages.success(request, do())
        except (ValueError, Problem) as refused:
            messages.error(request, str(refused))
        return redirect(self.address(row))

    def decide(self, request: HttpRequest, row: Any, decision: str, reason: str) -> str:
        """What to tell the person. Raises ValueError where it cannot be."""
        raise NotImplementedError

    def cancel(self, request: HttpRequest, row: Any) -> str:
        raise NotImplementedError

    def address(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

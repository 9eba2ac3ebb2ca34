"""What the pages share: rows found in scope, addresses, and pages of their own under a model's address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from syncapp.admin.base import TenantAdmin
from syncapp.admin.scoping import narrow

M = TypeVar("M", bound=Model)
View = Callable[..., HttpResponseBase]


def given(query: Mapping[str, str], name: str) -> str:
    """A value of the address; PostgreSQL knows no NUL."""
    return query.get(name, "").replace("\x00", "")


class PagesAdmin(TenantAdmin):
    """A tenant admin with pages of its own: `pages` gives (address below the object, name, view)."""

    class Media:
        css = {"all": ["connectors/connectors.css"]}
        js = ["connectors/connectors.js"]

    def pages(self) -> list[tuple[str, str, View]]:
        return []

    def get_urls(self) -> list[URLPattern]:
        own = [
            narrow(
                self,
                path(
                    f"<path:object_id>/{address}", self.admin_site.admin_view(view), name=f"connectors_{name}"
                ),
            )
            for address, name, view in self.pages()
        ]
        return [*own, *super().get_urls()]

    def found(self, request: HttpRequest, object_id: str, *, to_change: bool = False) -> Any:
        """The object of a page in its scope, after the rights were checked. Unknown and foreign: 404."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        allowed = (
            self.has_change_permission(request, row) if to_change else self.has_view_permission(request, row)
        )
        if not allowed:
            raise PermissionDenied
        return row

    def page_context(self, request: HttpRequest, row: Any, title: str, **values: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "original": row,
            "title": title,
            "may_change": self.has_change_permission(request, row),
            **values,
        }

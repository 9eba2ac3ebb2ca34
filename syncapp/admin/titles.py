"""What the browser's tab says: the thing's own name, not Django's "Select … to change"."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.admin import ModelAdmin


class PlainTitles(ModelAdmin):  # type: ignore[misc]
    """Lists are called by their plural; the page of a row by the row (before it: the kind)."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        kind = str(self.opts.verbose_name)
        context["title"] = capfirst(kind) if kwargs.get("change") else f"Add {kind}"
        return super().render_change_form(request, context, *args, **kwargs)

"""What was changed lately, on the dashboard."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from syncapp.accounts import access
from syncapp.admin.dashboard import Panel, panel
from syncapp.audit import activity
from syncapp.audit.views import with_places


@panel(90)
def recent_activity(request: HttpRequest) -> Panel:
    entries = activity.latest(access.of(request), limit=6)
    return Panel(
        title="Recent activity",
        template="audit/recent.html",
        context={"entries": with_places(request, entries)},
        side=True,
        url=reverse("admin:activity"),
        url_words="All activity",
    )

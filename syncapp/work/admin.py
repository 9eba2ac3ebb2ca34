"""Workers: on the dashboard for everyone, and a list for the agency."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import display

from syncapp.accounts import access
from syncapp.admin.base import AgencyAdmin
from syncapp.admin.dashboard import Figure, figure
from syncapp.work.models import SILENCE, Worker


def alive() -> QuerySet[Worker]:
    return Worker.objects.filter(stopped_at=None, last_seen_at__gt=timezone.now() - SILENCE)


@figure(80)
def workers_alive(request: HttpRequest) -> Figure:
    found = list(alive())
    is_agency = access.of(request).is_agency_admin
    return Figure(
        label="Workers alive",
        value=str(len(found)),
        url=reverse("admin:work_worker_changelist") if is_agency else "",
        note=f"{max(one.due for one in found)} tasks due"
        if found
        else "nothing is sent or fetched until one runs",
        icon="memory",
        tone="" if found else "bad",
    )


@admin.register(Worker)
class WorkerAdmin(AgencyAdmin):
    """Workers come and go by themselves; here they are only looked at."""

    list_display = ("host", "pid", "state", "running", "due", "restarts", "started_at", "last_seen_at")
    empty_state = {
        "icon": "memory",
        "title": "No worker has run yet",
        "next": "Start one with: manage.py work",
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @display(description="State", label={"Alive": "success", "Stopped": "info", "Silent": "danger"})  # type: ignore[untyped-decorator]
    def state(self, worker: Worker) -> str:
        if worker.stopped_at is not None:
            return "Stopped"
        return "Alive" if worker.is_alive else "Silent"

"""The ground's own jobs."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django_q.models import OrmQ, Task

from syncapp.work.models import Worker
from syncapp.work.registry import every
from syncapp.work.slices import Slice

UNREAD_TOKENS_AFTER = timedelta(hours=1)  # nobody took them; the sweep sends new ones for what is still due
FAILED_TOKENS_AFTER = timedelta(days=7)
WORKERS_AFTER = timedelta(days=1)


@every(600, name="work.prune")
def prune(slice_: Slice) -> None:
    """Drop what django-q2 leaves behind, and workers of yesterday."""
    now = timezone.now()
    OrmQ.objects.filter(lock__lt=now - UNREAD_TOKENS_AFTER).delete()
    Task.objects.filter(stopped__lt=now - FAILED_TOKENS_AFTER).delete()
    Worker.objects.filter(last_seen_at__lt=now - WORKERS_AFTER).delete()

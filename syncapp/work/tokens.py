"""Messages of django-q2: each says no more than "look, something is due"."""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger("syncapp.work")

TASK = "syncapp.work.execute.run"
MOST = 50  # workers go on while anything is due, so a few tokens do for any number of wake-ups


def send(wakeup_id: int) -> None:
    """Queue a message: with the ORM broker in the caller's transaction, with Redis when it commits.

    A message that gets lost (Redis away, flushed, or the process dead in between) is sent again by the sweep.
    """
    if settings.REDIS_URL:
        transaction.on_commit(lambda: try_to_push(wakeup_id))
    else:
        push(wakeup_id)


def try_to_push(wakeup_id: int) -> None:
    try:
        push(wakeup_id)
    except redis.RedisError as error:
        logger.warning("Redis takes no message (%s); the sweep will send it", type(error).__name__)


def push(wakeup_id: int) -> None:
    from django_q.tasks import async_task  # wants the app registry, which is made after this package

    async_task(TASK, wakeup_id)


def waiting() -> int:
    """How many messages no worker has taken yet."""
    from django_q.brokers import get_broker

    return int(get_broker().queue_size())

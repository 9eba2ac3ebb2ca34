"""django-q2's brokers, made to outlive a database or Redis that is away for a while.

As they come, an error lets the process that fetches messages sleep for 10 s and die.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django_q.brokers.orm import ORM
from django_q.brokers.redis_broker import Redis

PAUSE_S = 0.5
REDIS_TIMEOUT_S = 5


class DatabaseBroker(ORM):  # type: ignore[misc]
    def dequeue(self) -> Any:
        try:
            return super().dequeue()
        except (DatabaseError, InterfaceError):
            connections.close_all()
            time.sleep(PAUSE_S)
            return None

    def delete(self, task_id: int) -> None:
        """Take a message off the queue. One that stays is delivered again, and finds nothing to do."""
        try:
            super().delete(task_id)
        except (DatabaseError, InterfaceError):
            connections.close_all()


class RedisBroker(Redis):  # type: ignore[misc]
    def dequeue(self) -> Any:
        try:
            return super().dequeue()
        except redis.RedisError:
            time.sleep(PAUSE_S)
            return None

    @staticmethod
    def get_connection(list_key: str | None = None) -> redis.Redis:
        return redis.from_url(
            settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )

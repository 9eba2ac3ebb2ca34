"""A home, a PostgreSQL server and an ESP of its own for one chaos run; all of it goes afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.core.management import call_command

from syncapp.database import binaries, cluster, embedded
from syncapp.database.place import find_home, find_place
from syncapp.demo.temporary import temporary_home

QUICK = {"SYNCAPP_LEASE_S": "3", "SYNCAPP_SLICE_S": "5", "SYNCAPP_RETRY_S": "1", "SYNCAPP_HANG_S": "4"}


@contextmanager
def empty_stage(**environment: str) -> Iterator[None]:
    """Django on a fresh, migrated database of a server of its own. Once per process, before Django is used."""
    with temporary_home() as home:
        server = embedded.ensure_running(home)
        os.environ.update(
            {
                "SYNCAPP_HOME": str(home),
                "DATABASE_URL": server.dsn(embedded.Role.APP),
                "DATABASE_OWNER_URL": server.dsn(embedded.Role.OWNER),
                "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
                **QUICK,
                **environment,
            }
        )
        os.environ.pop("REDIS_URL", None)
        django.setup()
        call_command("migrate", verbosity=0)
        yield


def restart_postgres(mode: str) -> None:
    """`mode` as pg_ctl's: "immediate" ends it as a crash does, "fast" cuts off whoever is connected."""
    place = find_place(find_home())
    programs = binaries.choose(place)
    stopped = place.run(
        [*(programs.program("pg_ctl"), "-D", place.data, "-m", mode), *("-w", "-t", "60", "stop")],
        timeout_s=70,
    )
    if stopped.returncode != 0:
        raise RuntimeError(f"PostgreSQL does not stop: {stopped.stderr}")
    cluster.start(place, programs)

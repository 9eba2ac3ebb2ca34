"""Other systems go on pushing, whatever happens to ours."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import connection

from tests.chaos.oracle import Person
from tests.chaos.scene import AUDIENCES, Client

FIRST_BATCH = 100
MOST_TOUCHED = 40
PAUSE_S = (0.02, 0.4)
# Often edits, sometimes moves and leaves; a full run now and then.
ACTS = ("edit",) * 5 + ("move",) * 3 + ("leave",) * 3 + ("join",) * 3 + ("withdraw",) * 1 + ("run",) * 1


class Traffic:
    """A thread that first adds everybody, then changes some of them again and again until `stop`."""

    def __init__(self, clients: Sequence[Client], seed: int) -> None:
        self.pushes = 0
        self._clients = clients
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="traffic")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the last push is in; raises what went wrong."""
        self._over.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            for client in self._clients:
                self._add_everybody(client)
            while not self._over.wait(self._chance.uniform(*PAUSE_S)):
                self._do_something(self._chance.choice(self._clients))
        except BaseException as error:  # noqa: BLE001  told by `stop`
            self._failed = error
        finally:
            connection.close()

    def _add_everybody(self, client: Client) -> None:
        for start in range(0, len(client.people), FIRST_BATCH):
            batch = client.people[start : start + FIRST_BATCH]
            client.join(batch, self._chance.choice(AUDIENCES), self._chance)
            self.pushes += 1
            if start == 0:
                for goal in client.goals:
                    client.run_fully(goal)

    def _do_something(self, client: Client) -> None:
        act = self._chance.choice(ACTS)
        if act == "run":
            client.run_fully(self._chance.choice(client.goals))
            return
        most = min(MOST_TOUCHED, len(client.people)) if act != "withdraw" else 3
        some = self._chance.sample(client.people, self._chance.randint(1, most))
        self.pushes += 1
        if act == "join":
            client.join(some, self._chance.choice(AUDIENCES), self._chance)
        elif act == "leave":
            client.leave(some, self._chance.choice(AUDIENCES))
        else:
            client.tell(
                some, partial({"edit": edit, "move": move, "withdraw": withdraw}[act], client, self._chance)
            )


def edit(client: Client, chance: random.Random, person: Person) -> dict[str, Any]:
    return {"properties": client.news(person, chance)}


def move(client: Client, chance: random.Random, person: Person) -> dict[str, Any]:
    """To an address nobody had before."""
    local = person.addresses[0].partition("@")[0]
    address = f"{local}.{len(person.addresses)}@example.com"
    return {"address": address, "properties": client.news(person, chance)}


def withdraw(client: Client, chance: random.Random, person: Person) -> dict[str, Any]:
    return {"has_withdrawn": True}

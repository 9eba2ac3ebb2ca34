"""The endpoints under /lists/, without custom fields and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .asking import Ask, Created
from .binding import ListSettings, bind
from .core import moment_of, zone_of
from .errors import Refused
from .paging import envelope, page_of
from .state import ALL_LISTS, UNSUBSCRIBE_SETTINGS, List, State, Subscriber
from .subscribers import shown
from .writing import set_state, suppress

ORDERS: dict[str, Callable[[Subscriber], Any]] = {
    "email": lambda person: person.email.lower(),
    "name": lambda person: (person.name.lower(), person.email.lower()),
    "date": lambda person: (person.changed, person.email.lower()),
}


def create_list(ask: Ask) -> Created:
    lst = List(id=ask.core.mint(), client_id=ask.client.id, title="")
    settle(ask, lst, bind(ask.body, ListSettings, "list"))
    ask.core.world.lists[lst.id] = lst
    return Created(lst.id)


def details(ask: Ask) -> dict[str, Any]:
    return {
        "ConfirmedOptIn": ask.list.confirmed_opt_in,
        "Title": ask.list.title,
        "UnsubscribePage": ask.list.unsubscribe_page,
        "ListID": ask.list.id,
        "ConfirmationSuccessPage": ask.list.success_page,
        "UnsubscribeSetting": ask.list.unsubscribe_setting,
    }


def update_list(ask: Ask) -> None:
    asked = bind(ask.body, ListSettings, "list")
    settle(ask, ask.list, asked)
    now = ask.core.now()
    if asked.add_unsubscribes and ask.list.honours_suppression:
        for person in ask.list.subscribers.values():
            if person.state is State.UNSUBSCRIBED:
                suppress(ask.client, person.email, "Unsubscribed", now)
    if asked.scrub_active and ask.list.honours_suppression:
        for address, person in ask.list.subscribers.items():
            if person.state is State.ACTIVE and address in ask.client.suppressed:
                set_state(person, State.UNSUBSCRIBED, now)


def settle(ask: Ask, lst: List, asked: ListSettings) -> None:
    """Check the settings, then replace them all."""
    title = (asked.title or "").strip()
    if title == "":
        raise Refused(251)
    others = (other.title.lower() for other in ask.core.lists_of(ask.client) if other is not lst)
    if title.lower() in others:
        raise Refused(250)
    setting = asked.unsubscribe_setting or ALL_LISTS
    if setting not in UNSUBSCRIBE_SETTINGS:
        raise Refused(261)
    lst.title = title
    lst.unsubscribe_setting = setting
    lst.unsubscribe_page = asked.unsubscribe_page or ""
    lst.confirmed_opt_in = asked.confirmed_opt_in is True
    lst.success_page = asked.success_page or ""
    ask.core.changed(lst)


def delete_list(ask: Ask) -> None:
    del ask.core.world.lists[ask.list.id]
    ask.core.forget_lookups()
    ask.core.changed()


def no_segments(ask: Ask) -> list[Any]:
    return []


def listing(state: State) -> Callable[[Ask], dict[str, Any]]:
    """GET …/active.json and its four siblings."""

    def give(ask: Ask) -> dict[str, Any]:
        page = page_of(ask, list(ORDERS))
        since = since_of(ask)
        found = [person for person in ask.list.subscribers.values() if person.state is state]
        if since is not None:
            found = [person for person in found if person.changed >= since]
        found.sort(key=ORDERS[page.order], reverse=page.descending)
        return envelope(page, found, lambda person: shown(ask, person))

    return give


def since_of(ask: Ask) -> float | None:
    text = ask.request.query.get("date", "").strip()
    if text == "":
        return None
    moment = moment_of(text, ask.client.time_zone)
    if moment is None:
        raise Refused(5)
    return moment


def stats(ask: Ask) -> dict[str, int]:
    """Buckets follow the calendar of the client's zone; a week starts on Sunday."""
    counts: dict[str, int] = {}
    for state, total, prefix in (
        (State.ACTIVE, "TotalActiveSubscribers", "NewActiveSubscribers"),
        (State.UNSUBSCRIBED, "TotalUnsubscribes", "Unsubscribes"),
        (State.DELETED, "TotalDeleted", "Deleted"),
        (State.BOUNCED, "TotalBounces", "Bounces"),
    ):
        moments = [person.changed for person in ask.list.subscribers.values() if person.state is state]
        counts[total] = len(moments)
        for name, (start, end) in buckets(ask).items():
            counts[prefix + name] = sum(1 for moment in moments if start <= moment < end)
    return counts


def buckets(ask: Ask) -> dict[str, tuple[float, float]]:
    now = datetime.fromtimestamp(ask.core.now(), zone_of(ask.client.time_zone))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "Today": today,
        "ThisWeek": today - timedelta(days=(today.weekday() + 1) % 7),
        "ThisMonth": today.replace(day=1),
        "ThisYear": today.replace(month=1, day=1),
    }
    end = now.timestamp() + 1
    yesterday = ((today - timedelta(days=1)).timestamp(), today.timestamp())
    return {"Yesterday": yesterday} | {name: (start.timestamp(), end) for name, start in starts.items()}

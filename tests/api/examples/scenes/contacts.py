"""People: written, found, merged, deleted, erased."""

from __future__ import annotations

from audiences.models import Objective, Profile, Property
from syncapp.accounts import scope
from tests.api.examples.recording import Recorder

JAN = {"email": "jan@example.nl", "first_name": "Jan", "properties": {"city": "Utrecht"}}

PROPERTIES = {"first_name": "First name", "city": "City", "customer_number": "Customer number"}


def record(recorder: Recorder) -> None:
    furnish(recorder)
    single(recorder)
    taken(recorder)
    many(recorder)
    leave(recorder)


def furnish(recorder: Recorder) -> None:
    with scope.account(recorder.account):
        for key, label in PROPERTIES.items():
            Property.objects.create(
                account=recorder.account, key=key, label=label, identifier=key == "customer_number"
            )
        Objective.objects.create(account=recorder.account, key="newsletter", label="Newsletter")


def single(recorder: Recorder) -> None:
    call = recorder.call
    call("Created", "PUT", "/contacts/c-1", JAN)
    call("Changed", "PUT", "/contacts/c-1", {"properties": {"city": None}})
    call("Change some fields", "PATCH", "/contacts/c-1", {"first_name": "Johan"})
    call("A person", "GET", "/contacts/c-1")
    call("Nobody", "GET", "/contacts/c-404")
    call("By address", "GET", "/contacts?email=jan@example.nl")


def taken(recorder: Recorder) -> None:
    call = recorder.call
    call("Address taken", "PUT", "/contacts/c-2", {"email": "jan@example.nl"})
    recorder.send("PUT", "/contacts/c-1", {"properties": {"customer_number": "K-100"}})
    call("Number taken", "PUT", "/contacts/c-2", {"properties": {"customer_number": "K-100"}})
    with scope.account(recorder.account):
        Profile.objects.create(account=recorder.account, email="eva@example.nl")
    call("Merged", "PUT", "/contacts/c-3", {"email": "eva@example.nl", "merge": "by_email"})


def many(recorder: Recorder) -> None:
    call = recorder.call
    call(
        "Stored",
        "POST",
        "/contacts/batch",
        {
            "contacts": [
                {"external_id": "c-1", "first_name": "Jan"},
                {"external_id": "c-4", "email": "d@example.nl"},
            ]
        },
    )
    call(
        "Some failed",
        "POST",
        "/contacts/batch",
        {
            "mode": "create",
            "contacts": [{"external_id": "c-1"}, {"external_id": "c-5", "email": "e@example.nl"}],
        },
    )


def leave(recorder: Recorder) -> None:
    call = recorder.call
    call("Deleted", "DELETE", "/contacts/c-4")
    call("Erasing", "POST", "/contacts/c-3/erase")
    recorder.work()
    call("Erased before", "PUT", "/contacts/c-3", {"email": "eva@example.nl"})

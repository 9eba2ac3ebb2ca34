"""Audiences: created, changed, found, in use, emptied, deleted, restored."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

from django.utils import timezone

from audiences.models import Audience, push_settings
from audiences.uses import Use
from syncapp.accounts import scope
from syncapp.api import limits
from tests.api.examples.recording import Recorder
from tests.api.examples.using import used_by

VIP = {"name": "VIP 2024", "unknown_contacts": "create", "tags": ["crm"], "source": {"system": "ERP"}}
GOAL = Use("goal", "5", "Campaign Monitor: Newsletter", "on", "/admin/connectors/goal/5/change/", True)


def record(recorder: Recorder) -> None:
    write(recorder)
    refuse(recorder)
    read(recorder)
    empty(recorder)
    delete(recorder)


def write(recorder: Recorder) -> None:
    call = recorder.call
    call("Created", "PUT", "/audiences/vip-2024", VIP)
    call("There already", "PUT", "/audiences/vip-2024", VIP)
    call("New", "POST", "/audiences", {"external_id": "test-riders", "name": "E-bike test riders"})
    call("Rename", "PATCH", "/audiences/test-riders", {"name": "Test riders", "tags": ["events", "2026"]})
    recorder.send("POST", "/audiences/vip-2024/members/batch", {"operations": people(3)})


def people(count: int) -> list[dict[str, object]]:
    return [
        {"op": "add", "contact": {"external_id": f"c-{n}", "email": f"c{n}@example.nl"}}
        for n in range(1, count + 1)
    ]


def refuse(recorder: Recorder) -> None:
    call = recorder.call
    call("Id taken", "POST", "/audiences", {"external_id": "vip-2024", "name": "Others"})
    call("Name taken", "PUT", "/audiences/others", {"name": "vip 2024"})
    call("Two ids", "PUT", "/audiences/others", {"name": "Others", "external_id": "another"})
    call("Id that cannot be", "PUT", "/audiences/%2E%2E", {"name": "Dots"})
    call("Unknown field", "PATCH", "/audiences/vip-2024", {"nmae": "VIP"})
    call("Other version", "PATCH", "/audiences/vip-2024", {"name": "VIP"}, IF_MATCH='"1"')
    with scope.account(recorder.account):
        Audience.objects.create(
            account=recorder.account, name="Gardeners", external_id="gardeners", kind=Audience.Kind.RULES
        )
    with mock.patch.object(limits, "AUDIENCES_PER_ACCOUNT", 1):
        call("One too many", "POST", "/audiences", {"external_id": "more", "name": "More"})
    call("Made by rules", "PUT", "/audiences/gardeners", {"name": "Gardeners"})


def read(recorder: Recorder) -> None:
    call = recorder.call
    answer = call("An audience", "GET", "/audiences/vip-2024")
    call("Not changed", "GET", "/audiences/vip-2024", IF_NONE_MATCH=answer.headers["ETag"])
    call("No such audience", "GET", "/audiences/unknown")
    call("A page", "GET", "/audiences?tag=crm&limit=2")
    with used_by(GOAL):
        call("In use", "GET", "/audiences/vip-2024/usages")


def empty(recorder: Recorder) -> None:
    call, path = recorder.call, "/audiences/vip-2024/empty"
    call("Nothing expected", "POST", path, {})
    call("Another number", "POST", path, {"expected_member_count": 15})
    call("Emptied", "POST", path, {"expected_member_count": 3})


def delete(recorder: Recorder) -> None:
    call, path = recorder.call, "/audiences/vip-2024"
    call("Only look", "DELETE", f"{path}?dry_run=true")
    with used_by(GOAL):
        call("Refused", "DELETE", path)
    call("Deleted", "DELETE", path)
    call("Restored", "POST", f"{path}/restore")
    call("It lives", "POST", f"{path}/restore")
    recorder.send("DELETE", path)
    with scope.account(recorder.account):
        Audience.objects.filter(external_id="vip-2024").update(
            deleted_at=timezone.now() - timedelta(days=400)
        )
    call("Too late", "POST", f"{path}/restore")
    with scope.account(recorder.account):
        wanted = push_settings(recorder.account.pk)
        wanted.requires_approval = True
        wanted.save()
    call("Waits for approval", "DELETE", "/audiences/test-riders")

"""The pages of a goal's reconciliations, as staff use them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from connectors.admin import reconciliationpage
from connectors.models import Finding, Goal, Reconciliation, Run
from connectors.tasks import reconcile_goal
from syncapp.accounts import scope
from syncapp.work import Slice
from tests.connectors.admin.scene import Scene


def page_of(scene: Scene, name: str = "reconciliation") -> str:
    return reverse(f"admin:connectors_goal_{name}", args=[scene.goal.pk])


def drift(scene: Scene) -> dict[str, str]:
    """Somebody edited one person at the ESP, somebody unsubscribed, and somebody came there by themselves."""
    active = [email for email, row in sorted(scene.subscribers().items()) if row["state"] == "Active"]
    scene.simulator.act("edit", list_id=scene.list_id, email=active[0], fields={"City": "Elsewhere"})
    scene.simulator.act("unsubscribe", list_id=scene.list_id, email=active[1])
    rows = [{"email": "walkin@example.com"}]
    lists = [{"id": scene.list_id, "title": "News", "subscribers": rows}]
    scene.simulator.seed({"clients": [{"id": scene.client_id, "lists": lists}]})
    return {"fields": active[0], "state": active[1], "extra": "walkin@example.com"}


def work(scene: Scene) -> Reconciliation:
    """What a worker would do with the open reconciliation."""
    with scope.account(scene.account):
        found = Reconciliation.objects.latest("queued_at")
        while reconcile_goal(scene.account.pk, str(found.pk), Slice(60)) is not None:
            pass
        found.refresh_from_db()
    return found


@pytest.fixture
def compared(scene: Scene, signed_in: Any, ann: Any) -> Any:
    """Ann's browser, after a full run, three drifts and a comparison; and who drifted."""
    scene.run(ann)
    with scope.account(scene.account):
        Goal.objects.filter(pk=scene.goal.pk).update(approved_version=1, needs_full_run=False)
    drifted = drift(scene)
    client = signed_in(ann)
    assert client.post(page_of(scene)).status_code == 302
    work(scene)
    return client, drifted


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_empty_page_says_the_next_act(scene: Scene, signed_in: Any, ann: Any):
    page = signed_in(ann).get(page_of(scene))
    assert "Not compared yet." in text_of(page)
    assert "Compare now" in text_of(page)


def test_a_comparison_shows_its_progress_and_its_matrix(scene: Scene, compared: Any):
    client, _ = compared
    page = client.get(page_of(scene))
    assert "3 people differ" in text_of(page)
    rows = {row.label: row for row in page.context["rows"]}
    assert rows["Subscribed"].cells[0].differing == 1
    assert rows["Unsubscribed"].cells[0] == reconciliationpage.Cell(
        1, 1, page_of(scene, "reconciled") + "?side=wanted&seen=unsubscribed"
    )
    client.post(page_of(scene))
    live = client.get(page_of(scene, "reconciling"))
    assert "Waits for a worker." in text_of(live)
    assert 'hx-trigger="every 2s"' in live.content.decode()


def test_every_number_opens_its_people(scene: Scene, compared: Any):
    client, drifted = compared
    page = client.get(page_of(scene))
    links = [cell for row in page.context["rows"] for cell in row.cells if cell.people]
    for cell in links:
        shown = 0
        url = cell.url
        while url:
            answer = client.get(url)
            shown += len(answer.context["findings"])
            url = answer.context["next"]
        assert shown == cell.people
    for one in page.context["differences"]:
        assert drifted[one.kind] in text_of(client.get(one.url))
    assert "City" in text_of(client.get(page_of(scene, "reconciled") + "?kind=fields"))
    assert "Nobody here has this address" in text_of(client.get(page_of(scene, "reconciled") + "?kind=extra"))


def test_odd_addresses_of_the_people_page_are_answered(scene: Scene, compared: Any):
    client, _ = compared
    for query in ("?kind=nothing", "?side=wanted&after=..%00", "?seen=active&after=x.y.9", "?after=a.b.c.1"):
        assert client.get(page_of(scene, "reconciled") + query).status_code == 200


def test_a_repair_becomes_a_run_that_is_held(scene: Scene, compared: Any, ann: Any):
    client, _ = compared
    with scope.account(scene.account):
        last = Reconciliation.objects.latest("queued_at")
    chosen = {"reconciliation": last.pk, "kind": ["fields", "state", "extra"], "reason": "cleaned by hand"}
    answer = client.post(page_of(scene, "repair"), chosen, follow=True)
    assert "The repair is being prepared" in text_of(answer)
    repaired = work(scene)
    assert repaired.repair["kinds"] == ["state", "fields"]
    page = client.get(page_of(scene))
    assert "Repair prepared" in text_of(page)
    assert "1 withdrawn consent recorded." in text_of(page)
    with scope.account(scene.account):
        run = Run.objects.get(pk=repaired.repair_run_id)
    assert (run.trigger, run.requested_by) == (Run.Trigger.REPAIR, ann)
    again = client.post(page_of(scene, "repair"), chosen, follow=True)
    assert "This was repaired already." in text_of(again)


def test_a_repair_of_nothing_is_said(scene: Scene, compared: Any):
    client, _ = compared
    with scope.account(scene.account):
        last = Reconciliation.objects.latest("queued_at")
    answer = client.post(page_of(scene, "repair"), {"reconciliation": last.pk}, follow=True)
    assert "Choose what to repair." in text_of(answer)
    answer = client.post(page_of(scene, "repair"), {"reconciliation": "x"}, follow=True)
    assert "There is a newer reconciliation" in text_of(answer)


def test_a_gone_list_is_told_on_the_page(scene: Scene, compared: Any):
    client, _ = compared
    scene.simulator.act("delete-list", list_id=scene.list_id)
    client.post(page_of(scene))
    assert work(scene).state == "failed"
    shown = text_of(client.get(page_of(scene)))
    assert "The last comparison failed" in shown
    assert "does not exist at the ESP any more" in shown
    assert "3 people differ" in shown


def test_strangers_get_404(scene: Scene, compared: Any, signed_in: Any, bob: Any, charlie: Any):
    for stranger in (bob, charlie):
        client = signed_in(stranger)
        for name in ("reconciliation", "reconciling", "reconciled"):
            assert client.get(page_of(scene, name)).status_code in (403, 404)
        assert client.post(page_of(scene)).status_code in (403, 404)
        assert client.post(page_of(scene, "repair"), {"kind": "fields"}).status_code in (403, 404)


def test_pages_are_read_in_a_few_queries(scene: Scene, compared: Any, django_assert_max_num_queries: Any):
    client, _ = compared
    with django_assert_max_num_queries(40):
        client.get(page_of(scene))
    with scope.account(scene.account):
        assert Finding.objects.count() > reconciliationpage.PER_PAGE
    with django_assert_max_num_queries(40):
        client.get(page_of(scene, "reconciled") + "?side=wanted&seen=active")

"""Changing what a goal is made of, and running it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from audiences.models import Audience
from connectors.models import Connection, Goal, Run
from syncapp.accounts import scope


def change_of(scene: Any) -> str:
    return reverse("admin:connectors_goal_change", args=[scene.goal.pk])


def filled(client: Any, scene: Any, **changed: Any) -> dict[str, Any]:
    """The form as it is shown, with changes."""
    form = client.get(change_of(scene)).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**values, **changed}.items() if value not in (None, False)}


def other_list(client: Any, scene: Any) -> str:
    """The id of the list “Service”, as the form offers it."""
    choices = client.get(change_of(scene)).context["adminform"].form["list_id"].field.choices
    return next(key for key, label in choices if label == "Service")


def goal_of(scene: Any) -> Goal:
    with scope.account(scene.account):
        return Goal.objects.get(pk=scene.goal.pk)


def test_saving_without_changes_leaves_everybody_as_they_are(scene, signed_in, ann):
    scene.run(ann)
    client = signed_in(ann)
    assert client.post(change_of(scene), filled(client, scene)).status_code == 302
    goal = goal_of(scene)
    assert (goal.version, goal.needs_full_run) == (1, False)


def test_another_mapping_makes_everybody_due_again(scene, signed_in, ann):
    scene.run(ann)
    client = signed_in(ann)
    rows = client.get(change_of(scene)).context["adminform"].form.rows
    name = dict(zip([row.label for row in rows.rows], rows.names(), strict=True))["Bikes"]
    answer = client.post(change_of(scene), filled(client, scene, **{name: "property:bikes"}), follow=True)
    assert "This changes what people get" in answer.content.decode()
    goal = goal_of(scene)
    assert (goal.version, goal.needs_full_run) == (2, True)
    run = scene.run(ann)
    assert run.updated > 0
    assert run.unchanged == 0
    assert run.adds_up


def test_a_list_that_people_were_put_on_stays(scene, signed_in, ann):
    """Pointing the goal elsewhere would forget whom to take off."""
    scene.run(ann)
    client = signed_in(ann)
    other = other_list(client, scene)
    page = client.post(change_of(scene), filled(client, scene, list_id=other))
    assert page.status_code == 200
    assert "the goal stays with it" in page.content.decode()
    client.post(reverse("admin:connectors_goal_copy", args=[scene.goal.pk]))
    with scope.account(scene.account):
        copy = Goal.objects.exclude(pk=scene.goal.pk).get()
        assert (copy.list_id, copy.enabled, copy.mappings.count(), copy.audience_links.count()) == (
            "",
            False,
            2,
            1,
        )


def test_a_list_nobody_is_on_can_be_changed(scene, signed_in, ann):
    client = signed_in(ann)
    other = other_list(client, scene)
    assert client.post(change_of(scene), filled(client, scene, list_id=other)).status_code == 302
    assert goal_of(scene).list_name == "Service"


def test_run_now_leads_to_the_run_and_says_why_not(scene, signed_in, ann):
    client = signed_in(ann)
    answer = client.post(reverse("admin:connectors_goal_run", args=[scene.goal.pk]))
    with scope.account(scene.account):
        run = Run.objects.get()
        assert (run.requested_by, run.trigger, run.full) == (ann, Run.Trigger.MANUAL, True)
        Connection.objects.update(enabled=False)
        Run.objects.update(state=Run.State.COMPLETED)
    assert answer["Location"] == reverse("admin:connectors_run_change", args=[run.pk])
    page = client.post(
        reverse("admin:connectors_goal_run", args=[scene.goal.pk]), follow=True
    ).content.decode()
    assert "The connection is switched off." in page


def test_every_count_of_a_run_opens_as_many_people(scene, signed_in, ann):
    run = scene.run(ann)
    client = signed_in(ann)
    summary = client.get(reverse("admin:connectors_run_change", args=[run.pk])).context["summary"]
    assert run.adds_up
    assert summary["sum"] == run.checked == 240
    for count in [*summary["terms"], *summary["skipped"]]:
        assert people_behind(client, count.url) == count.people, count.label


def people_behind(client: Any, url: str) -> int:
    """Walks all pages."""
    found = 0
    while url:
        page = client.get(url)
        found += len(page.context.get("outcomes") or page.context.get("people") or [])
        url = page.context["next"]
    return found


def test_the_unchanged_and_waiting_open_the_goals_list(scene, signed_in, ann):
    scene.run(ann)
    run = scene.run(ann)
    client = signed_in(ann)
    summary = client.get(reverse("admin:connectors_run_change", args=[run.pk])).context["summary"]
    unchanged = next(term for term in summary["terms"] if term.label == "unchanged")
    assert unchanged.people == run.unchanged > 100
    assert people_behind(client, unchanged.url) == run.unchanged


def test_addresses_are_found_by_how_they_begin(scene, signed_in, ann):
    scene.run(ann)
    page = signed_in(ann).get(
        reverse("admin:connectors_goal_people", args=[scene.goal.pk]) + "?q=NOOR.devries0@"
    )
    assert [row.profile.email for row in page.context["people"]] == ["noor.devries0@example.com"]


def test_a_goal_keeps_its_audience_from_being_deleted(scene):
    from audiences.uses import uses_of

    with scope.account(scene.account):
        (use,) = uses_of(Audience.objects.get(external_id="newsletter-readers"))
    assert (use.blocks_delete, use.state, use.url) == (True, "on", change_of(scene))


def test_an_open_run_asks_for_its_progress_and_a_closed_one_does_not(scene, signed_in, ann):
    client = signed_in(ann)
    client.post(reverse("admin:connectors_goal_run", args=[scene.goal.pk]))
    with scope.account(scene.account):
        run = Run.objects.get()
    progress = reverse("admin:connectors_run_progress", args=[run.pk])
    assert 'hx-trigger="every 2s"' in client.get(progress).content.decode()
    scene.carry_out(run)
    assert "hx-trigger" not in client.get(progress).content.decode()


def test_calls_show_neither_secrets_nor_whole_addresses(scene, signed_in, ann):
    run = scene.run(ann)
    page = signed_in(ann).get(reverse("admin:connectors_run_calls", args=[run.pk])).content.decode()
    assert "import.json" in page
    assert "noor.devries" not in page
    assert "key-of-the-connections-pages" not in page


def test_saving_while_the_esp_is_down_loses_no_choice(scene, signed_in, ann):
    scene.run(ann)
    client = signed_in(ann)
    scene.simulator.faults([{"kind": "status", "status": 503, "count": 20}])
    page = client.get(change_of(scene)).content.decode()
    assert "News (stored)" in page
    assert "We try again by ourselves." in page
    assert client.post(change_of(scene), filled(client, scene, name="Export of the news")).status_code == 302
    goal = goal_of(scene)
    assert (goal.name, goal.list_id, goal.version) == ("Export of the news", scene.list_id, 1)
    with scope.account(scene.account):
        assert list(goal.mappings.values_list("target", flat=True)) == ["name", "[City]"]


def test_a_list_deleted_at_the_esp_is_said_on_the_goals_page(scene, signed_in, ann):
    scene.simulator.reset()
    place = scene.simulator.seed({"clients": [{"name": "Ann again", "lists": [{"title": "New news"}]}]})
    with scope.account(scene.account):
        Connection.objects.update(client_id=place["clients"][0]["id"])
        Goal.objects.update(list_id="f" * 32)
    page = signed_in(ann).get(change_of(scene)).content.decode()
    assert "The list does not exist at the ESP any more" in page


def test_a_second_goal_on_the_list_is_named(scene, signed_in, ann):
    with scope.account(scene.account):
        other = Goal.objects.create(
            account=scene.account,
            connection=scene.connection,
            name="Export again",
            list_id=scene.goal.list_id,
        )
    shown = signed_in(ann).get(reverse("admin:connectors_goal_change", args=[scene.goal.pk])).content.decode()
    assert "Another goal puts people on this list" in shown
    assert reverse("admin:connectors_goal_change", args=[other.pk]) in shown

"""What a plan says before anybody is sent: classes with samples, why it is held, and who decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from audiences.models import Profile
from connectors.models import Goal, Run
from connectors.sync import words

# class → (words, what it means, tone), in the order in which they are shown
CLASSES: dict[str, tuple[str, str, str]] = {
    "leaving": ("Leaving", "no longer in the audiences", "warn"),
    "withdrawn": ("Taken off", "may not be mailed any more", "bad"),
    "added": ("Added", "new on the list", "good"),
    "changed": ("Updated", "something of theirs changed", "busy"),
    "renamed": ("New address", "on the list under an old address", "busy"),
    "unchanged": ("Unchanged", "in step already", "idle"),
}
WHY_HELD = {
    "repair": "It repairs what a comparison with the ESP found: look at whom it sends and takes off.",
    "first_run": "This is the first run of the goal: somebody has to look at it before anyone is sent.",
    "mapping_changed": "The list, the audiences or the fields changed since the last run: everybody is sent anew.",
    "empty_source": "The audiences are empty, though people are on the list because of them. A source that broke "
    "looks exactly like this.",
}
LEAVERS_WORDS = {
    Goal.Leavers.KEEP: "They stay on the list, as this goal leaves leavers alone.",
    Goal.Leavers.CLEAR: "The field that names their audiences is emptied; they stay on the list.",
    Goal.Leavers.UNSUBSCRIBE: "They are unsubscribed from the list.",
    Goal.Leavers.REMOVE: "They are removed from the list, without an opt-out.",
}


@dataclass(frozen=True, slots=True)
class PlanClass:
    """People to whom the same would happen; `samples` are at most 20 of them."""

    key: str
    label: str
    meaning: str
    tone: str
    people: int
    samples: list[Profile]


def shown(run: Run) -> dict[str, Any]:
    """The plan for its template; {} when the run has none."""
    if not run.plan:
        return {}
    counts = run.plan.get("counts", {})
    samples = samples_of(run)
    return {
        "classes": [
            PlanClass(key, label, meaning, tone, counts.get(key, 0), samples.get(key, []))
            for key, (label, meaning, tone) in CLASSES.items()
            if counts.get(key, 0) or key in ("added", "leaving")
        ],
        "withheld": withheld(counts.get("withheld", {}), samples),
        "why": why(run),
        "on_list": run.plan.get("on_list"),
        "leavers": LEAVERS_WORDS.get(Goal.Leavers(run.settings.get("leavers", run.goal.leavers)), ""),
        "is_empty": not any(counts.get(key, 0) for key in CLASSES if key != "unchanged"),
        "undoes": run.undoes,
    }


def why(run: Run) -> str:
    """Why it is held, with the figures that made it so."""
    reason = run.plan.get("why_held", "")
    if reason != "removals":
        return WHY_HELD.get(reason, "")
    leaving, on_list = run.plan.get("counts", {}).get("leaving", 0), run.plan.get("on_list") or 0
    share = (
        f", {100 * leaving / on_list:.1f} % of the {on_list:,} on it because of this goal" if on_list else ""
    )
    return (
        f"It takes {leaving:,} people off the list{share}. This goal holds runs above "
        f"{run.goal.removal_limit:,} people and {run.goal.removal_percent} %."
    )


def withheld(counts: Mapping[str, int], samples: Mapping[str, list[Profile]]) -> list[PlanClass]:
    """People in the audiences who would not be sent, by reason."""
    by_people = sorted(counts.items(), key=lambda item: -item[1])
    return [
        PlanClass(code, words.reason(code), "", "warn", people, samples.get(f"withheld:{code}", []))
        for code, people in by_people
    ]


def samples_of(run: Run) -> dict[str, list[Profile]]:
    """The people of the samples as they are now; who is gone since is left out."""
    ids: dict[str, list[int]] = run.plan.get("samples", {})
    people = Profile.objects.in_bulk({pk for of_class in ids.values() for pk in of_class})
    return {key: [people[pk] for pk in of_class if pk in people] for key, of_class in ids.items()}


def address(run: Run) -> str:
    return reverse("admin:connectors_run_plan", args=[run.pk])

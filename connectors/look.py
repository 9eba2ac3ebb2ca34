"""How states look: an icon, a word and a tone; never a colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connectors.esp import registry
from connectors.models import Authorization, Connection, Goal, Outcome, Run, Subscriber
from connectors.sync import health, words

SILENT_AFTER = timedelta(minutes=5)  # a working run beats with every batch; far beyond the longest call


@dataclass(frozen=True, slots=True)
class Look:
    """`tone`: good, busy, warn, bad or idle."""

    icon: str
    word: str
    tone: str
    reason: str = ""
    act: str = ""


DRAFT = Look("pending", "Set-up not finished", "idle")

CONNECTION_LOOKS = {
    Connection.State.HEALTHY: ("check_circle", "Healthy", "good"),
    Connection.State.WAITING: ("hourglass_top", "Waiting", "busy"),
    Connection.State.ATTENTION: ("error", "Needs attention", "bad"),
    Connection.State.REAUTHENTICATE: ("key", "Needs new credentials", "bad"),
}
CONNECTION_ACTS = {
    Connection.State.WAITING: "Nobody has to act: it goes on by itself.",
    Connection.State.ATTENTION: "Repair what is named here, at the ESP or in this connection; it tries by itself.",
    Connection.State.REAUTHENTICATE: "Someone with access to the ESP must give new credentials.",
}
RUN_LOOKS = {
    Run.State.QUEUED: ("schedule", "Queued", "busy"),
    Run.State.PLANNING: ("progress_activity", "Planning", "busy"),
    Run.State.HELD: ("back_hand", "Held for approval", "warn"),
    Run.State.RUNNING: ("progress_activity", "Running", "busy"),
    Run.State.WAITING: ("hourglass_top", "Waiting", "busy"),
    Run.State.COMPLETED: ("check_circle", "Completed", "good"),
    Run.State.WARNINGS: ("warning", "Completed with warnings", "warn"),
    Run.State.FAILED: ("cancel", "Failed", "bad"),
    Run.State.CANCELLING: ("stop_circle", "Being cancelled", "busy"),
    Run.State.LOST: ("link_off", "Lost", "bad"),
    Run.State.CANCELLED: ("stop_circle", "Cancelled", "idle"),
}
DEAD_WORDS = {"person": "Rejected by the ESP", "quarantined": "Quarantined", "bug": "A fault of ours"}
WAITING_WORDS = {
    "unsubscribe": "Waits to be unsubscribed",
    "remove": "Waits to be removed",
    "clear": "Waits to have the audience field emptied",
    "restore": "Waits to be put back",
}
AUTHORIZATION_LOOKS = {
    Authorization.State.UNCHECKED: ("help", "Not checked yet", "idle"),
    Authorization.State.WORKS: ("check_circle", "Works", "good"),
    Authorization.State.REFUSED: ("key_off", "Refused: needs new credentials", "bad"),
}


def of_connection(connection: Connection, missing: str = "") -> Look:
    """`missing`: what the set-up lacks, in words."""
    if not connection.enabled:
        return off(connection, missing)
    if missing:
        return Look("error", "Needs attention", "bad", missing, "Finish the set-up.")
    icon, word, tone = CONNECTION_LOOKS[Connection.State(connection.state)]
    act = CONNECTION_ACTS.get(Connection.State(connection.state), "")
    return Look(icon, word, tone, connection.state_reason, act)


def off(connection: Connection, missing: str) -> Look:
    if missing:
        return Look(DRAFT.icon, DRAFT.word, DRAFT.tone, missing, "Continue the set-up.")
    return Look(
        "pause_circle", "Switched off", "idle", "Nothing is sent or fetched.", "Switch it on when it may run."
    )


def of_run(run: Run) -> Look:
    icon, word, tone = RUN_LOOKS[Run.State(run.state)]
    beat = run.heartbeat_at
    if run.state == Run.State.RUNNING and beat is not None and timezone.now() - beat > SILENT_AFTER:
        return Look("link_off", "No sign of life", "bad", f"Nothing was heard of it {ago(beat)}.")
    return Look(icon, word, tone, run.reason)


def of_authorization(authorization: Authorization) -> Look:
    icon, word, tone = AUTHORIZATION_LOOKS[Authorization.State(authorization.state)]
    return Look(icon, word, tone, authorization.state_reason)


OUTCOME_LOOKS = {
    Outcome.Result.CREATED: ("check_circle", "good"),
    Outcome.Result.UPDATED: ("check_circle", "good"),
    Outcome.Result.REMOVED: ("check_circle", "good"),
    Outcome.Result.SKIPPED: ("block", "warn"),
}


def of_outcome(outcome: Outcome | None, otherwise: str = "") -> Look:
    """What came of one person; `otherwise` where it is not known yet."""
    if outcome is None:
        return Look("hourglass_top", "Not known yet", "busy", otherwise)
    icon, tone = OUTCOME_LOOKS.get(Outcome.Result(outcome.result), ("cancel", "bad"))
    reason = words.reason(outcome.code) if outcome.result == Outcome.Result.SKIPPED else outcome.message
    return Look(icon, outcome.get_result_display(), tone, reason)


def of_goal(goal: Goal) -> Look:
    found = health.word(goal)
    icon, tone = GOAL_LOOKS[found.word]
    return Look(icon, str(found.word.label), tone, found.sentence)


GOAL_LOOKS = {
    health.Word.DRAFT: ("pending", "idle"),
    health.Word.PAUSED: ("pause_circle", "idle"),
    health.Word.REAUTHENTICATE: ("key", "bad"),
    health.Word.ATTENTION: ("error", "bad"),
    health.Word.HEALTHY: ("check_circle", "good"),
}


def of_subscriber(subscriber: Subscriber) -> Look:
    """Whether the person is on the list, as far as the ESP told us."""
    if subscriber.due_at is not None:
        return waiting(subscriber)
    if subscriber.dead_at is not None:
        return dead(subscriber)
    if subscriber.error_code:
        return Look("cancel", "Rejected by the ESP", "bad", subscriber.error_message or subscriber.error_code)
    if subscriber.wanted == Subscriber.Wanted.ON:
        if subscriber.accepted_hash is None:
            return Look(
                "radio_button_unchecked",
                "Not sent",
                "idle",
                words.reason(subscriber.reason) if subscriber.reason else "",
            )
        return Look("check_circle", "On the list", "good")
    if subscriber.accepted_hash is not None and subscriber.remote_state in ("", "active"):
        return Look("person_check", "Left on the list", "warn", words.reason(subscriber.reason))
    return Look("block", "Not on the list", "idle", words.reason(subscriber.reason))


def dead(subscriber: Subscriber) -> Look:
    """Nobody tries any more until a person asks."""
    why = subscriber.error_message or subscriber.error_code
    word = DEAD_WORDS.get(subscriber.error_class, "Given up")
    return Look("cancel", word, "bad", why, "Repair what is named, then try again under “Failed people”.")


def waiting(subscriber: Subscriber) -> Look:
    doing = WAITING_WORDS.get(subscriber.operation, "Waits to be sent")
    tried = f"Tried {subscriber.attempts} times. " if subscriber.attempts > 1 else ""
    return Look("hourglass_top", doing, "busy", f"{tried}{subscriber.error_message}".strip())


def badge(look: Look) -> SafeString:
    return format_html(
        '<span class="conn-state conn-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>'
        "<span>{}</span></span>",
        look.tone,
        look.icon,
        look.word,
    )


def badge_with_reason(look: Look) -> SafeString:
    if not look.reason:
        return badge(look)
    return format_html(
        '<span class="conn-said">{}<span class="conn-reason">{}</span></span>', badge(look), look.reason
    )


def esp_badge(connector: str) -> SafeString:
    """The ESP's initials on its colour. An SVG, as colours of data go into attributes, not into styles."""
    spec = registry.get(connector).spec
    return format_html(
        '<span class="conn-esp"><svg viewBox="0 0 28 20" role="img" aria-label="{0}"><title>{0}</title>'
        '<rect width="28" height="20" rx="5" fill="{1}"/><text x="14" y="14" text-anchor="middle" font-size="10"'
        ' font-weight="700" fill="#fff">{2}</text></svg></span>',
        spec.label,
        spec.colour,
        spec.initials,
    )


def ago(moment: datetime) -> str:
    """“3 minutes ago”."""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def ahead(moment: datetime) -> str:
    """“in 3 hours”, rounded down."""
    seconds = (moment - timezone.now()).total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"in {number} {unit}{'' if number == 1 else 's'}"
    return "in less than a minute"


def exact(moment: datetime) -> str:
    """In the client's time zone, with its offset."""
    return timezone.localtime(moment).strftime("%d %b %Y %H:%M:%S %z")


def day(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%d %b %Y").lstrip("0")


def when(moment: datetime | None) -> SafeString | str:
    """Relative, exact on hover."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), ago(moment)
    )


def lasted(start: datetime | None, end: datetime | None) -> str:
    if start is None:
        return "–"
    seconds = ((end or timezone.now()) - start).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def duration(seconds: float) -> str:
    """“45 s”, “3 min 20 s”, “2 h 5 min”."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def rate(per_s: float) -> str:
    """People per second, or per minute where that is less than one."""
    if per_s >= 1:
        return f"{per_s:,.0f} people/s"
    return f"{per_s * 60:,.0f} people/min"


def number(value: int) -> str:
    """With commas between thousands, as everywhere in the pages."""
    return f"{value:,}"


PAIRS = (
    ("created", "+", "good", "added"),
    ("updated", "~", "busy", "updated"),
    ("removed", "−", "warn", "removed"),
)


def pairs(run: Run | None) -> SafeString | str:
    """Added, updated, removed and rejected of a run, with a sign each."""
    if run is None:
        return "–"
    if run.state == Run.State.HELD or run.dry:
        return planned(run)
    rejected = run.rejected + run.removal_rejected
    given_up = run.dead + run.removal_dead
    found = [(sign, getattr(run, name), tone, word) for name, sign, tone, word in PAIRS]
    found += [("×", rejected, "bad", "rejected"), ("†", given_up, "bad", "given up")]
    found = [one for one in found if one[1]]
    if not found:
        return format_html(
            '<span class="conn-muted">{}</span>', "waiting" if run.is_open else "nothing to do"
        )
    return signs(found)


PLANNED = (
    ("added", "+", "good", "would be added"),
    ("changed", "~", "busy", "would be updated"),
    ("renamed", "@", "busy", "would change address"),
    ("leaving", "−", "warn", "would be taken off: left"),
    ("withdrawn", "−", "bad", "would be taken off: may not be mailed"),
)


def planned(run: Run) -> SafeString | str:
    """What a run that was not applied would do."""
    counts = run.plan.get("counts", {})
    found = [(sign, counts.get(name, 0), tone, word) for name, sign, tone, word in PLANNED]
    found = [one for one in found if one[1]]
    if not found:
        return format_html(
            '<span class="conn-muted">{}</span>', "nothing to do" if run.plan else "being planned"
        )
    return format_html('{} <span class="conn-muted">planned</span>', signs(found))


def signs(found: Sequence[tuple[str, int, str, str]]) -> SafeString:
    return format_html(
        '<span class="conn-pairs">{}</span>',
        format_html_join(
            "",
            '<span class="conn-pair conn-{}" title="{} {}">{}{}</span>',
            ((tone, number(count), word, sign, number(count)) for sign, count, tone, word in found),
        ),
    )

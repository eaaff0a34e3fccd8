"""Prints what the commands of the recovery found and did, for people and as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from payments_contracts.pins.operations import RecoveryAction
from rich.console import Console
from rich.markup import escape

from operations.printing import listing, print_table
from operations.recovery.events import Failure, RawEvent
from operations.recovery.originals import Missing
from operations.recovery.redrive import Candidate, Limits, Report
from operations.recovery.selection import Tally
from operations.recovery.standing import STATES, Standing
from operations.recovery.trial import Trial, count_reasons

_MOST_NAMED = 20


def as_object(standing: Standing) -> dict[str, Any]:
    """Return a standing as JSON has it: the dead letter as the archive keeps it, without body and headers."""
    failure, last = standing.failure, standing.last_action
    return failure.record.model_dump(mode="json", exclude={"payload", "headers"}) | {
        "state": standing.state,
        "quarantined_by": failure.stage,
        "times": standing.failures,
        "held_in": failure.origin,
        "last_action": None if last is None else action_as_object(last),
    }


def action_as_object(action: RecoveryAction) -> dict[str, Any]:
    """Return something done by hand as JSON has it."""
    return action.model_dump(mode="json", exclude={"schema_version"})


def print_list(standings: Sequence[Standing], limit: int, console: Console) -> None:
    """Print the newest dead letters, one a line, and how many there are in each state."""
    shown = sorted(standings, key=lambda each: each.failure.recorded_at, reverse=True)[:limit]
    names = ("event", "provider", "type", "merchant", "quarantined", "by", "reasons", "state")
    table = listing(*names, folded={"merchant", "reasons"})
    for each in shown:
        failure = each.failure
        table.add_row(
            failure.event_id,
            failure.provider,
            escape(failure.event_type or "-"),
            escape(failure.merchant_id or "-"),
            _time(failure.recorded_at),
            failure.stage,
            ", ".join(failure.reason_codes),
            each.state,
        )
    print_table(table, console)
    counts = ", ".join(f"{count} {state}" for state, count in count_states(standings).items() if count)
    console.print(f"{len(shown)} of {len(standings)} shown: {counts}", highlight=False)


def count_states(standings: Iterable[Standing]) -> dict[str, int]:
    """Count standings by their state."""
    found = [each.state for each in standings]
    return {state: found.count(state) for state in STATES}


def print_event(
    standing: Standing,
    earlier: Sequence[Failure],
    today: tuple[RawEvent | Missing, Trial],
    actions: Sequence[RecoveryAction],
    console: Console,
) -> None:
    """Print all that is known of a quarantined event but its body; of headers, some of which are secret, the names."""
    failure, (original, trial) = standing.failure, today
    headers = original.record.headers if isinstance(original, RawEvent) else failure.record.headers
    lines: list[tuple[str, str]] = [
        ("event", failure.event_id),
        ("state", standing.state),
        ("provider", f"{failure.provider}, its event {failure.record.provider_event_id or 'without id'}"),
        ("type", failure.event_type or "not known"),
        ("merchant", failure.merchant_id or "not known"),
        ("received", _time(failure.received_at)),
        ("quarantined", f"{_time(failure.recorded_at)} by the {failure.stage}, {_count(standing.failures, 'time')}"),
        ("dead letter", f"{failure.position} ({failure.origin})"),
        ("read from", "the gateway" if failure.source is None else str(failure.source)),
        (
            "original",
            original.reason if isinstance(original, Missing) else f"{original.position} ({original.origin})",
        ),
        ("body", _count(failure.size, "byte")),
        ("headers", ", ".join(f"{name} ({len(value)} characters)" for name, value in headers.items()) or "none"),
    ]
    for name, text in lines:
        console.print(f"{name:<12} {text}", highlight=False, markup=False, soft_wrap=True)
    for code, reason in zip(failure.record.reason_codes, failure.record.reasons, strict=False):
        console.print(f"{'reason':<12} {code}: {reason}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{'today':<12} {words_of(trial)}", highlight=False, markup=False, soft_wrap=True)
    for other in earlier:
        said = f"{'before':<12} {_time(other.recorded_at)} {', '.join(other.reason_codes)} ({other.position})"
        console.print(said, highlight=False, markup=False, soft_wrap=True)
    for action in actions:
        said = f"{'done':<12} {_time(action.acted_at)} {action.command} by {action.actor}: {action.outcome}"
        if action.detail:
            said += f": {action.detail}"
        if action.target_topic is not None:
            said += f", as {action.target_topic}[{action.target_partition}]@{action.target_offset}"
        console.print(said, highlight=False, markup=False, soft_wrap=True)


def words_of(trial: Trial) -> str:
    """Say in a line what today's contract says."""
    return "passes" if trial.passes else "; ".join(trial.reasons) or ", ".join(trial.reason_codes)


def print_trials(candidates: Sequence[Candidate], limit: int, console: Console) -> None:
    """Print what today's contract says of quarantined events: each of the first ones, then all in sum."""
    table = listing("event", "provider", "was", "today", folded={"was", "today"})
    for each in candidates[:limit]:
        table.add_row(each.event_id, each.provider, ", ".join(each.reason_codes), escape(words_of(each.trial)))
    print_table(table, console)
    print_sum(candidates, console)


def print_sum(candidates: Sequence[Candidate], console: Console) -> None:
    """Say how many quarantined events would pass now, and what keeps the others."""
    passing = sum(each.trial.passes for each in candidates)
    console.print(f"of {len(candidates)} quarantined {passing} would pass now", highlight=False)
    for code, count in count_reasons(each.trial for each in candidates):
        console.print(f"  {count} {code}", highlight=False)


def print_tally(tally: Tally, console: Console, *, unsupported: bool) -> None:
    """Say what was found among raw events, and how many today's contract takes."""
    left_out = {
        "sent more than once": tally.repeated,
        "with a row": tally.with_row,
        "quarantined (see `payments quarantine`)": tally.quarantined,
        "younger than five minutes": tally.young,
        "sent again within the last day (--again takes them)": tally.sent_lately,
    }
    console.print(f"{_count(tally.matched, 'raw record')} matched", highlight=False)
    if tally.without_raw is not None:
        console.print(f"  {ended_without_raw(tally)}", highlight=False)
    for words, count in left_out.items():
        if count:
            console.print(f"  {count} left out: {words}", highlight=False)
    kind = "unsupported " if unsupported else ""
    console.print(f"of {tally.considered} {kind}{tally.passes} would pass now", highlight=False)
    for event_type, count in tally.unsupported.most_common(_MOST_NAMED):
        console.print(f"  {count} have no mapping: {event_type}", highlight=False, markup=False)
    if tally.failing:
        console.print(f"  {tally.failing} would be quarantined:", highlight=False)
        for code, count in tally.fails.most_common(_MOST_NAMED):
            console.print(f"    {count} {code}", highlight=False)


def ended_without_raw(tally: Tally) -> str:
    """Say of how many ended workflows there was no raw event among those that are meant."""
    return f"{tally.without_raw} of {_count(tally.ended, 'ended workflow')} without a raw event that matches"


def print_plan(candidates: Sequence[Candidate], limits: Limits, console: Console) -> None:
    """Say what a redrive would do, without doing it."""
    missing = [each.original.reason for each in candidates if isinstance(each.original, Missing) and not each.restart]
    sendable = [each for each in candidates if not isinstance(each.original, Missing) or each.restart]
    passing = sum(each.trial.passes or each.restart or limits.force for each in sendable)
    seconds = passing / limits.rate
    console.print(
        f"would send {passing} of {_count(len(candidates), 'event')} again, in about {seconds:.0f} s", highlight=False
    )
    origins = [each.original.origin for each in sendable if isinstance(each.original, RawEvent)]
    for origin in ("topic", "archive", "dead_letter"):
        if count := origins.count(origin):
            console.print(f"  {count} from the {_ORIGINS[origin]}", highlight=False)
    for code, count in count_reasons(each.trial for each in sendable if not each.restart):
        console.print(f"  {count} still fail: {code}", highlight=False)
    for reason in dict.fromkeys(missing):
        console.print(f"  {missing.count(reason)} cannot be sent: {reason}", highlight=False, soft_wrap=True)


_ORIGINS: Mapping[str, str] = {"topic": "raw topic", "archive": "archive", "dead_letter": "dead letter, made anew"}


def print_report(report: Report, run_id: str, console: Console) -> None:
    """Say what a run did, and by name what it could not do."""
    console.print(f"run {run_id}: {len(report.sent)} sent again", highlight=False)
    for words, count in (
        ("have their row now", len(report.passed)),
        ("failed again", len(report.failed_again)),
        ("are on their way", len(report.under_way)),
    ):
        if count:
            console.print(f"  {count} {words}", highlight=False)
    _name("still fails, and stays", {key: words_of(trial) for key, trial in report.still_fails.items()}, console)
    _name("cannot be sent", report.not_found, console)
    _name("failed again", {key: ", ".join(codes) for key, codes in report.failed_again.items()}, console)
    if report.stopped is not None:
        console.print(f"[red]stopped:[/] {escape(report.stopped)}", highlight=False, soft_wrap=True)


def _name(words: str, events: Mapping[str, str], console: Console) -> None:
    for event_id, why in list(events.items())[:_MOST_NAMED]:
        console.print(f"  {event_id} {words}: {why}", highlight=False, markup=False, soft_wrap=True)
    if len(events) > _MOST_NAMED:
        console.print(f"  … and {len(events) - _MOST_NAMED} more", highlight=False)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"

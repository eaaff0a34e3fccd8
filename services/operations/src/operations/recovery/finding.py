"""Which quarantined events a filter means, and how far each has come."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from operations.recovery.events import Failure
from operations.recovery.filters import Filter
from operations.recovery.session import Session
from operations.recovery.standing import STATES, Standing, standings


def find(session: Session, which: Filter, *, bodies: bool = True) -> list[Standing]:
    """Return the standings of the events whose newest dead letter is one that is meant; without their bodies.

    With `bodies` it is known of each body how large it is and what tells it from others, which `Originals` need.

    Raises:
        UnavailableError: A server that holds dead letters, actions or rows does not answer.
    """
    found = standings_of(session, session.source.failures(widened(which), bodies=bodies))
    return [each for each in found if which.covers(each.failure)]


def widened(which: Filter) -> Filter:
    """Return the filter that covers all dead letters of the events: they are needed to tell how one stands."""
    return replace(which, reasons=frozenset(), contract_version=None)


def standings_of(session: Session, failures: Iterable[Failure]) -> list[Standing]:
    """Return the standings of the events of some dead letters."""
    return standings(failures, session.trail.last, session.rows, session.bronze_rows)


def in_states(found: Sequence[Standing], states: Sequence[str]) -> list[Standing]:
    """Return those that are in one of some states; `all` is each of them.

    Raises:
        ValueError: There is no such state; the message says which there are.
    """
    if unknown := set(states) - {*STATES, "all"}:
        raise ValueError(f"no state {', '.join(sorted(unknown))}; there are {', '.join(STATES)} and all")
    return [each for each in found if each.state in states or "all" in states]


def refused_by_bronze(found: Iterable[Standing]) -> frozenset[str]:
    """Return the events that have their row only when Bronze has it."""
    return frozenset(each.failure.event_id for each in found if "row_rejected" in each.failure.reason_codes)

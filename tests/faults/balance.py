"""What has to be true of every event after all accidents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.client import WorkflowExecutionStatus

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

_SHOWN = 5


@dataclass(frozen=True)
class Found:
    """How often each event of a run was found at each place, and the states of its workflow's runs."""

    raw: Counter[str]
    normalized: Counter[str]
    bronze: Counter[str]
    database: Counter[str]
    workflows: Mapping[str, Sequence[WorkflowExecutionStatus]]


def faults(acknowledged: AbstractSet[str], sent: AbstractSet[str], found: Found) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong.

    An event that was sent and never acknowledged may have arrived or not. One whose acknowledgement was lost on its way
    was sent again, and is in the raw topic as often: each of these records is normalized once.
    """
    for place, counts in (
        ("the raw topics", found.raw),
        ("the normalized topic", found.normalized),
        ("Bronze", found.bronze),
        ("the operational database", found.database),
    ):
        yield from _told(f"lost: acknowledged, and not in {place}", acknowledged - counts.keys())
        yield from _told(f"invented: in {place}, and never sent", counts.keys() - sent)
    twice = {event for event, number in found.normalized.items() if number != found.raw[event]}
    yield from _told("not as often in the normalized topic as in the raw one", twice)
    for place, counts in (("Bronze", found.bronze), ("the operational database", found.database)):
        yield from _told(f"repeated in {place}", {event for event, number in counts.items() if number > 1})
    yield from _told("without a workflow", acknowledged - found.workflows.keys())
    for status in WorkflowExecutionStatus:
        if status != WorkflowExecutionStatus.COMPLETED:
            those = {event for event, states in found.workflows.items() if status in states}
            yield from _told(f"workflow {status.name.lower()}", those & sent)


def _told(problem: str, events: AbstractSet[str]) -> Iterator[str]:
    if events:
        yield f"{len(events)} events {problem}: {', '.join(sorted(events)[:_SHOWN])}"

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.faults.balance import Found, faults
from tests.faults.ordeal import choose

ONCE = Counter({"a": 1, "b": 1})
DONE = WorkflowExecutionStatus.COMPLETED
GOOD = Found(ONCE, ONCE, ONCE, ONCE, {"a": [DONE], "b": [DONE]})
BOTH = {"a", "b"}


def changed(place: str, counts: Counter[str]) -> Found:
    changes: dict[str, Any] = {place: counts}
    return replace(GOOD, **changes)


def told(found: Found) -> list[str]:
    return list(faults(BOTH, BOTH, found))


def test_nothing_is_told_where_each_event_is_everywhere_once() -> None:
    assert told(GOOD) == []


@pytest.mark.parametrize("place", ["raw", "normalized", "bronze", "database"])
def test_an_acknowledged_event_that_is_absent_is_lost(place: str) -> None:
    assert any("lost: acknowledged" in problem for problem in told(changed(place, Counter({"a": 1}))))


@pytest.mark.parametrize("place", ["raw", "normalized", "bronze", "database"])
def test_an_event_that_nobody_sent_is_invented(place: str) -> None:
    found = changed(place, Counter({"a": 1, "b": 1, "c": 1}))
    assert any("invented" in problem and problem.endswith(" c") for problem in told(found))


@pytest.mark.parametrize("place", ["bronze", "database"])
def test_an_event_with_two_rows_is_repeated(place: str) -> None:
    found = changed(place, Counter({"a": 2, "b": 1}))
    assert next(problem.split(":")[0] for problem in told(found)).startswith("1 events repeated in")


def test_an_event_that_was_delivered_twice_is_normalized_twice_and_stored_once() -> None:
    twice = Counter({"a": 2, "b": 1})
    assert told(replace(GOOD, raw=twice, normalized=twice)) == []
    assert told(replace(GOOD, normalized=twice)) == [
        "1 events not as often in the normalized topic as in the raw one: a"
    ]


def test_an_event_that_was_never_acknowledged_may_be_absent_or_there() -> None:
    nothing: Counter[str] = Counter()
    assert list(faults(set(), BOTH, GOOD)) == []
    assert list(faults(set(), BOTH, Found(nothing, nothing, nothing, nothing, {}))) == []


@pytest.mark.parametrize("state", ["RUNNING", "FAILED", "TERMINATED", "TIMED_OUT"])
def test_a_workflow_that_has_not_completed_is_reported(state: str) -> None:
    found = replace(GOOD, workflows={"a": [DONE, WorkflowExecutionStatus[state]], "b": [DONE]})
    assert told(found) == [f"1 events workflow {state.lower()}: a"]


def test_an_event_without_a_workflow_is_reported() -> None:
    assert told(replace(GOOD, workflows={"a": [DONE]})) == ["1 events without a workflow: b"]


def test_equal_seeds_choose_the_same_victims_in_the_same_order() -> None:
    names = [f"server {number}" for number in range(12)]
    assert choose(names, 4, 7) == choose(list(reversed(names)), 4, 7)
    assert choose(names, 4, 7) != choose(names, 4, 8)
    assert sorted(choose(names, None, 7)) == sorted(names)

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchestrator.offsets import OffsetTracker

OFFSETS = st.sets(st.integers(0, 200), min_size=1, max_size=40).map(sorted)


def test_commits_nothing_before_the_first_record_is_finished() -> None:
    tracker: OffsetTracker[int] = OffsetTracker()
    for offset in (5, 6):
        tracker.begin(0, offset)
    tracker.finish(0, 6)
    assert tracker.committable() == {}
    assert tracker.unfinished() == 1


def test_commits_past_all_records_once_the_slowest_is_finished() -> None:
    tracker: OffsetTracker[int] = OffsetTracker()
    for offset in (5, 6, 9):
        tracker.begin(0, offset)
    for offset in (9, 6, 5):
        tracker.finish(0, offset)
    assert tracker.committable() == {0: 10}


def test_offers_an_offset_again_until_it_is_committed() -> None:
    tracker: OffsetTracker[int] = OffsetTracker()
    tracker.begin(0, 5)
    tracker.finish(0, 5)
    assert tracker.committable() == tracker.committable() == {0: 6}
    tracker.committed({0: 6, 1: 3})
    assert tracker.committable() == {}


def test_refuses_an_offset_that_goes_back() -> None:
    tracker: OffsetTracker[int] = OffsetTracker()
    tracker.begin(0, 5)
    with pytest.raises(ValueError, match="offset 5 of 0 comes after 5"):
        tracker.begin(0, 5)


def test_a_forgotten_partition_may_begin_earlier_again() -> None:
    tracker: OffsetTracker[int] = OffsetTracker()
    tracker.begin(0, 5)
    tracker.forget([0, 1])
    tracker.finish(0, 5)
    assert tracker.committable() == {}
    tracker.begin(0, 3)
    assert tracker.unfinished([0]) == 1


def test_a_finish_left_over_from_before_the_partition_was_forgotten_changes_nothing() -> None:
    tracker: OffsetTracker[int] = OffsetTracker()
    tracker.begin(0, 10)
    tracker.forget([0])
    for offset in (8, 12):
        tracker.begin(0, offset)
    tracker.finish(0, 10)
    assert tracker.unfinished() == 2
    for offset in (8, 12):
        tracker.finish(0, offset)
    assert tracker.committable() == {0: 13}


def test_tells_partitions_apart() -> None:
    tracker: OffsetTracker[int] = OffsetTracker()
    for partition in (0, 1):
        tracker.begin(partition, 7)
    tracker.finish(1, 7)
    assert tracker.committable() == {1: 8}
    assert tracker.committable([0]) == {}
    assert (tracker.unfinished([0]), tracker.unfinished([1])) == (1, 0)


@given(offsets=OFFSETS, seed=st.randoms())
def test_never_commits_past_an_unfinished_record_and_ends_past_the_last(
    offsets: list[int], seed: random.Random
) -> None:
    tracker: OffsetTracker[str] = OffsetTracker()
    unfinished: set[int] = set()
    to_begin = list(offsets)
    committed = -1
    while to_begin or unfinished:
        if to_begin and (not unfinished or seed.random() < 0.5):
            offset = to_begin.pop(0)
            tracker.begin("p", offset)
            unfinished.add(offset)
        else:
            offset = seed.choice(sorted(unfinished))
            tracker.finish("p", offset)
            unfinished.discard(offset)
        assert tracker.unfinished() == len(unfinished)
        for position in tracker.committable().values():
            assert position > committed
            assert all(position <= waiting for waiting in unfinished)
            committed = position
            tracker.committed({"p": position})
    assert committed == offsets[-1] + 1

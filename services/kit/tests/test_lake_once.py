"""Groups on their way into a table, held against a model: whatever happens, each key is in the table once."""

import contextlib
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from kit.errors import Transient
from kit.lake import IcebergTarget, Mark, Pending
from kit.lake.write import GroupWrite  # noqa: TC002  # used in annotations of attributes alone
from pyiceberg.exceptions import CommitFailedException

from tests.lakes import Faulty, Send, answer_lost, counts, local_catalog, lost_on_the_way, new_table, row, sent_twice

KEYS = st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3)


class Writers(RuleBasedStateMachine):
    """Two processes write to one table; requests and answers get lost, come twice or late; one process crashes."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.way = Faulty(local_catalog(Path(self.folder.name)), threading.Lock())
        self.identifier = new_table(self.way.catalog)
        self.late: list[Send] = []
        self.said: set[str] = set()
        self.remembered: list[set[str]] = [set(), set()]
        self.targets = [self.open() for _ in range(2)]
        self.under_way: list[GroupWrite | None] = [None, None]
        self.keys: list[set[str]] = [set(), set()]
        self.known_absent: list[Mark | None] = [Mark(0), Mark(0)]

    def open(self) -> IcebergTarget:
        return self.way.target(self.identifier, keep_snapshots=2)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(
        who=st.integers(0, 1),
        keys=KEYS,
        is_sure=st.booleans(),
        faults=st.lists(st.sampled_from([answer_lost, lost_on_the_way, sent_twice, "late"]), max_size=2),
        look=st.sampled_from([None, None, lost_on_the_way]),
        steps=st.integers(1, 4),
    )
    def write(self, who: int, keys: set[str], faults: list[object], look: object, steps: int, *, is_sure: bool) -> None:
        """A process hands a group over, unless it has one under way, and takes a few steps with it."""
        if self.under_way[who] is None:
            # As a committer does, it remembers what it has written itself.
            self.keys[who] = keys - self.remembered[who]
            mark = self.known_absent[who] if is_sure else None
            pending = {key: Pending(row(key, ord(key)), mark) for key in self.keys[who]}
            self.under_way[who] = self.targets[who].begin(pending)
        self.way.commits = [self.delay if fault == "late" else fault for fault in faults]  # type: ignore[misc]
        self.way.looks = [look] if look else []  # type: ignore[list-item]
        for _ in range(steps):
            if self.advance(who):
                break
        self.way.commits, self.way.looks = [], []

    def advance(self, who: int) -> bool:
        group = self.under_way[who]
        assert group is not None
        try:
            group.step()
        except Transient:
            return False
        self.said |= self.keys[who]
        self.remembered[who] |= self.keys[who]
        self.under_way[who] = None
        return True

    def delay(self, send: Send) -> None:
        self.late.append(send)
        lost_on_the_way(send)

    @rule()
    def a_late_request_arrives(self) -> None:
        if self.late:
            # Nobody waits for its answer any more.
            with contextlib.suppress(CommitFailedException, ValueError):
                self.late.pop(0)()

    @rule(who=st.integers(0, 1))
    def crash(self, who: int) -> None:
        """A process starts anew; of what it had under way, nothing is known."""
        self.under_way[who] = None
        self.remembered[who] = set()
        self.known_absent[who] = None
        self.targets[who] = self.open()

    @invariant()
    def each_key_is_there_once_and_none_is_missing(self) -> None:
        if hasattr(self, "identifier"):
            found = counts(self.way.catalog, self.identifier)
            assert set(found.values()) <= {1}
            assert self.said <= set(found)


TestWriters = Writers.TestCase
TestWriters.settings = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=timedelta(minutes=5),
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

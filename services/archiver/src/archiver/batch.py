"""What was read and is not committed yet, and when that is enough for a commit."""

from dataclasses import dataclass, field
from datetime import datetime

from kit.lake import Row


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds of a commit: rows, bytes of Kafka records, and seconds that its first record waits."""

    max_rows: int
    max_bytes: int
    max_seconds: float


@dataclass(slots=True)
class Batch:
    """Rows in the order in which they were read. Times in seconds are of any clock that does not go back."""

    policy: Policy
    rows: list[Row] = field(default_factory=list)
    size: int = 0
    began: float = 0.0
    oldest: datetime | None = None

    def add(self, row: Row, size: int, produced_at: datetime, now: float) -> None:
        """Take a row on, with the bytes of its record and when that was produced."""
        if not self.rows:
            self.began = now
        self.rows.append(row)
        self.size += size
        self.oldest = produced_at if self.oldest is None else min(self.oldest, produced_at)

    def room(self) -> int:
        """Return how many rows more may be taken on; 0 when it is full."""
        return 0 if self.size >= self.policy.max_bytes else max(0, self.policy.max_rows - len(self.rows))

    def due_in(self, now: float) -> float | None:
        """Return in how many seconds it is to be committed, 0 or less if now; None while there is nothing."""
        if not self.rows:
            return None
        return 0.0 if self.room() == 0 else self.began + self.policy.max_seconds - now

    def clear(self) -> None:
        """Forget what was committed."""
        self.rows, self.size, self.oldest = [], 0, None

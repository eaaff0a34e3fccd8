"""Which Kafka offsets may be committed while work on later records overtakes that on earlier ones."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)


@dataclass(slots=True)
class _Progress:
    """`begun` tells of each offset, in order, whether it is finished; those below `position` are gone from it."""

    begun: dict[int, bool] = field(default_factory=dict)
    last: int = -1
    position: int | None = None
    committed: int | None = None

    def finish(self, offset: int) -> None:
        if offset in self.begun:
            self.begun[offset] = True
        while self.begun and self.begun[oldest := next(iter(self.begun))]:
            del self.begun[oldest]
            self.position = oldest + 1

    def unfinished(self) -> int:
        return sum(not finished for finished in self.begun.values())


class OffsetTracker(Generic[P]):
    """Knows, for each partition, the offset up to which every record seen is finished.

    Offsets of a partition begin in increasing order, with gaps (a transaction's markers take offsets too), and finish
    in any order. Holds no I/O and no clock.
    """

    def __init__(self) -> None:
        self._partitions: dict[P, _Progress] = {}

    def begin(self, partition: P, offset: int) -> None:
        """Note that work on a record begins.

        Raises:
            ValueError: The offset is not above the last one that began on the partition.
        """
        progress = self._partitions.setdefault(partition, _Progress())
        if offset <= progress.last:
            raise ValueError(f"offset {offset} of {partition} comes after {progress.last}")
        progress.last = offset
        progress.begun[offset] = False

    def finish(self, partition: P, offset: int) -> None:
        """Note that the record is finished. Says nothing of a partition that was forgotten meanwhile."""
        if (progress := self._partitions.get(partition)) is not None:
            progress.finish(offset)

    def committable(self, partitions: Iterable[P] | None = None) -> dict[P, int]:
        """Return the next offset to read of each partition, where it is further than what was committed last."""
        return {
            partition: progress.position
            for partition, progress in self._chosen(partitions)
            if progress.position is not None and progress.position != progress.committed
        }

    def committed(self, offsets: Mapping[P, int]) -> None:
        """Note what the broker has accepted."""
        for partition, offset in offsets.items():
            if partition in self._partitions:
                self._partitions[partition].committed = offset

    def unfinished(self, partitions: Iterable[P] | None = None) -> int:
        """Count the records whose work has begun and not finished."""
        return sum(progress.unfinished() for _, progress in self._chosen(partitions))

    def forget(self, partitions: Iterable[P]) -> None:
        """Drop partitions that were taken away."""
        for partition in partitions:
            self._partitions.pop(partition, None)

    def _chosen(self, partitions: Iterable[P] | None) -> list[tuple[P, _Progress]]:
        chosen = self._partitions.keys() if partitions is None else self._partitions.keys() & set(partitions)
        return [(partition, self._partitions[partition]) for partition in chosen]

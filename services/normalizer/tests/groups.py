"""Flink's metric groups as its REST API shows them, for tests."""

from typing import Self

# What MetricQueryService.replaceInvalidChars writes for these, within the name of a group or metric.
_REPLACED = str.maketrans(" .:,", "____")


class FakeCounter:
    def __init__(self, group: "FakeGroup", name: str) -> None:
        self._values, self._name = group.values, ".".join((*group.path, name))

    def inc(self, n: int = 1) -> None:
        self._values[self._name] = self._values.get(self._name, 0) + n


class FakeGroup:
    """A metric group that writes to one dictionary, by the names that Flink's REST API gives."""

    def __init__(self, values: dict[str, float], path: tuple[str, ...]) -> None:
        self.values, self.path = values, path

    def add_group(self, name: str, extra: str | None = None) -> Self:
        return type(self)(self.values, (*self.path, name.translate(_REPLACED)))

    def counter(self, name: str) -> FakeCounter:
        return FakeCounter(self, name.translate(_REPLACED))

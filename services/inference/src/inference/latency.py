"""Simulated latency of a model, equal for equal requests."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

_FORM = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Latency:
    """A range of milliseconds, both ends included."""

    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `0`, `80` or `50-200`, in milliseconds.

        Raises:
            ValueError: The text has another form, or the range begins with the larger number.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"latency must be milliseconds like 0, 80 or 50-200, not {text!r}")
        least = int(match[1])
        most = int(match[2] or least)
        if most < least:
            raise ValueError(f"latency {text!r} has its numbers in the wrong order: the smaller one comes first")
        return cls(least, most)

    def seconds(self, seed: str) -> float:
        """Return the delay for a seed such as an event id, evenly spread over the range."""
        drawn = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) / 2**64
        return (self.least + drawn * (self.most - self.least)) / 1000

"""One look at all parts, over and over."""

import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from operations.trace.asking import Asked, Parts, guarded
from operations.watch.questions import Question, look_at_disks
from operations.watch.values import PART_UP, Gauges, Value

_log = structlog.get_logger(__name__)
_PATIENCE_SECONDS: Final = 10.0


class Watch:
    """Asks each part its question, all at once, and shows the answers.

    Args:
        questions: What to ask, by the name of the part.
        mounts: Folders whose file systems are looked at, by name.
        gauges: Where values are shown.
        seconds: How long a part may take to answer.
    """

    def __init__(
        self,
        questions: Mapping[str, Question],
        mounts: Mapping[str, Path],
        gauges: Gauges,
        *,
        seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._questions = questions
        self._mounts = mounts
        self._gauges = gauges
        self._seconds = seconds
        self._away: Mapping[str, str] = {}

    def run(self, interval: float, stop: threading.Event) -> None:
        """Look until `stop` is set, with `interval` seconds between looks."""
        while not stop.is_set():
            self.look()
            stop.wait(interval)

    def look(self) -> None:
        """Look once. A part that is away does not keep the others from being shown."""
        parts = Parts(self._seconds)
        self._gauges.update([*self._answers(parts), *look_at_disks(self._mounts)])
        for part, reason in parts.away.items():
            if part not in self._away:
                _log.warning("part_away", part=part, reason=reason)
        for part in self._away.keys() - parts.away.keys():
            _log.info("part_back", part=part)
        self._away = parts.away

    def _answers(self, parts: Parts) -> Iterator[Value]:
        asked = {part: Asked(partial(guarded, part, question)) for part, question in self._questions.items()}
        for part, each in asked.items():
            values = parts.get(part, each, [])
            yield Value(PART_UP, (part,), part not in parts.away)
            yield from values

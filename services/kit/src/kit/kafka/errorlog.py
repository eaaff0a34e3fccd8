"""Logs what librdkafka reports, without repeating itself many times a second while a broker is away."""

from time import monotonic

import structlog
from confluent_kafka import KafkaError

_LOG = structlog.get_logger("kit.kafka")
_SECONDS_BETWEEN = 10.0

QUIET = {"log_level": 2, "log.connection.close": False}
"""Settings of librdkafka: it says everything by its error callback too, so its own log is kept to what is critical."""


class ErrorLog:
    """Logs each kind of error at once, then at most every ten seconds, with how often it came in between."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._logged_at: dict[int, float] = {}
        self._withheld: dict[int, int] = {}

    def note(self, error: KafkaError) -> None:
        """Log an error, or count it."""
        code, now = error.code(), monotonic()
        if now - self._logged_at.get(code, -_SECONDS_BETWEEN) < _SECONDS_BETWEEN:
            self._withheld[code] = self._withheld.get(code, 0) + 1
            return
        self._logged_at[code] = now
        log = _LOG.critical if error.fatal() else _LOG.warning
        log(
            "kafka_error",
            client=self._client_id,
            code=error.name(),
            detail=error.str(),
            withheld=self._withheld.pop(code, 0),
        )

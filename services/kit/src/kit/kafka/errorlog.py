"""Logs what librdkafka reports, without repeating itself many times a second while a broker is away."""

from collections.abc import Mapping
from time import monotonic
from typing import Final

import structlog
from confluent_kafka import KafkaError

_LOG = structlog.get_logger("kit.kafka")
_SECONDS_BETWEEN = 10.0

QUIET = {"log_level": 2, "log.connection.close": False}
"""Settings of librdkafka: it says everything by its error callback too, so its own log is kept to what is critical."""

_REMEDIES: Final[Mapping[int, str]] = {
    KafkaError._AUTHENTICATION: (  # noqa: SLF001  # the library's public constants begin so
        "Look at KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM, and at whether the listener asks "
        "for what KAFKA_SECURITY_PROTOCOL says."
    ),
    KafkaError._SSL: (  # noqa: SLF001  # as above
        "Look at KAFKA_TLS_CA_FILE, which has to hold the authority of the brokers' certificates, at whether these "
        "are valid now, and at KAFKA_TLS_CERTIFICATE_FILE and KAFKA_TLS_KEY_FILE, where brokers ask for a certificate."
    ),
    KafkaError.SASL_AUTHENTICATION_FAILED: "Look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "The user of this program may not do that to the topic: contracts/topics and contracts/services.yaml say who "
        "may, and the users of Kafka follow them (generated/k8s/kafka-users.yaml)."
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: (
        "The user of this program may not join or read the group; groups of a service begin with its name."
    ),
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "The user of this program may not use the transactional id; those of a service begin with its name."
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "The user of this program may not do that to the cluster.",
}
_REFUSALS = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})  # noqa: SLF001  # as above


def with_remedy(error: KafkaError) -> str:
    """Return an error in words, with the settings to look at where the brokers refuse the client."""
    remedy = _REMEDIES.get(error.code())
    return error.str() if remedy is None else f"{error.str().rstrip('.')}. {remedy}"


class ErrorLog:
    """Logs each kind of error at once, then at most every ten seconds, with how often it came in between."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._logged_at: dict[int, float] = {}
        self._withheld: dict[int, int] = {}
        self._refusal: KafkaError | None = None

    def note(self, error: KafkaError) -> None:
        """Log an error, or count it."""
        code, now = error.code(), monotonic()
        if code in _REFUSALS:
            self._refusal = error
        if now - self._logged_at.get(code, -_SECONDS_BETWEEN) < _SECONDS_BETWEEN:
            self._withheld[code] = self._withheld.get(code, 0) + 1
            return
        self._logged_at[code] = now
        log = _LOG.critical if error.fatal() else _LOG.warning
        log(
            "kafka_error",
            client=self._client_id,
            code=error.name(),
            detail=with_remedy(error),
            withheld=self._withheld.pop(code, 0),
        )

    def explain(self, error: KafkaError) -> str:
        """Return in words why a call failed.

        A client that brokers refuse to let in sees calls run out of time; the reason was reported before, by itself.
        """
        if self._refusal is not None and error.code() not in _REMEDIES and not error.fatal():
            return with_remedy(self._refusal)
        return with_remedy(error)

"""What a client says that brokers do not let in."""

import pytest
from confluent_kafka import KafkaError
from kit.kafka import errorlog
from kit.kafka.errorlog import ErrorLog, with_remedy

_ALERT = "ssl://b:9093/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required"
_TIMED_OUT = KafkaError(KafkaError._TRANSPORT, "Failed to get metadata: Local: Broker transport failure")


def test_a_certificate_that_brokers_refuse_after_the_handshake_names_its_setting() -> None:
    assert "KAFKA_TLS_CERTIFICATE_FILE" in with_remedy(KafkaError(KafkaError._TRANSPORT, _ALERT))
    assert "KAFKA_TLS" not in with_remedy(_TIMED_OUT)


@pytest.mark.parametrize(
    ("reported", "setting"),
    [
        (KafkaError(KafkaError._AUTHENTICATION, "invalid credentials"), "KAFKA_SASL_PASSWORD"),
        (KafkaError(KafkaError._SSL, "certificate verify failed"), "KAFKA_TLS_CA_FILE"),
        (KafkaError(KafkaError._TRANSPORT, _ALERT), "KAFKA_TLS_CERTIFICATE_FILE"),
    ],
)
def test_a_call_without_an_answer_is_explained_by_the_refusal_before_it(reported: KafkaError, setting: str) -> None:
    log = ErrorLog("test")
    assert setting not in log.explain(_TIMED_OUT)
    log.note(reported)
    assert setting in log.explain(_TIMED_OUT)


def test_a_refusal_of_long_ago_explains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(errorlog, "monotonic", lambda: now)
    log = ErrorLog("test")
    log.note(KafkaError(KafkaError._AUTHENTICATION, "invalid credentials"))
    now += 20
    assert "KAFKA_SASL_PASSWORD" in log.explain(_TIMED_OUT)
    now += 20
    assert "KAFKA_SASL_PASSWORD" not in log.explain(_TIMED_OUT)

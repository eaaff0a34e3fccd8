"""Half of what a server needs to let a client in does not start a program, and secrets are never shown."""

from pathlib import Path

import pytest
from kit.connection import Endpoint, Tls, kafka_options
from kit.settings import KafkaSettings, RegistrySettings, TemporalSecuritySettings, TrinoSettings
from pydantic import ValidationError

KAFKA = {"kafka_bootstrap_servers": "kafka:9092"}
REGISTRY = {"schema_registry_url": "https://registry"}
SECRET = "do-not-show"


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (KafkaSettings, {**KAFKA, "kafka_security_protocol": "SASL_SSL"}, "KAFKA_SASL_PASSWORD must be set"),
        (KafkaSettings, {**KAFKA, "kafka_sasl_username": "me"}, "SASL_…"),
        (KafkaSettings, {**KAFKA, "kafka_security_protocol": "SSL", "kafka_tls_key_file": __file__}, "set together"),
        (KafkaSettings, {**KAFKA, "kafka_tls_ca_file": __file__}, "…SSL"),
        (KafkaSettings, {**KAFKA, "kafka_security_protocol": "TLS"}, "SASL_SSL"),
        (RegistrySettings, {**REGISTRY, "schema_registry_username": "me"}, "SCHEMA_REGISTRY_PASSWORD"),
        (TemporalSecuritySettings, {"temporal_api_key": SECRET}, "TEMPORAL_TLS to true"),
        (TemporalSecuritySettings, {"temporal_tls": True, "temporal_tls_key_file": __file__}, "set together"),
        (TemporalSecuritySettings, {"temporal_tls_server_name": "other"}, "TEMPORAL_TLS is true"),
        (TrinoSettings, {"trino_password": SECRET}, "TRINO_TLS to true"),
        (TrinoSettings, {"trino_tls_ca_file": __file__}, "TRINO_TLS is true"),
    ],
)
def test_half_a_configuration_is_refused(kind: type[KafkaSettings], given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(given)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_brokers_that_ask_nobody_are_their_addresses_alone() -> None:
    assert kafka_options(KafkaSettings.model_validate(KAFKA).kafka) == {"bootstrap.servers": "kafka:9092"}
    assert kafka_options("kafka:9092") == {"bootstrap.servers": "kafka:9092"}


def test_a_password_is_for_the_client_and_not_to_be_seen() -> None:
    given = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "me", "kafka_sasl_password": SECRET}
    settings = KafkaSettings.model_validate(KAFKA | given)
    assert kafka_options(settings.kafka) == {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": SECRET,
    }
    assert SECRET not in f"{settings!r} {settings.kafka!r} {settings.kafka}"


def test_an_endpoint_is_asked_by_name_and_password_or_by_token() -> None:
    given = {"schema_registry_username": "me", "schema_registry_password": SECRET}
    registry = RegistrySettings.model_validate(REGISTRY | given).registry
    assert registry.options()["auth"] == ("me", SECRET)
    assert SECRET not in repr(registry)
    temporal = TemporalSecuritySettings.model_validate({"temporal_tls": True, "temporal_api_key": SECRET})
    assert temporal.temporal_http("http://temporal").options() == {"headers": {"Authorization": f"Bearer {SECRET}"}}


def test_a_file_that_holds_no_certificates_names_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text("no certificate")
    with pytest.raises(ValueError, match="REGISTRY_CA_FILE holds no certificates"):
        Endpoint("https://registry", Tls("REGISTRY", file)).options()

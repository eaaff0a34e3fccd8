"""What Flink's connectors are told from the settings of our clients."""

from pathlib import Path

from kit.settings import KafkaSettings, RegistrySettings
from normalizer.connectors import kafka_options, registry_options


def kafka(**changes: object) -> KafkaSettings:
    return KafkaSettings.model_validate({"kafka_bootstrap_servers": "kafka:9092", **changes})


def test_servers_that_ask_nobody_take_no_options() -> None:
    assert kafka_options(kafka()) == {}
    assert registry_options(RegistrySettings(schema_registry_url="http://registry")) == {}


def test_a_password_is_quoted_as_java_reads_it() -> None:
    given = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "me", "kafka_sasl_password": r'a"b\c'}
    options = kafka_options(kafka(**given))
    assert options["properties.security.protocol"] == "SASL_SSL"
    assert options["properties.sasl.jaas.config"].endswith(r'required username="me" password="a\"b\\c";')


def test_certificates_are_handed_over_as_text(tmp_path: Path) -> None:
    files = {f"kafka_tls_{name}_file": tmp_path / name for name in ("ca", "certificate", "key")}
    for path in files.values():
        path.write_text(f"-----BEGIN {path.name}-----")
    options = kafka_options(kafka(kafka_security_protocol="SSL", **files))
    assert options["properties.ssl.truststore.certificates"] == "-----BEGIN ca-----"
    assert options["properties.ssl.keystore.key"] == "-----BEGIN key-----"


def test_the_registrys_sinks_get_user_and_password() -> None:
    given = {"schema_registry_url": "https://r", "schema_registry_username": "me", "schema_registry_password": "it"}
    options = registry_options(RegistrySettings.model_validate(given))
    assert options["value.avro-confluent.basic-auth.user-info"] == "me:it"

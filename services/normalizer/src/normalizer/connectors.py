"""How Flink's connectors come in at Kafka and the registry: options of the tables, from the settings of our clients.

Certificates and keys are handed over as text, so that Flink's own processes need no files. Flink keeps them, and
passwords, in the plan of the job, which is where it keeps all options of tables.

https://kafka.apache.org/41/generated/consumer_config.html
https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/connectors/table/formats/avro-confluent/
"""

from pathlib import Path

from kit.settings import KafkaSettings, RegistrySettings

# The connector holds its own copy of Kafka's client.
_SHADED = "org.apache.flink.kafka.shaded."
_LOGIN = f"{_SHADED}org.apache.kafka.common.security"


def kafka_options(settings: KafkaSettings) -> dict[str, str]:
    """Return the options of a table of the Kafka connector; none where brokers ask nobody."""
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return {}
    found: dict[str, str] = {"security.protocol": protocol}
    if settings.kafka_sasl_username is not None and settings.kafka_sasl_password is not None:
        mechanism = settings.kafka_sasl_mechanism
        module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
        user, password = (
            _quoted(text) for text in (settings.kafka_sasl_username, settings.kafka_sasl_password.get_secret_value())
        )
        found |= {
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": f"{_LOGIN}.{module} required username={user} password={password};",
        }
    if settings.kafka_tls_ca_file is not None:
        found |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": _text(settings.kafka_tls_ca_file)}
    if settings.kafka_tls_certificate_file is not None and settings.kafka_tls_key_file is not None:
        found |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": _text(settings.kafka_tls_certificate_file),
            "ssl.keystore.key": _text(settings.kafka_tls_key_file),
        }
    return {f"properties.{name}": value for name, value in found.items()}


def registry_options(settings: RegistrySettings) -> dict[str, str]:
    """Return the options of the Avro format of a sink; none where the registry asks nobody."""
    user, password = settings.schema_registry_username, settings.schema_registry_password
    if user is None or password is None:
        return {}
    return {
        "value.avro-confluent.basic-auth.credentials-source": "USER_INFO",
        "value.avro-confluent.basic-auth.user-info": f"{user}:{password.get_secret_value()}",
    }


def _quoted(text: str) -> str:
    """Return a text as Java's login configuration takes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii")

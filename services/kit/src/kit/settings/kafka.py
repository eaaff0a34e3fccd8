"""Where Kafka is, and how a client comes in."""

from typing import Literal, Self

from pydantic import Field, FilePath, SecretStr, model_validator

from kit.connection import Brokers
from kit.settings.environment import EnvironmentSettings


class KafkaSecuritySettings(EnvironmentSettings):
    """How clients of Kafka come in; nothing need be set where brokers ask nobody.

    Names of librdkafka's options: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
    """

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="That of the listener; SASL_… asks for a user, …SSL encrypts."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = Field(default=None, min_length=1)
    kafka_sasl_password: SecretStr | None = Field(default=None, min_length=1)
    kafka_tls_ca_file: FilePath | None = Field(
        default=None, description="Authorities (PEM) that sign the brokers' certificates; the system's unless set."
    )
    kafka_tls_certificate_file: FilePath | None = Field(
        default=None, description="Certificate (PEM, with its chain) that says who this client is."
    )
    kafka_tls_key_file: FilePath | None = Field(default=None, description="Its key (PEM, PKCS#8).")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        protocol = self.kafka_security_protocol
        if protocol.startswith("SASL") and (self.kafka_sasl_username is None or self.kafka_sasl_password is None):
            raise ValueError(f"KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set for {protocol}")
        if not protocol.startswith("SASL") and (self.kafka_sasl_username or self.kafka_sasl_password):
            raise ValueError(f"a user and a password are sent only where KAFKA_SECURITY_PROTOCOL is SASL_…: {protocol}")
        if (self.kafka_tls_certificate_file is None) != (self.kafka_tls_key_file is None):
            raise ValueError("KAFKA_TLS_CERTIFICATE_FILE and KAFKA_TLS_KEY_FILE must be set together")
        if not protocol.endswith("SSL") and (self.kafka_tls_ca_file or self.kafka_tls_certificate_file):
            raise ValueError(f"certificates are used only where KAFKA_SECURITY_PROTOCOL is …SSL: {protocol}")
        return self

    def brokers(self, servers: str) -> Brokers:
        """Return where brokers are, with what this client needs to come in."""
        if self.kafka_security_protocol == "PLAINTEXT":
            return Brokers(servers)
        options: dict[str, str] = {"security.protocol": self.kafka_security_protocol}
        if self.kafka_sasl_username is not None and self.kafka_sasl_password is not None:
            options |= {
                "sasl.mechanism": self.kafka_sasl_mechanism,
                "sasl.username": self.kafka_sasl_username,
                "sasl.password": self.kafka_sasl_password.get_secret_value(),
            }
        files = {
            "ssl.ca.location": self.kafka_tls_ca_file,
            "ssl.certificate.location": self.kafka_tls_certificate_file,
            "ssl.key.location": self.kafka_tls_key_file,
        }
        return Brokers(servers, options | {name: str(path) for name, path in files.items() if path is not None})


class KafkaSettings(KafkaSecuritySettings):
    """Where Kafka is, and how to come in."""

    kafka_bootstrap_servers: str = Field(min_length=1, description="Comma-separated host:port list.")

    @property
    def kafka(self) -> Brokers:
        """Where Kafka is, with what this client needs to come in."""
        return self.brokers(self.kafka_bootstrap_servers)

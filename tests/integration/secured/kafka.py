"""A broker that asks for a password or a certificate, and lets each service do what the contracts say."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the module does not export its names
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from kit.settings import KafkaSettings
from payments_contracts.topics import TOPICS
from stack.servers import kafka

from tests.conftest import ROOT
from tests.integration.secured.certificates import LOOPBACK, Authority, Certificate
from tests.integration.secured.programs import context_in, do, one, serving, step
from tests.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = 'rather "long" and $odd'  # of the test's own users
USERS = ROOT / "generated" / "k8s" / "kafka-users.yaml"
_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
_PATTERNS = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}
_SECONDS = 60


@dataclass(frozen=True)
class Broker:
    """Its listeners, the authority of its certificates, and another that it does not know."""

    scram: str
    mutual: str
    expired: str
    authority: Authority
    stranger: Authority

    def user(self, service: str, **changes: Any) -> KafkaSettings:
        """Return the settings of a service that comes in by its password."""
        settings = {
            "kafka_bootstrap_servers": self.scram,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_username": f"payments-{service}",
            "kafka_sasl_password": PASSWORD,
            "kafka_tls_ca_file": self.authority.file,
        }
        return KafkaSettings.model_validate(settings | changes)

    def bearer(self, certificate: Certificate) -> KafkaSettings:
        """Return the settings of a service that comes in by a certificate."""
        return KafkaSettings(
            kafka_bootstrap_servers=self.mutual,
            kafka_security_protocol="SSL",
            kafka_tls_ca_file=self.authority.file,
            kafka_tls_certificate_file=certificate.certificate,
            kafka_tls_key_file=certificate.key,
        )


@contextmanager
def broker(directory: Path) -> Iterator[Broker]:
    """Run a broker with the topics of the contracts, and the users that are generated from them."""
    context = context_in(directory / "state")
    authority, stranger = Authority(directory), Authority(directory, "stranger")
    server, expired = authority.server(), authority.expired()
    scram, mutual, late = free_port(), free_port(), free_port()
    ports = context.ports
    listeners = (
        f"BROKER://{LOOPBACK}:{ports.kafka},SCRAM://{LOOPBACK}:{scram},"
        f"MUTUAL://{LOOPBACK}:{mutual},EXPIRED://{LOOPBACK}:{late}"
    )
    changes = {
        "listeners": f"{listeners},CONTROLLER://{LOOPBACK}:{ports.kafka_controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Who comes in by the listener of brokers, which is nobody's here but the test's.
        "super.users": "User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": str(expired.both),
    }
    items = kafka.items(context)
    process = one(items, "kafka")
    config = context.config("kafka") / "server.properties"
    given = dict(line.split("=", 1) for line in process.files[config].splitlines())
    text = "".join(f"{name}={value}\n" for name, value in (given | changes).items())
    for path, content in {**process.files, config: text}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    do(context, step(items, "kafka-storage"))
    with serving(context, process, files={config: text}):
        _prepare(AdminClient({"bootstrap.servers": f"{LOOPBACK}:{ports.kafka}"}))
        scrammed, mutually, lately = (f"{LOOPBACK}:{port}" for port in (scram, mutual, late))
        yield Broker(scrammed, mutually, lately, authority, stranger)


def _prepare(admin: AdminClient) -> None:
    """Make topics, users and permissions, as an operator of Strimzi does from the generated resources."""
    topics = [NewTopic(topic.name, 1, 1) for topic in TOPICS]
    for made in admin.create_topics(topics).values():
        made.result(_SECONDS)
    users = [each for each in yaml.safe_load_all(USERS.read_text()) if each]
    information = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    credentials: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(each["metadata"]["name"], information, PASSWORD.encode()) for each in users
    ]
    for known in admin.alter_user_scram_credentials(credentials).values():
        known.result(_SECONDS)
    for allowed in admin.create_acls(list(dict.fromkeys(acl for each in users for acl in _acls(each)))).values():
        allowed.result(_SECONDS)


def _acls(user: Any) -> Iterator[AclBinding]:
    for acl in user["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        for operation in acl["operations"]:
            yield AclBinding(
                _KINDS[resource["type"]],
                resource["name"],
                _PATTERNS[resource["patternType"]],
                f"User:{user['metadata']['name']}",
                acl["host"],
                AclOperation[operation.upper()],
                AclPermissionType.ALLOW,
            )

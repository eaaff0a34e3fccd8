"""How a client comes in at a server: addresses with what TLS and authentication need, and what a refusal means."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

_EXPIRED = 10
_NOT_YET_VALID = 9
# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})


@dataclass(frozen=True, slots=True)
class Brokers:
    """Where Kafka is, and what librdkafka has to be told to come in.

    `servers` is a comma-separated host:port list; `options` are librdkafka's, secrets among them.
    """

    servers: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.servers


Kafka = str | Brokers
"""Brokers, or the list of those that ask nobody who they are."""


def kafka_options(kafka: Kafka) -> dict[str, Any]:
    """Return the options of librdkafka that say where Kafka is and how to come in."""
    if isinstance(kafka, str):
        return {"bootstrap.servers": kafka}
    return {"bootstrap.servers": kafka.servers, **kafka.options}


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom a client trusts, and the certificate that it shows; `setting` is what its variables begin with.

    Without `ca_file` the system's authorities are trusted. Files are PEM.
    """

    setting: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context of Python's own TLS.

        Raises:
            ValueError: A file holds no certificate or key, or the key belongs to another certificate.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError as error:
            raise ValueError(f"{self.setting}_CA_FILE holds no certificates in PEM: {error.reason}") from error
        if self.certificate_file is not None:
            try:
                context.load_cert_chain(self.certificate_file, self.key_file)
            except ssl.SSLError as error:
                raise ValueError(
                    f"{self.setting}_CERTIFICATE_FILE and {self.setting}_KEY_FILE are no certificate and key of it in "
                    f"PEM: {error.reason}"
                ) from error
        return context


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An HTTP server, and how a client comes in: by name and password, or by a token."""

    url: str
    tls: Tls
    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None

    def options(self) -> dict[str, Any]:
        """Return the arguments of an httpx client, except for its address; what is not needed is left out."""
        found: dict[str, Any] = {}
        if self.url.startswith("https:"):
            found["verify"] = self.tls.context()
        if self.user is not None and self.password is not None:
            found["auth"] = (self.user, self.password.get_secret_value())
        if self.token is not None:
            found["headers"] = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        return found


Http = str | Endpoint
"""An HTTP server, or the address of one that asks nobody who they are."""


def endpoint_of(http: Http) -> Endpoint:
    """Return a server as such, given the address alone."""
    return Endpoint(http, Tls("")) if isinstance(http, str) else http


def tls_refusal(error: BaseException, setting: str) -> str | None:
    """Return in words why the server's certificate was refused, if that is what an error or its cause says.

    `setting` is what the variables of the connection begin with, such as TRINO_TLS.
    """
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _words(each, setting)
        if isinstance(each, ssl.SSLError):
            return (
                f"the TLS handshake failed ({each.reason}): does the server speak TLS, and does it know the "
                f"certificate of {setting}_CERTIFICATE_FILE?"
            )
    return None


def _words(error: ssl.SSLCertVerificationError, setting: str) -> str:
    if error.verify_code in {_EXPIRED, _NOT_YET_VALID}:
        return f"the server's certificate is not valid now ({error.verify_message}): renew it"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return f"{setting}_CA_FILE does not hold the authority that signed the server's certificate"
    return f"the server's certificate is refused: {error.verify_message}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

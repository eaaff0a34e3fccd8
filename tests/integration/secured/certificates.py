"""Certificates for the time of a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"


class Certificate:
    """A certificate and its key as PEM files; `both` holds the key, as PKCS#8, before the certificate."""

    def __init__(self, directory: Path, name: str, issued: trustme.LeafCert) -> None:
        chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.certificate = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        self.both = directory / f"{name}.pem"
        self.certificate.write_bytes(chain)
        self.both.write_bytes(secret + chain)
        self.key.write_bytes(secret)
        for path in (self.key, self.both):
            path.chmod(0o600)


class Authority:
    """An authority of a test's own; `file` holds its certificate."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self._authority = trustme.CA()
        self.file = directory / f"{name}.crt"
        self.file.write_bytes(self._authority.cert_pem.bytes())

    def server(self, name: str = "server") -> Certificate:
        """Return the certificate of a server on loopback."""
        return Certificate(self._directory, name, self._authority.issue_cert(LOOPBACK, "localhost", common_name=name))

    def expired(self) -> Certificate:
        """Return the certificate of a server on loopback that was valid until yesterday."""
        now = datetime.now(UTC)
        issued = self._authority.issue_cert(
            LOOPBACK, common_name="expired", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)
        )
        return Certificate(self._directory, "expired", issued)

    def client(self, name: str) -> Certificate:
        """Return the certificate of a client, whose name is the subject's."""
        return Certificate(self._directory, name, self._authority.issue_cert(f"{name}.invalid", common_name=name))

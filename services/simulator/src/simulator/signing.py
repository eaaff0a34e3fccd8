"""Signs bodies as a provider does, from what its contract says. Shares no code with the gateway that verifies."""

import base64
import hashlib
import hmac
from typing import Protocol

from payments_contracts.providers import Signature
from pydantic import SecretStr


class Signer(Protocol):
    """Makes the value of the signature's header."""

    def sign(self, body: bytes, timestamp: int) -> str:
        """Sign a body as of a time in seconds since 1970."""


def signer(signature: Signature, secret: SecretStr) -> Signer:
    """Return the signer of a provider's scheme.

    Raises:
        ValueError: The contract names a scheme, algorithm or encoding that the simulator does not know.
    """
    known = (signature.scheme, signature.algorithm) == ("timestamped-list", "hmac-sha256")
    if not known or signature.encoding not in {"hex", "base64"}:
        raise ValueError(
            f"The simulator cannot sign by {signature.scheme}, {signature.algorithm}, {signature.encoding}."
        )
    return TimestampedListSigner(signature, secret)


class TimestampedListSigner:
    """One timestamp and one signature over both timestamp and body."""

    def __init__(self, signature: Signature, secret: SecretStr) -> None:
        self._signature = signature
        self._secret = secret.get_secret_value().encode()

    def sign(self, body: bytes, timestamp: int) -> str:
        """Sign a body as of a time in seconds since 1970."""
        signed = b"".join(
            str(timestamp).encode() if part == "timestamp" else body if part == "body" else part.encode()
            for part in _parts(self._signature.signed_payload)
        )
        digest = hmac.digest(self._secret, signed, hashlib.sha256)
        text = digest.hex() if self._signature.encoding == "hex" else base64.b64encode(digest).decode()
        return f"{self._signature.timestamp_key}={timestamp},{self._signature.signature_key}={text}"


def _parts(template: str) -> list[str]:
    # "{timestamp}.{body}" becomes ["", "timestamp", ".", "body", ""].
    return template.replace("}", "{").split("{")

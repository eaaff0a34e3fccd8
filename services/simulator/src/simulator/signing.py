"""Signs bodies as a provider does, from what its contract says. Shares no code with the gateway that verifies."""

import base64
import hmac
from typing import assert_never

from payments_contracts.providers import KeyEncoding, Signature
from pydantic import SecretStr


class Signer:
    """Makes the value of the signature's header.

    Args:
        signature: What the provider's contract says.
        secret: The endpoint's secret, as the provider shows it.
        notification_url: The endpoint's address as the provider knows it.

    Raises:
        ValueError: The secret is not written as the contract says.
    """

    def __init__(self, signature: Signature, secret: SecretStr, notification_url: str) -> None:
        self._signature = signature
        self._key = _decoded(secret.get_secret_value(), signature.key_encoding)
        self._url = notification_url

    def sign(self, body: bytes, timestamp: int) -> str:
        """Sign a body as of a time in seconds since 1970."""
        contract = self._signature
        # The body last: what looks like a placeholder in it stays as it is.
        before, after = (
            part.replace("{timestamp}", str(timestamp)).replace("{url}", self._url).encode()
            for part in contract.signed_content.split("{body}")
        )
        digest = hmac.digest(self._key, before + body + after, contract.digest.removeprefix("hmac-"))
        text = digest.hex() if contract.encoding == "hex" else base64.b64encode(digest).decode()
        if contract.form == "bare":
            return text
        signed = f"{contract.signature_key}={text}"
        return f"{contract.timestamp_key}={timestamp},{signed}" if contract.covers_time else signed


def written(key: bytes, encoding: KeyEncoding) -> SecretStr:
    """Return the secret that a provider would show for a key; in UTF-8 not every key can be one, so its hex is."""
    return SecretStr(base64.b64encode(key).decode() if encoding == "base64" else key.hex())


def _decoded(secret: str, encoding: KeyEncoding) -> bytes:
    try:
        match encoding:
            case "utf-8":
                return secret.encode()
            case "hex":
                return bytes.fromhex(secret)
            case "base64":
                return base64.b64decode(secret, validate=True)
    except ValueError:
        # From None, since the cause may show the secret.
        raise ValueError(f"The endpoint's secret is not {encoding}, as the provider's contract has it.") from None
    assert_never(encoding)

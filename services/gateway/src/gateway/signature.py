"""Tells whether a provider signed a body, from what its contract says about its signatures. Pure."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kit.errors import Fault
from payments_contracts.providers import Signature

from gateway.errors import Forged
from gateway.secrets import EndpointSecret

_DIGESTS = {"hmac-sha256": "sha256"}
_ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {"hex": binascii.hexlify, "base64": base64.b64encode}
# The form in which a timestamp goes into the signed payload: no sign, no leading zero.
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Authentic:
    """The provider signed the body; `merchant_id` is the merchant that the secret belongs to."""

    secret_id: str
    merchant_id: str


@dataclass(frozen=True, slots=True)
class _Claim:
    timestamp: str
    candidates: Sequence[bytes]


class Verifier(Protocol):
    """Knows one provider's scheme and the endpoint's secrets."""

    def verify(self, header: Sequence[str], body: bytes, now: datetime) -> Authentic | Forged:
        """Judge a body by all values of the signature's header."""


def verifier(signature: Signature, secrets: Sequence[EndpointSecret]) -> Verifier:
    """Return the verifier of a provider's scheme.

    Raises:
        Fault: The contract names a scheme, algorithm or encoding that the gateway does not know.
    """
    match signature.scheme:
        case "timestamped-list":
            return TimestampedListVerifier(signature, secrets)
        case unknown:
            raise Fault(f"The gateway knows no signature scheme {unknown!r}; it knows 'timestamped-list'.")


class TimestampedListVerifier:
    """A header of comma-separated pairs: one timestamp, and any number of signatures over timestamp and body.

    Any signature by any active secret will do, so that secrets can be rolled. Pairs of other schemes are not looked at:
    were a weaker one accepted, an attacker would leave the stronger one out.
    Stricter than the provider's own libraries in three ways: the header and its timestamp come exactly once, the
    timestamp is in plain decimal digits, and it may lie only a little in the future.
    """

    def __init__(self, signature: Signature, secrets: Sequence[EndpointSecret]) -> None:
        self._signature = signature
        before, body, after = signature.signed_payload.partition("{body}")
        if not body or "{timestamp}" not in before or after:
            raise Fault(
                f"signed_payload {signature.signed_payload!r} has to be a prefix with {{timestamp}}, then {{body}}."
            )
        self._prefix = before
        try:
            digest = _DIGESTS[signature.algorithm]
            self._encode = _ENCODINGS[signature.encoding]
        except KeyError as error:
            raise Fault(f"The gateway knows no signature algorithm or encoding {error}.") from error
        # Keyed once; each request copies.
        self._keyed = [(hmac.new(each.secret.get_secret_value().encode(), digestmod=digest), each) for each in secrets]

    def verify(self, header: Sequence[str], body: bytes, now: datetime) -> Authentic | Forged:
        """Judge a body by all values of the signature's header, in time that does not depend on how wrong they are."""
        claim = self._claim(header)
        if isinstance(claim, Forged):
            return claim
        signer = self._signer(claim, body)
        if signer is None:
            return Forged("signature_mismatch", "No active secret of this endpoint made the signature of this body.")
        # After the signature, so that only who knows a secret learns about the time.
        age = now.timestamp() - int(claim.timestamp)
        if age > self._signature.tolerance_seconds:
            detail = f"The signature is more than {self._signature.tolerance_seconds} seconds old."
            return Forged("signature_expired", detail)
        if -age > self._signature.future_tolerance_seconds:
            detail = f"The signature is more than {self._signature.future_tolerance_seconds} seconds in the future."
            return Forged("signature_expired", detail)
        return Authentic(signer.id, signer.merchant_id)

    def _claim(self, header: Sequence[str]) -> _Claim | Forged:
        name = self._signature.header
        if not header:
            return Forged("signature_missing", f"The header {name} is absent.")
        if len(header) > 1:
            return Forged("signature_malformed", f"The header {name} comes more than once.")
        timestamps: list[str] = []
        candidates: list[bytes] = []
        for pair in header[0].split(","):
            key, _, value = pair.partition("=")
            if key == self._signature.timestamp_key:
                timestamps.append(value)
            elif key == self._signature.signature_key and value:
                candidates.append(value.encode())
        if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]):
            detail = f"The header {name} has to hold one {self._signature.timestamp_key}= with seconds since 1970."
            return Forged("signature_malformed", detail)
        if not candidates:
            return Forged("signature_malformed", f"The header {name} holds no {self._signature.signature_key}=.")
        return _Claim(timestamps[0], candidates)

    def _signer(self, claim: _Claim, body: bytes) -> EndpointSecret | None:
        prefix = self._prefix.replace("{timestamp}", claim.timestamp).encode()
        found: EndpointSecret | None = None
        for keyed, secret in self._keyed:
            mac = keyed.copy()
            mac.update(prefix)
            mac.update(body)
            expected = self._encode(mac.digest())
            for candidate in claim.candidates:
                if hmac.compare_digest(expected, candidate) and found is None:
                    found = secret
        return found

"""Tells whether a provider signed a body, from what its contract says about its signatures. Pure."""

import base64
import binascii
import hashlib
import hmac
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from kit.errors import Fault
from payments_contracts.providers import Digest, KeyEncoding, Signature, SignatureEncoding

from gateway.errors import Forged
from gateway.secrets import EndpointSecret

_DIGESTS: Final[Mapping[Digest, str]] = {"hmac-sha1": "sha1", "hmac-sha256": "sha256", "hmac-sha512": "sha512"}
_ENCODERS: Final[Mapping[SignatureEncoding, Callable[[bytes], bytes]]] = {
    "hex": binascii.hexlify,
    "base64": base64.b64encode,
}
_KEYS: Final[Mapping[KeyEncoding, Callable[[str], bytes]]] = {
    "utf-8": str.encode,
    "hex": binascii.unhexlify,
    "base64": lambda text: base64.b64decode(text, validate=True),
}
_PLACEHOLDER = re.compile(r"(\{(?:timestamp|url|body)\})")
# Stand in a template for what each webhook brings; known by identity, so that no text can be taken for one.
_BODY: Final = b"{body}"
_TIME: Final = b"{timestamp}"
# The form in which a timestamp is signed: no sign, no leading zero.
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)


class Authentic(NamedTuple):
    """The provider signed the body; `merchant_id` is the merchant that the secret belongs to."""

    secret_id: str
    merchant_id: str


class Mac:
    """HMAC (RFC 2104) of a text in several parts, with what depends on the key alone done once.

    The standard library sets everything up anew for each text, which takes as long as a webhook's digest.
    """

    def __init__(self, key: bytes, digest: str) -> None:
        block = hashlib.new(digest).block_size
        padded = (key if len(key) <= block else hashlib.new(digest, key).digest()).ljust(block, b"\x00")
        self._inner = hashlib.new(digest, bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.new(digest, bytes(byte ^ 0x5C for byte in padded))

    def digest(self, parts: Iterable[bytes]) -> bytes:
        """Return the code of the parts, one after the other."""
        inner = self._inner.copy()
        for part in parts:
            inner.update(part)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class _Key(NamedTuple):
    """A secret as it is used, and from when until when it may be, in seconds since 1970."""

    mac: Mac
    verdict: Authentic
    not_before: float
    not_after: float


class _Claim(NamedTuple):
    """What a header claims: signatures of which one has to be true, and when they were made, where that is signed."""

    candidates: Sequence[bytes]
    timestamp: str = ""


class Verifier(Protocol):
    """Knows one provider's way to sign and the endpoint's secrets."""

    def verify(self, header: Sequence[str], body: bytes, now: float) -> Authentic | Forged:
        """Judge a body by all values of the signature's header; `now` is in seconds since 1970."""

    def has_secret(self, now: float) -> bool:
        """Tell whether there is a secret that may sign now."""


def verifier(
    signature: Signature, secrets: Sequence[EndpointSecret], notification_url: str | None = None
) -> "SignatureVerifier":
    """Return the verifier of a provider's signatures.

    Args:
        signature: What the contract says of them.
        secrets: Any of them may have signed.
        notification_url: The endpoint's address as the provider knows it, to the letter.

    Raises:
        Fault: The contract has the URL signed and there is none, or a secret is not written as the contract says.
    """
    if signature.covers_url and not notification_url:
        raise Fault("The provider signs the notification URL: set NOTIFICATION_URL as it is set at the provider.")
    return SignatureVerifier(signature, secrets, notification_url or "")


class SignatureVerifier:
    """A header that holds a bare signature, or pairs with at most one timestamp and any number of signatures.

    Any signature by any secret whose time it is will do, so that secrets can be rolled. Pairs of other schemes are not
    looked at: were a weaker one accepted, an attacker would leave the stronger one out.
    Stricter than the providers' own libraries, never laxer: the header and its timestamp come exactly once, the
    timestamp is in plain decimal digits and lies only a little in the future, a signature is all that follows its key's
    first equals sign, the header is ASCII, and an empty body is never authentic. docs/specs/gateway.md says each with
    its reason.
    """

    def __init__(self, signature: Signature, secrets: Sequence[EndpointSecret], notification_url: str) -> None:
        self._signature = signature
        self._is_pairs = signature.form == "pairs"
        self._covers_time = signature.covers_time
        self._timestamp_key, self._signature_key = signature.timestamp_key, signature.signature_key
        self._oldest, self._newest = signature.tolerance_seconds, signature.future_tolerance_seconds
        self._digest = _DIGESTS[signature.digest]
        self._encode = _ENCODERS[signature.encoding]
        # Split before the URL is put in: what it holds stands for itself.
        parts = _PLACEHOLDER.split(signature.signed_content)
        self._content = [_part(part, notification_url) for part in parts if part]
        self._keys = self._read(secrets)

    def use(self, secrets: Sequence[EndpointSecret]) -> None:
        """Take these secrets from now on, in the place of all others.

        Raises:
            Fault: A secret is not written as the contract says. Those that were in use stay in use.
        """
        self._keys = self._read(secrets)

    def has_secret(self, now: float) -> bool:
        """Tell whether there is a secret that may sign now."""
        return any(key.not_before <= now < key.not_after for key in self._keys)

    def verify(self, header: Sequence[str], body: bytes, now: float) -> Authentic | Forged:
        """Judge a body by all values of the signature's header, in time that does not depend on how wrong they are."""
        claim = self._claim(header)
        if isinstance(claim, Forged):
            return claim
        signer = self._signer(claim, body, now)
        if signer is None:
            return Forged("signature_mismatch", "No active secret of this endpoint made the signature of this body.")
        # After the signature, so that only who knows a secret learns about the time.
        return self._untimely(claim, now) or signer

    def _read(self, secrets: Sequence[EndpointSecret]) -> tuple[_Key, ...]:
        return tuple(
            _Key(
                Mac(_material(each, self._signature.key_encoding), self._digest),
                Authentic(each.id, each.merchant_id),
                -math.inf if each.not_before is None else each.not_before.timestamp(),
                math.inf if each.not_after is None else each.not_after.timestamp(),
            )
            for each in secrets
        )

    def _claim(self, header: Sequence[str]) -> _Claim | Forged:
        name = self._signature.header
        if not header:
            return Forged("signature_missing", f"The header {name} is absent.")
        if len(header) > 1:
            return Forged("signature_malformed", f"The header {name} comes more than once.")
        if not header[0].isascii():
            # Some libraries fail at such a text, so that it would depend on the order of pairs who accepts the webhook.
            return Forged("signature_malformed", f"The header {name} is not ASCII.")
        if self._is_pairs:
            return self._pairs(header[0])
        if not header[0]:
            return Forged("signature_malformed", f"The header {name} is empty.")
        return _Claim([header[0].encode()])

    def _pairs(self, value: str) -> _Claim | Forged:
        name = self._signature.header
        timestamps: list[str] = []
        candidates: list[bytes] = []
        for pair in value.split(","):
            key, equals, text = pair.partition("=")
            if key == self._signature_key:
                if not equals:
                    return Forged("signature_malformed", f"The header {name} has a {key} without a value.")
                candidates.append(text.encode())
            elif key == self._timestamp_key:
                timestamps.append(text)
        if self._covers_time and (len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0])):
            detail = f"The header {name} has to hold one {self._timestamp_key}= with seconds since 1970."
            return Forged("signature_malformed", detail)
        if not candidates:
            return Forged("signature_malformed", f"The header {name} holds no {self._signature_key}=.")
        return _Claim(candidates, timestamps[0]) if self._covers_time else _Claim(candidates)

    def _signer(self, claim: _Claim, body: bytes, now: float) -> Authentic | None:
        # A signature of nothing vouches for nothing: where the URL alone is signed, it would be the same for ever.
        if not body:
            return None
        timestamp = claim.timestamp.encode()
        content = [body if part is _BODY else timestamp if part is _TIME else part for part in self._content]
        found: Authentic | None = None
        for key in self._keys:
            if not key.not_before <= now < key.not_after:
                continue
            expected = self._encode(key.mac.digest(content))
            for candidate in claim.candidates:
                if hmac.compare_digest(expected, candidate) and found is None:
                    found = key.verdict
        return found

    def _untimely(self, claim: _Claim, now: float) -> Forged | None:
        oldest, newest = self._oldest, self._newest
        if oldest is None or newest is None:
            return None
        age = now - int(claim.timestamp)
        if age > oldest:
            return Forged("signature_expired", f"The signature is more than {oldest} seconds old.")
        if -age > newest:
            return Forged("signature_expired", f"The signature is more than {newest} seconds in the future.")
        return None


def _part(text: str, notification_url: str) -> bytes:
    match text:
        case "{body}":
            return _BODY
        case "{timestamp}":
            return _TIME
        case "{url}":
            return notification_url.encode()
        case _:
            return text.encode()


def _material(secret: EndpointSecret, encoding: KeyEncoding) -> bytes:
    try:
        key = _KEYS[encoding](secret.secret.get_secret_value())
    except ValueError:
        key = b""
    if not key:
        # Out here it has no cause, which might show the secret.
        raise Fault(
            f"The secret {secret.id!r} of this endpoint is not {encoding}, as the provider's contract has it: "
            "copy it again from the provider."
        )
    return key

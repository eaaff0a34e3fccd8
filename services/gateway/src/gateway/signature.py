"""Tells whether a provider signed a body, from what its contract says about its signatures. Pure."""

import base64
import binascii
import hashlib
import hmac
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from kit.errors import Fault
from payments_contracts.providers import Digest, KeyEncoding, Signature, SignatureEncoding

from gateway.carried import NOTHING, Carried
from gateway.claims import Claim, ClaimReader, SignedContent
from gateway.errors import Forged, KeyNeeded
from gateway.secrets import EndpointSecret
from gateway.verdict import Authentic as Authentic  # noqa: PLC0414  # this module's own name for it, too

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.fetching import Fetch

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


class Verifier(Protocol):
    """Knows one provider's way to sign and the endpoint's secrets."""

    def use(self, secrets: Sequence[EndpointSecret]) -> None:
        """Take these secrets from now on, in the place of all others; raises Fault where one is not written well."""

    def verify(
        self, header: Sequence[str], body: bytes, now: float, carried: Carried = NOTHING
    ) -> Authentic | Forged | KeyNeeded:
        """Judge a body by all values of the signature's header; `now` is in seconds since 1970.

        `carried` is what the provider's contract needs of the webhook beside them.
        """

    def has_secret(self, now: float) -> bool:
        """Tell whether there is a secret that may sign now."""

    async def fetch(self, needed: KeyNeeded) -> None:
        """Get what was needed to judge; raises Transient where it cannot be had now."""

    async def follow(self) -> None:
        """Keep what the provider publishes of its keys fresh, for as long as it lasts or until cancelled."""


def verifier(  # noqa: PLR0917  # most callers give three
    signature: Signature,
    secrets: Sequence[EndpointSecret],
    notification_url: str | None = None,
    fetch: "Fetch | None" = None,
    roots_file: "Path | None" = None,
    count_fetch: Callable[[str], None] = lambda _outcome: None,
) -> Verifier:
    """Return the verifier of a provider's signatures.

    Args:
        signature: What the contract says of them.
        secrets: Any of them may have signed.
        notification_url: The endpoint's address as the provider knows it, to the letter.
        fetch: Gets certificates and sets of keys, where the provider signs with keys of its own; by HTTPS unless given.
        roots_file: Where the chains of certificates may end, in PEM; None for all that servers are trusted by.
        count_fetch: Told `fetched` or `failed` for each try to get a set of keys.

    Raises:
        Fault: The contract has the URL signed and there is none, a secret is not written as the contract says, or the
            roots cannot be read.
    """
    if signature.covers_url and not notification_url:
        raise Fault("The provider signs the notification URL: set NOTIFICATION_URL as it is set at the provider.")
    if signature.is_asymmetric:
        # The libraries of its digests take their time to load, and most providers do not need them.
        from gateway.asymmetric import asymmetric_verifier  # noqa: PLC0415

        return asymmetric_verifier(signature, secrets, notification_url or "", fetch, roots_file, count_fetch)
    return SignatureVerifier(signature, secrets, notification_url or "")


class SignatureVerifier:
    """Signatures that are made and verified with one secret: HMAC.

    Any signature by any secret whose time it is will do, so that secrets can be rolled.
    Stricter than the providers' own libraries, never laxer: the header and its timestamp come exactly once, the
    timestamp is in plain decimal digits and lies only a little in the future, a signature is all that follows its key's
    first equals sign, the header is ASCII, and an empty body is never authentic. docs/specs/gateway.md says each with
    its reason.
    """

    def __init__(self, signature: Signature, secrets: Sequence[EndpointSecret], notification_url: str) -> None:
        self._signature = signature
        self._digest = _DIGESTS[signature.digest]
        self._encode = _ENCODERS[signature.encoding]
        self._claims = ClaimReader(signature)
        self._content = SignedContent(signature, notification_url)
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

    async def fetch(self, needed: KeyNeeded) -> None:
        """Never called: a secret is here already."""
        raise AssertionError(needed)

    async def follow(self) -> None:
        """Return: there is nothing to follow."""

    def verify(self, header: Sequence[str], body: bytes, now: float, carried: Carried = NOTHING) -> Authentic | Forged:
        """Judge a body by all values of the signature's header, in time that does not depend on how wrong they are."""
        claim = self._claims.read(header, carried)
        if isinstance(claim, Forged):
            return claim
        signer = self._signer(claim, body, now, carried)
        if signer is None:
            return Forged("signature_mismatch", "No active secret of this endpoint made the signature of this body.")
        # After the signature, so that only who knows a secret learns about the time.
        return self._claims.untimely(claim, now) or signer

    def _read(self, secrets: Sequence[EndpointSecret]) -> tuple[_Key, ...]:
        return tuple(
            _Key(
                Mac(_material(each, self._signature), self._digest),
                Authentic(each.id, each.merchant_id, each.livemode),
                -math.inf if each.not_before is None else each.not_before.timestamp(),
                math.inf if each.not_after is None else each.not_after.timestamp(),
            )
            for each in secrets
        )

    def _signer(self, claim: Claim, body: bytes, now: float, carried: Carried) -> Authentic | None:
        # A signature of nothing vouches for nothing: where the URL alone is signed, it would be the same for ever.
        if not body:
            return None
        content = self._content.parts(body, claim, carried)
        found: Authentic | None = None
        for key in self._keys:
            if not key.not_before <= now < key.not_after:
                continue
            expected = self._encode(key.mac.digest(content))
            for candidate in claim.candidates:
                if hmac.compare_digest(expected, candidate) and found is None:
                    found = key.verdict
        return found


def _material(secret: EndpointSecret, signature: Signature) -> bytes:
    encoding = signature.key_encoding or "utf-8"
    text = secret.key.removeprefix(signature.secret_prefix or "")
    try:
        key = _KEYS[encoding](text)
    except ValueError:
        key = b""
    if not key:
        # Out here it has no cause, which might show the secret.
        raise Fault(
            f"The secret {secret.id!r} of this endpoint is not {encoding}, as the provider's contract has it: "
            "copy it again from the provider."
        )
    return key

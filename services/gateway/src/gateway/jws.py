"""Tells whether a provider signed a body by a JSON Web Signature (RFC 7515) in its compact form. Pure but for `fetch`.

What a signature's header says of itself decides nothing: its algorithm has to be one of the contract's, its key one of
the contract's set, and what it says of keys and addresses (`jwk`, `jku`, `x5c`, `x5u`) is not looked at.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from kit.errors import Fault
from payments_contracts.providers import Signature

from gateway.carried import NOTHING, Carried
from gateway.claims import Claim, ClaimReader, SignedContent
from gateway.endpoints import Endpoint, endpoints_of
from gateway.errors import Forged, KeyNeeded
from gateway.key_set import PublicKey, PublishedKeys
from gateway.secrets import EndpointSecret
from gateway.verdict import Authentic

_LONGEST_HEADER: Final = 4_096
_LONGEST_SIGNATURE: Final = 2_048
# Whatever a library may find in a text that somebody wrote to break it.
_UNREADABLE: Final = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
_MISMATCH: Final = "No key of the provider made the signature of this body for this endpoint."


class _Registry(JWSRegistry):
    """Knows a contract's algorithms and no other."""

    def get_alg(self, name: str) -> Any:
        """Return an algorithm. The library's own warns of `EdDSA`, as providers go on calling Ed25519 (RFC 8037)."""
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


class _Signed(NamedTuple):
    """A signature that was read: its parts, its protected header, and its payload where that is a set of claims."""

    parts: CompactSignature
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


class JwsVerifier:
    """Signatures as JWS: detached, with the signed content as payload, or with claims that have its digest."""

    def __init__(
        self,
        signature: Signature,
        secrets: Sequence[EndpointSecret],
        notification_url: str,
        keys: PublishedKeys | None,
    ) -> None:
        self._signature = signature
        self._place = ClaimReader(signature)
        self._content = SignedContent(signature, notification_url)
        self._keys = keys
        # Extra parameters are allowed, critical ones that are not known are not (RFC 7515, 4.1.11).
        self._registry = _Registry(algorithms=signature.algorithms, strict_check_header=False)
        self._registry.max_header_length = _LONGEST_HEADER
        self._registry.max_signature_length = _LONGEST_SIGNATURE
        # What may be signed is bounded by what a body may be.
        self._registry.max_payload_length = 2**31
        self._endpoints = self._read(secrets)

    def use(self, secrets: Sequence[EndpointSecret]) -> None:
        """Take these secrets from now on, in the place of all others; raises Fault where one is not a key in PEM."""
        self._endpoints = self._read(secrets)

    def has_secret(self, now: float) -> bool:
        """Tell whether there is a secret whose time is now."""
        return any(each.is_active(now) for each in self._endpoints)

    async def fetch(self, _needed: KeyNeeded) -> None:
        """Get the provider's keys; raises Transient where they cannot be had now."""
        if self._keys is not None:
            await self._keys.fetch()

    async def follow(self) -> None:
        """Keep the provider's keys fresh until cancelled; return where there is no set of them."""
        if self._keys is not None:
            await self._keys.follow()

    def verify(
        self, header: Sequence[str], body: bytes, now: float, carried: Carried = NOTHING
    ) -> Authentic | Forged | KeyNeeded:
        """Judge a body by all values of the signature's header."""
        claim = self._place.read(header, carried)
        if isinstance(claim, Forged):
            return claim
        found: Authentic | Forged | KeyNeeded = Forged("signature_mismatch", _MISMATCH)
        # A signature of nothing vouches for nothing.
        for endpoint in self._endpoints if body else ():
            if not endpoint.is_active(now):
                continue
            content = b"".join(self._content.parts(body, claim, carried, endpoint.text))
            verdict = self._judged(claim, content, endpoint, now)
            if isinstance(verdict, Authentic):
                return verdict
            if isinstance(verdict, KeyNeeded) or verdict.reason_code != "signature_mismatch":
                found = verdict
        return found

    def _judged(
        self, claim: Claim, content: bytes, endpoint: Endpoint[PublicKey], now: float
    ) -> Authentic | Forged | KeyNeeded:
        signed = self._signed(bytes(claim.candidates[0]), content)
        if isinstance(signed, Forged):
            return signed
        keys = self._candidates(signed.header, endpoint)
        if not keys and self._keys is not None and not self._keys.is_settled:
            return KeyNeeded(self._keys.url, now)
        if not any(self._is_true(key, signed) for key in keys):
            return Forged("signature_mismatch", _MISMATCH)
        # After the signature, so that only who has the key learns about the rest.
        return self._contradicted(signed, content) or self._untimely(claim, signed, now) or endpoint.verdict

    def _signed(self, text: bytes, content: bytes) -> _Signed | Forged:
        """Read a signature; one whose payload was left out is read as if it held what was signed."""
        try:
            parts = extract_compact(text, None if self._signature.digest_claim else content, self._registry)
            header = parts.headers()
            self._registry.check_header(header)
            if header["alg"] not in self._signature.algorithms:
                allowed = ", ".join(self._signature.algorithms)
                return Forged("signature_malformed", f"The signature is not made with one of {allowed}.")
            claims = orjson.loads(parts.payload) if self._signature.digest_claim else {}
            if type(header) is dict and type(claims) is dict:
                return _Signed(parts, header, claims)
        except _UNREADABLE:
            pass
        return Forged("signature_malformed", "The signature is not a JWS in its compact form (RFC 7515).")

    def _candidates(self, header: Mapping[str, Any], endpoint: Endpoint[PublicKey]) -> Sequence[PublicKey]:
        if self._keys is None:
            return [] if endpoint.key is None else [endpoint.key]
        kid = header.get("kid")
        return self._keys.named(kid if type(kid) is str else None)

    def _is_true(self, key: PublicKey, signed: _Signed) -> bool:
        try:
            # Also whether the key is for this algorithm.
            key.check_alg(signed.header["alg"])
            return validate_compact(signed.parts, key, registry=self._registry)
        except _UNREADABLE:
            return False

    def _contradicted(self, signed: _Signed, content: bytes) -> Forged | None:
        """Say what a true signature says otherwise than the webhook, None where it says the same."""
        name = self._signature.digest_claim
        if name is None:
            same = hmac.compare_digest(bytes(signed.parts.payload), content)
        else:
            said = signed.claims.get(name)
            same = type(said) is str and hmac.compare_digest(said.encode(), sha256(content).hexdigest().encode())
        issuer = None if self._keys is None else self._keys.issuer
        if same and (issuer is None or self._stated(signed).get("iss") == issuer):
            return None
        return Forged("signature_mismatch", _MISMATCH)

    def _untimely(self, claim: Claim, signed: _Signed, now: float) -> Forged | None:
        key = self._signature.timestamp_key
        if key is not None:
            at = self._stated(signed).get(key)
            if type(at) is not int:
                return Forged("signature_malformed", f"The signature has to hold {key}, in seconds since 1970.")
            claim = Claim(claim.candidates, str(at), at)
        for name, end in self._bounds(signed):
            if (type(end) is not int and type(end) is not float) or (now >= end if name == "exp" else now < end):
                return Forged("signature_expired", f"The time of the signature is not now ({name}).")
        return self._place.untimely(claim, now)

    def _bounds(self, signed: _Signed) -> Iterator[tuple[str, Any]]:
        """Yield the times that claims have by themselves (RFC 7519, 4.1.4 and 4.1.5)."""
        yield from ((name, signed.claims[name]) for name in ("exp", "nbf") if name in signed.claims)

    def _stated(self, signed: _Signed) -> Mapping[str, Any]:
        return signed.claims if self._signature.digest_claim else signed.header

    def _read(self, secrets: Sequence[EndpointSecret]) -> tuple[Endpoint[PublicKey], ...]:
        return endpoints_of(secrets, _public_key if self._keys is None else None)


def _public_key(secret: EndpointSecret) -> PublicKey:
    text = secret.key.encode()
    try:
        key = load_pem_public_key(text)
    except ValueError:
        key = None
    match key:
        case rsa.RSAPublicKey():
            return RSAKey.import_key(text)
        case ec.EllipticCurvePublicKey():
            return ECKey.import_key(text)
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return OKPKey.import_key(text)
    raise Fault(f"The secret {secret.id!r} of this endpoint is not a public key in PEM: copy it from the provider.")

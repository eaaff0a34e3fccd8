"""Tells whether a provider signed a body with a key that only the provider has: RSA or ECDSA. Pure but for `fetch`."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from kit.errors import Fault
from payments_contracts.providers import Signature

from gateway.carried import NOTHING, Carried
from gateway.certificates import Certificates, PublicKey, UnusableCertificateError, of_headers
from gateway.claims import ClaimReader, SignedContent
from gateway.endpoints import Endpoint, endpoints_of
from gateway.errors import Forged, KeyNeeded
from gateway.secrets import EndpointSecret
from gateway.verdict import Authentic

_MISMATCH: Final = "No key of the provider made the signature of this body for this endpoint."


class PublicKeyVerifier:
    """Signatures that are verified with a public key: of a certificate that the webhook names, or the secret itself."""

    def __init__(
        self,
        signature: Signature,
        secrets: Sequence[EndpointSecret],
        notification_url: str,
        certificates: Certificates | None = None,
    ) -> None:
        self._signature = signature
        self._claims = ClaimReader(signature)
        self._content = SignedContent(signature, notification_url)
        self._certificates = certificates
        self._endpoints = self._read(secrets)

    def use(self, secrets: Sequence[EndpointSecret]) -> None:
        """Take these secrets from now on, in the place of all others; raises Fault where one is not a key in PEM."""
        self._endpoints = self._read(secrets)

    def has_secret(self, now: float) -> bool:
        """Tell whether there is a secret whose time is now."""
        return any(each.is_active(now) for each in self._endpoints)

    async def fetch(self, needed: KeyNeeded) -> None:
        """Get the certificate that was needed; raises Transient where it cannot be had now."""
        if self._certificates is not None:
            await self._certificates.fetch(needed)

    async def follow(self) -> None:
        """Return: certificates are fetched when a webhook names them."""

    def verify(
        self, header: Sequence[str], body: bytes, now: float, carried: Carried = NOTHING
    ) -> Authentic | Forged | KeyNeeded:
        """Judge a body by all values of the signature's header."""
        claim = self._claims.read(header, carried)
        if isinstance(claim, Forged):
            return claim
        # Before any certificate is fetched, so that an old webhook costs nothing.
        if (untimely := self._claims.untimely(claim, now)) is not None:
            return untimely
        certified = self._certified(carried, now)
        if isinstance(certified, Forged | KeyNeeded):
            return certified
        for endpoint in self._endpoints:
            key = endpoint.key or certified
            if body and key is not None and endpoint.is_active(now):
                signed = b"".join(self._content.parts(body, claim, carried, endpoint.text))
                if any(self._is_true(key, candidate, signed) for candidate in claim.candidates):
                    return endpoint.verdict
        return Forged("signature_mismatch", _MISMATCH)

    def _certified(self, carried: Carried, now: float) -> PublicKey | Forged | KeyNeeded | None:
        contract = self._signature.certificate
        if contract is None or self._certificates is None:
            return None
        url = of_headers(carried.headers, contract)
        if not url:
            return Forged("signature_missing", f"The header {contract.header} is absent.")
        if not self._certificates.is_trusted(url):
            places = " or ".join(f"{host}{contract.path}" for host in contract.hosts)
            detail = f"The header {contract.header} does not lead by HTTPS to {places}."
            return Forged("signature_malformed", detail)
        try:
            return self._certificates.key(url, now) or KeyNeeded(url, now)
        except UnusableCertificateError as error:
            return Forged("signature_mismatch", str(error))

    def _is_true(self, key: PublicKey, candidate: bytes, signed: bytes) -> bool:
        try:
            decode = binascii.unhexlify if self._signature.encoding == "hex" else _base64
            signature = decode(candidate)
            if isinstance(key, rsa.RSAPublicKey) and self._signature.digest == "rsa-sha256":
                key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
                return True
            if isinstance(key, ec.EllipticCurvePublicKey) and self._signature.digest == "ecdsa-sha256":
                key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
                return True
        except (InvalidSignature, ValueError):
            pass
        return False

    def _read(self, secrets: Sequence[EndpointSecret]) -> tuple[Endpoint[PublicKey], ...]:
        return endpoints_of(secrets, _public_key if self._certificates is None else None)


def _base64(text: bytes) -> bytes:
    return base64.b64decode(text, validate=True)


def _public_key(secret: EndpointSecret) -> PublicKey:
    try:
        key = load_pem_public_key(secret.key.encode())
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Fault(f"The secret {secret.id!r} of this endpoint is not a public key in PEM: copy it from the provider.")
    return key

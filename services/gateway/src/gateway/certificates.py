"""Fetches the certificates of providers that sign with keys of their own."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from kit.errors import Transient
from payments_contracts.providers import Certificate

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_TIMEOUT_SECONDS = 5.0
_LONGEST = 65_536
# Providers have a handful; a sender that names thousands of addresses must not fill the memory.
_MOST = 64


class Fetch(Protocol):
    """Gets what is at an address."""

    async def __call__(self, url: str, /) -> bytes:
        """Return the content; raises Transient where it cannot be had now."""


class UnusableCertificateError(Exception):
    """What is at a certificate's address verifies no signature; the message says why."""


class Certificates:
    """The certificates that a provider's webhooks have named so far.

    TLS to one of the contract's hosts vouches for a certificate; it must be one of the contract's subject, and its time
    must not be over.
    """

    def __init__(self, contract: Certificate, fetch: Fetch | None = None) -> None:
        self._contract = contract
        self._fetch = fetch or _fetched
        self._keys: dict[str, tuple[PublicKey, datetime, datetime] | UnusableCertificateError] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}

    def is_trusted(self, url: str) -> bool:
        """Tell whether an address may be asked at all."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        return (
            url.isascii()
            and parts.scheme == "https"
            and parts.hostname in self._contract.hosts
            and port in {None, 443}
            and parts.username is None
            and parts.password is None
        )

    def key(self, url: str, now: float) -> PublicKey | None:
        """Return the public key of a certificate, None where it has to be fetched first.

        Raises:
            UnusableCertificateError: It is another's, or its time is over or not come.
        """
        found = self._keys.get(url)
        if found is None:
            return None
        if isinstance(found, UnusableCertificateError):
            raise found
        key, not_before, not_after = found
        if not not_before.timestamp() <= now <= not_after.timestamp():
            raise UnusableCertificateError("The certificate's time is over, or has not come.")
        return key

    async def fetch(self, url: str) -> None:
        """Get a certificate; webhooks that name it meanwhile wait for the same answer. Raises Transient."""
        if url not in self._fetching:
            task = self._fetching[url] = asyncio.create_task(self._take(url))
            task.add_done_callback(lambda _task: self._fetching.pop(url, None))
        await asyncio.shield(self._fetching[url])

    async def _take(self, url: str) -> None:
        content = await self._fetch(url)
        if len(self._keys) >= _MOST:
            self._keys.pop(next(iter(self._keys)))
        try:
            self._keys[url] = self._read(content)
        except UnusableCertificateError as error:
            self._keys[url] = error

    def _read(self, content: bytes) -> tuple[PublicKey, datetime, datetime]:
        try:
            certificate = x509.load_pem_x509_certificates(content)[0]
        except ValueError as error:
            raise UnusableCertificateError("There is no certificate at the address.") from error
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [name.value for name in names] != [self._contract.common_name]:
            raise UnusableCertificateError(f"The certificate is not that of {self._contract.common_name}.")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise UnusableCertificateError("The certificate's key is of a kind that is not used.")
        return key, certificate.not_valid_before_utc, certificate.not_valid_after_utc


async def _fetched(url: str) -> bytes:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False) as client:
            response = await client.get(url)
    except httpx.HTTPError as error:
        raise Transient(f"the certificate cannot be fetched: {type(error).__name__}") from error
    if response.status_code != httpx.codes.OK or len(response.content) > _LONGEST:
        raise Transient(f"the certificate cannot be fetched: the answer is {response.status_code}")
    return response.content


def of_headers(headers: Mapping[str, str], certificate: Certificate) -> str:
    """Return the address that a webhook names, an empty text where it names none."""
    return headers.get(certificate.header.lower(), "")

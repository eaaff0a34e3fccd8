"""The certificates of providers that sign with keys of their own, fetched once each and trusted by their chain."""

import asyncio
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from re import ASCII, DOTALL
from re import compile as pattern
from time import monotonic
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from kit.errors import Fault, Transient
from payments_contracts.providers import Certificate

from gateway.errors import KeyNeeded
from gateway.fetching import Allowance, Fetch, roots_file

_T = TypeVar("_T")
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

# A sender can name any address of the provider's: that must fill no memory, and not have us knock there all day.
_MOST: Final = 64
_MOST_AT_ONCE: Final = 4
_MOST_A_MINUTE: Final = 30
_SECONDS_BETWEEN_TRIES: Final = 5.0
_SECONDS_REFUSED: Final = 300.0
_LONGEST_CHAIN: Final = 10
_PEM: Final = pattern(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", DOTALL)
_SEGMENT: Final = pattern(r"[A-Za-z0-9_.-]+", ASCII)


class UnusableCertificateError(Exception):
    """What is at a certificate's address verifies no signature; the message says why."""


class _Known(NamedTuple):
    """A key, and from when until when all certificates of its chain are good, in seconds since 1970."""

    key: PublicKey
    not_before: float
    not_after: float


class Certificates:
    """The certificates that a provider's webhooks have named so far.

    A certificate has to be for one of the contract's names, and made for servers, and its chain has to end at a root:
    as for a connection by TLS (RFC 5280, CA/Browser Forum). Revocation is not asked for.

    Args:
        contract: What the contract says of them.
        fetch: Gets them.
        roots: Where chains may end.
        clock: A clock that never goes back, in seconds.
    """

    def __init__(
        self,
        contract: Certificate,
        fetch: Fetch,
        roots: Sequence[x509.Certificate],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._contract = contract
        self._fetch = fetch
        self._store = Store(list(roots))
        self._clock = clock
        self._allowance = Allowance(_MOST_A_MINUTE, 60, clock)
        self._known: dict[str, _Known] = {}
        # What is wrong is apart from what is right, and cannot push it out.
        self._refused: dict[str, tuple[UnusableCertificateError, float]] = {}
        self._failed: dict[str, float] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}

    def is_trusted(self, url: str) -> bool:
        """Tell whether an address may be asked at all: each certificate has one, of plain characters."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        root = self._contract.path
        segments = parts.path.removeprefix(root).split("/")
        return (
            parts.scheme == "https"
            and parts.netloc in self._contract.hosts
            and port is None
            and parts.path.startswith(root)
            and all(_SEGMENT.fullmatch(each) and each.strip(".") for each in segments)
            and url == f"https://{parts.netloc}{parts.path}"
        )

    def key(self, url: str, now: float) -> PublicKey | None:
        """Return the public key of a certificate, None where it has to be fetched first.

        Raises:
            UnusableCertificateError: It is not one that verifies signatures.
        """
        found = self._known.get(url)
        if found is not None and found.not_before <= now <= found.not_after:
            return found.key
        if (refused := self._refused.get(url)) is not None and self._clock() - refused[1] < _SECONDS_REFUSED:
            raise refused[0]
        return None

    async def fetch(self, needed: KeyNeeded) -> None:
        """Get a certificate; webhooks that name it meanwhile wait for the same answer. Raises Transient."""
        url = needed.url
        if url not in self._fetching:
            if self._clock() - self._failed.get(url, -_SECONDS_BETWEEN_TRIES) < _SECONDS_BETWEEN_TRIES:
                raise Transient("the certificate could not be fetched just now")
            if len(self._fetching) >= _MOST_AT_ONCE or not self._allowance.take():
                raise Transient("too many certificates are asked for")
            task = self._fetching[url] = asyncio.create_task(self._take(url, needed.now))
            task.add_done_callback(lambda _task: self._fetching.pop(url, None))
        await asyncio.shield(self._fetching[url])

    async def _take(self, url: str, now: float) -> None:
        try:
            content = (await self._fetch(url)).content
            certificates = _read(content)
        except Transient:
            _put(self._failed, url, self._clock())
            raise
        try:
            # Some milliseconds, which no other webhook should wait for.
            _put(self._known, url, await asyncio.to_thread(self._trusted, certificates, now))
        except UnusableCertificateError as error:
            _put(self._refused, url, (error, self._clock()))

    def _trusted(self, certificates: Sequence[x509.Certificate], now: float) -> _Known:
        leaf, *others = certificates
        chain = self._chain(leaf, others, datetime.fromtimestamp(now, UTC))
        key = leaf.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise UnusableCertificateError("The certificate's key is of a kind that is not used.")
        not_before = max(each.not_valid_before_utc for each in chain)
        not_after = min(each.not_valid_after_utc for each in chain)
        return _Known(key, not_before.timestamp(), not_after.timestamp())

    def _chain(
        self, leaf: x509.Certificate, others: Sequence[x509.Certificate], now: datetime
    ) -> Sequence[x509.Certificate]:
        policy = PolicyBuilder().store(self._store).time(now)
        for name in self._contract.names:
            try:
                return policy.build_server_verifier(x509.DNSName(name)).verify(leaf, list(others))
            except VerificationError:
                continue
        names = " or ".join(self._contract.names)
        raise UnusableCertificateError(
            f"The certificate is not one of {names} that is good now and leads to a trusted root."
        )


def trusted_roots(file: Path | None = None) -> Sequence[x509.Certificate]:
    """Return the certificates at which chains may end: those of a file in PEM, else all that servers are trusted by.

    Raises:
        Fault: The file cannot be read, or holds no certificate.
    """
    source = Path(roots_file()) if file is None else file
    message = f"The certificates in {source} cannot be read: it has to be a file with certificates in PEM."
    try:
        content = source.read_bytes()
    except OSError as error:
        raise Fault(message) from error
    # One by one: among the roots of the world there are some that keep to no standard.
    roots = [root for each in _PEM.findall(content) if (root := _root(each)) is not None]
    if not roots:
        raise Fault(message)
    return roots


def _root(content: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificate(content)
    except (ValueError, CryptographyDeprecationWarning):
        return None


def of_headers(headers: Mapping[str, str], certificate: Certificate) -> str:
    """Return the address that a webhook names, an empty text where it names none."""
    return headers.get(certificate.header.lower(), "")


def _read(content: bytes) -> Sequence[x509.Certificate]:
    """Return the certificates of an answer; raises Transient where it is something else, which it need not stay."""
    try:
        certificates = x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise Transient("what is at the certificate's address is not a certificate") from error
    if len(certificates) > _LONGEST_CHAIN:
        raise Transient(f"there are more than {_LONGEST_CHAIN} certificates at the address")
    return certificates


def _put(kept: dict[str, _T], url: str, value: _T) -> None:
    kept.pop(url, None)
    if len(kept) >= _MOST:
        kept.pop(next(iter(kept)))
    kept[url] = value

"""Puts together the verifier of a provider that signs with keys of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path

from payments_contracts.providers import Signature

from gateway.certificates import Certificates, trusted_roots
from gateway.fetching import Fetch, Fetcher
from gateway.jws import JwsVerifier
from gateway.key_set import PublishedKeys
from gateway.public_keys import PublicKeyVerifier
from gateway.secrets import EndpointSecret


def asymmetric_verifier(  # noqa: PLR0917  # one caller
    signature: Signature,
    secrets: Sequence[EndpointSecret],
    notification_url: str,
    fetch: Fetch | None,
    roots_file: Path | None,
    count_fetch: Callable[[str], None],
) -> PublicKeyVerifier | JwsVerifier:
    """Return the verifier of signatures with public keys; see `gateway.signature.verifier`."""
    if signature.form == "jws":
        contract = signature.key_set
        keys = None if contract is None else PublishedKeys(contract, fetch or Fetcher(), count_fetch)
        return JwsVerifier(signature, secrets, notification_url, keys)
    certificate = signature.certificate
    certificates = (
        None if certificate is None else Certificates(certificate, fetch or Fetcher(), trusted_roots(roots_file))
    )
    return PublicKeyVerifier(signature, secrets, notification_url, certificates)

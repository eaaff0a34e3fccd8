"""Keys of providers that sign with their own: made up, with the certificates and key sets that show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc import jws
from joserfc.jwk import JWKRegistry, Key
from payments_contracts.providers import Signature

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_CURVES: Final = {"ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
_SERVERS: Final = (ExtendedKeyUsageOID.SERVER_AUTH,)


class _Registry(jws.JWSRegistry):
    def get_alg(self, name: str) -> Any:
        # The library's own warns of `EdDSA`, as providers go on calling Ed25519 (RFC 8037).
        return self.algorithms[name]


@dataclass(frozen=True, slots=True)
class Authority:
    """Who issues certificates: a key, and the certificate at which their chains end."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """Its certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)


def kind_of(signature: Signature) -> str:
    """Return what a provider's key is for: the digest of its signatures, or the first algorithm of a JWS."""
    return signature.algorithms[0] if signature.form == "jws" else signature.digest


@cache
def made_key(kind: str, name: str = "provider") -> PrivateKey:  # noqa: ARG001  # the cache goes by it
    """Return a key for a digest or an algorithm: within a program the same for the same name."""
    if kind in {"EdDSA", "Ed25519"}:
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith(("ES", "ecdsa")):
        return ec.generate_private_key(_CURVES.get(kind, ec.SECP256R1)())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signature_of(key: PrivateKey, content: bytes) -> bytes:
    """Sign a text with SHA-256: RSA by PKCS #1 v1.5, or ECDSA."""
    match key:
        case rsa.RSAPrivateKey():
            return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePrivateKey():
            return key.sign(content, ec.ECDSA(hashes.SHA256()))
        case _:
            raise TypeError("a key for Ed25519 signs no digest of a contract's")


def jws_of(key: PrivateKey, algorithm: str, payload: bytes, stated: dict[str, Any], *, detached: bool) -> str:
    """Return a JWS in its compact form; `stated` goes into its protected header beside `alg` and `kid`."""
    signing = _jwk(key)
    header = {"alg": algorithm, "kid": signing.thumbprint(), **stated}
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    text = jws.serialize_compact(header, payload, signing, registry=registry)
    return jws.detach_content(text) if detached else text


def key_set(keys: Sequence[PrivateKey]) -> bytes:
    """Return a JSON Web Key Set of the public keys; each is called by its thumbprint (RFC 7638)."""
    return orjson.dumps(
        {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"} for key in map(_jwk, keys)]}
    )


def public_key(key: PrivateKey) -> str:
    """Return the public key in PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def in_pem(key: PrivateKey) -> bytes:
    """Return the private key in PEM, as nobody but a test would keep it: open to all."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def from_pem(text: bytes) -> PrivateKey:
    """Return the private key of a text in PEM; raises ValueError where it holds none that signs webhooks."""
    key = load_pem_private_key(text, None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError("the key is of a kind that signs no webhooks")  # noqa: TRY004  # a text, not a type, is wrong
    return key


def made_authority(name: str = "Simulated Authority", now: datetime | None = None) -> Authority:
    """Return an authority of one's own, good for ten years: within a program the same for the same name and time."""
    return _authority(name, now)


# Apart from its defaults: to a cache a call that leaves an argument out is another than one that gives its default.
@cache
def _authority(name: str, now: datetime | None) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    start = (now or datetime.now(UTC)) - timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, made)


def certificate(  # noqa: PLR0917  # what a certificate says
    key: PrivateKey,
    name: str,
    now: datetime | None = None,
    days: int = 30,
    authority: Authority | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = _SERVERS,
) -> bytes:
    """Return a certificate in PEM for a host name, good from a day ago for so many days.

    It is issued by the `authority`, or where there is none by `made_authority()` of that time.
    """
    start = (now or datetime.now(UTC)) - timedelta(days=1)
    issuer = authority or made_authority(now=now)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.certificate.public_key()),  # type: ignore[arg-type]  # an authority's is one that signs
            critical=False,
        )
        .sign(issuer.key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _jwk(key: PrivateKey) -> Key:
    kind = (
        "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC" if isinstance(key, ec.EllipticCurvePrivateKey) else "OKP"
    )
    return JWKRegistry.import_key(in_pem(key), kind)

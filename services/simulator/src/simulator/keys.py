"""Keys of providers that sign with their own: made up, with the certificates that show them."""

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from payments_contracts.providers import Digest

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def made_key(digest: Digest, name: str = "provider") -> PrivateKey:  # noqa: ARG001  # the cache goes by it
    """Return a key for a digest: within a program the same for the same name."""
    if digest == "ecdsa-sha256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signature_of(key: PrivateKey, content: bytes) -> bytes:
    """Sign a text with SHA-256: RSA by PKCS #1 v1.5, or ECDSA."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def public_key(key: PrivateKey) -> str:
    """Return the public key in PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(key: PrivateKey, common_name: str, now: datetime | None = None, days: int = 30) -> bytes:
    """Return a certificate in PEM that the key signs itself, good from a day ago for so many days."""
    start = (now or datetime.now(UTC)) - timedelta(days=1)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)

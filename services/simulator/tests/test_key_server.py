"""What the key server shows is what a verifier that trusts its authority takes."""

from pathlib import Path

import pytest
from cryptography import x509
from payments_contracts.providers import PROVIDERS
from simulator.key_server import AUTHORITY, key_in, prepare
from simulator.keys import public_key

WITH_CERTIFICATE = [name for name, provider in PROVIDERS.items() if provider.signature.certificate is not None]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys") / "shown"
    prepare(directory)
    return directory


def certificate_in(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.mark.parametrize("provider", WITH_CERTIFICATE)
def test_a_certificate_is_issued_by_the_authority_that_lies_beside_it(prepared: Path, provider: str) -> None:
    shown = certificate_in(prepared / f"{provider}.shown")
    shown.verify_directly_issued_by(certificate_in(prepared / AUTHORITY))
    assert shown.public_key() == key_in(prepared, provider).public_key()
    assert public_key(key_in(prepared, provider)).startswith("-----BEGIN PUBLIC KEY-----")


def test_what_is_there_stays(prepared: Path) -> None:
    before = {path.name: path.read_bytes() for path in prepared.iterdir()}
    prepare(prepared)
    assert {path.name: path.read_bytes() for path in prepared.iterdir()} == before


def test_a_provider_without_a_key_of_its_own_has_none(prepared: Path) -> None:
    with pytest.raises(ValueError, match="holds no key of stripe"):
        key_in(prepared, "stripe")

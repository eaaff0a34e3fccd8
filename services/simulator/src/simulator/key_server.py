"""Stands in for the servers at which providers show their keys: certificates and key sets, on this machine alone."""

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from payments_contracts.providers import PROVIDERS, Signature

from simulator.keys import PrivateKey, certificate, from_pem, in_pem, key_set, kind_of, made_authority, made_key

AUTHORITY = "authority.pem"
"""The name of the file with the certificate at which chains end."""


def shown_at(signature: Signature) -> str | None:
    """Return the address at which a provider shows its key; None where it shows none."""
    if signature.certificate is not None:
        return f"https://{signature.certificate.hosts[0]}{signature.certificate.path}CERT-simulated"
    return None if signature.key_set is None else signature.key_set.url


def prepare(directory: Path) -> None:
    """Fill a directory with an authority, and for each provider that signs with its own a key and what shows it.

    What is there stays: a gateway that trusts the authority goes on trusting it.
    """
    if (directory / AUTHORITY).exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    for name, provider in PROVIDERS.items():
        signature = provider.signature
        if not signature.is_asymmetric:
            continue
        key = made_key(kind_of(signature), name)
        (directory / f"{name}.key.pem").write_bytes(in_pem(key))
        if signature.certificate is not None:
            (directory / f"{name}.shown").write_bytes(certificate(key, signature.certificate.names[0]))
        elif signature.key_set is not None:
            (directory / f"{name}.shown").write_bytes(key_set([key]))
    # Last: once it is there, all is.
    (directory / AUTHORITY).write_bytes(made_authority().pem)


def key_in(directory: Path, provider: str) -> PrivateKey:
    """Return a provider's key of a directory that was prepared; raises ValueError where there is none."""
    try:
        return from_pem((directory / f"{provider}.key.pem").read_bytes())
    except OSError as error:
        raise ValueError(f"{directory} holds no key of {provider}: run `simulator keys` first.") from error


def key_server(directory: Path, port: int) -> ThreadingHTTPServer:
    """Return a server that shows what a directory has, by the paths at which providers show it."""
    shown = {
        urlsplit(url).path: (directory / f"{name}.shown").read_bytes()
        for name, provider in PROVIDERS.items()
        if (url := shown_at(provider.signature)) is not None
    }
    handler = type("_Handler", (_Handler,), {"shown": shown})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


class _Handler(BaseHTTPRequestHandler):
    shown: ClassVar[Mapping[str, bytes]] = {}

    def do_GET(self) -> None:
        content = self.shown.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        pass

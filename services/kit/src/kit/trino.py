"""Connections to Trino, and what is said where it does not let a client in. Needs the extra `trino`."""

from pathlib import Path
from typing import Any

import requests
import trino
from requests.utils import get_environ_proxies
from trino.auth import BasicAuthentication
from trino.exceptions import HttpError

from kit.connection import Endpoint, tls_refusal
from kit.settings.trino import TRINO_TLS


def connect(where: Endpoint, **options: Any) -> Any:
    """Return a connection, which is made with the first statement; `options` are those of the library.

    https://github.com/trinodb/trino-python-client
    """
    if where.password is not None and where.user is not None:
        options["auth"] = BasicAuthentication(where.user, where.password.get_secret_value())
    if where.tls.ca_file is not None:
        options["http_session"] = _session(where.url, where.tls.ca_file)
    return trino.dbapi.connect(host=where.url, user=where.user, **options)  # type: ignore[no-untyped-call]  # as above


def _session(url: str, ca_file: Path) -> requests.Session:
    """Return a session that trusts these authorities, and nobody else.

    REQUESTS_CA_BUNDLE counts for more to requests than what a session says: https://github.com/psf/requests/issues/3829
    """
    session = requests.Session()
    session.proxies.update(get_environ_proxies(url))
    session.trust_env = False
    session.verify = str(ca_file)
    return session


def trino_refusal(error: BaseException) -> str | None:
    """Return in words why Trino does not let this client in, naming settings, if that is what an error says."""
    if isinstance(error, HttpError) and str(error).startswith(("error 401", "error 403")):
        return "it refuses the user: look at TRINO_USER and TRINO_PASSWORD"
    return tls_refusal(error, TRINO_TLS)


def away(address: str, error: BaseException) -> str:
    """Return what to say of a Trino that does not answer, or lets nobody in."""
    if (refusal := trino_refusal(error)) is not None:
        return f"Trino at {address} does not let this program in: {refusal}."
    return f"Trino at {address} does not answer. Is it up? See `make status`."

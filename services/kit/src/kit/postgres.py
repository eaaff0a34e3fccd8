"""What Postgres and its driver mean where they let a client not in."""

from collections.abc import Mapping
from typing import Final

# Words of libpq and the server, which are in English unless a server is told otherwise; then no remedy is found.
# https://www.postgresql.org/docs/18/libpq-ssl.html
_REMEDIES: Final[Mapping[str, str]] = {
    "password authentication failed": "POSTGRES_DSN: the server refuses its user or password",
    "certificate verify failed": (
        "POSTGRES_DSN: sslrootcert does not hold the authority that signed the server's certificate, or the "
        "certificate is not valid now"
    ),
    "root certificate file": "POSTGRES_DSN: sslrootcert names no file that can be read",
    "does not match host name": "POSTGRES_DSN: the server's certificate is for another host than the address",
    "server does not support SSL": "POSTGRES_DSN: sslmode asks for TLS, and the server has none",
    "no pg_hba.conf entry": "POSTGRES_DSN: the server lets nobody in so: it may want sslmode=verify-full",
}


def refusal(error: BaseException) -> str | None:
    """Return what is wrong with the address, if that is why no session came about; shows neither address nor login."""
    said = str(error)
    return next((remedy for sign, remedy in _REMEDIES.items() if sign in said), None)


def unreachable(error: BaseException) -> str:
    """Return in a sentence or two that the operational database does not answer, and why if that can be told."""
    if (why := refusal(error)) is not None:
        return f"The operational database does not let this program in: {why}."
    return "The operational database does not answer. Is it up? See `make status`."

"""Who may do more than look: a token, sessions in a cookie, and forms that no other site can send."""

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from unicodedata import category
from urllib.parse import parse_qsl, urlsplit

from fastapi import HTTPException, Request
from kit.clock import Clock
from pydantic import SecretStr

COOKIE: Final = "payments_console"
LASTS: Final = timedelta(hours=12)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not less: browsers would send forms with the origin `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer."""
_SESSIONS: Final = 100
_MOST_BYTES: Final = 16_384
_MOST_FIELDS: Final = 20


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has shown the token: `id` is in the cookie, `proof` in each form that was made for it."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    proof: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


class Sessions:
    """Those who have shown the token, in memory: a restart ends them all. For any thread.

    Args:
        token: What has to be shown; nobody can where there is none.
        clock: Returns the present time.
    """

    def __init__(self, token: SecretStr | None, clock: Clock) -> None:
        self._token = token
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Session, datetime]] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether there is a token that can be shown."""
        return self._token is not None

    def begin(self, shown: str) -> Session | None:
        """Return a new session for who shows the token; compared in constant time."""
        if self._token is None or not _equal(shown, self._token.get_secret_value()):
            return None
        session = Session()
        with self._lock:
            self._known[session.id] = (session, self._clock() + LASTS)
            while len(self._known) > _SESSIONS:
                self._known.popitem(last=False)
        return session

    def find(self, session_id: str | None) -> Session | None:
        """Return the session of a cookie, if it is one and has not ended."""
        with self._lock:
            session, ends_at = self._known.get(session_id or "", (None, self._clock()))
            return session if self._clock() < ends_at else None

    def end(self, session_id: str | None) -> None:
        """Forget a session."""
        with self._lock:
            self._known.pop(session_id or "", None)


def require(session: Session | None, form: Mapping[str, str]) -> Session:
    """Return the session if it may do what a form asks for.

    Raises:
        HTTPException: 403: nobody is signed in, or the form was not made for this session.
    """
    if session is None:
        raise HTTPException(HTTPStatus.FORBIDDEN, "Sign in with the console's token first: nothing was done.")
    if not _equal(form.get("proof", ""), session.proof):
        raise HTTPException(
            HTTPStatus.FORBIDDEN, "The form is not of this session. Load the page again: nothing was done."
        )
    return session


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that a page of ours has sent.

    Raises:
        HTTPException: 403: another site has sent it; 413 or 415: it is no form of ours; 400: it cannot be read.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(HTTPStatus.FORBIDDEN, "The form comes from another site: nothing was done.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/x-www-form-urlencoded.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A form has at most {_MOST_BYTES} bytes.")
    try:
        fields = dict(parse_qsl(body.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The form cannot be read.") from error
    # The database cannot keep U+0000, and no keyboard writes the others.
    if any(category(each) == "Cc" and each not in "\t\r\n" for text in fields.values() for each in text):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The form has control characters in it: nothing was done.")
    return fields


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())

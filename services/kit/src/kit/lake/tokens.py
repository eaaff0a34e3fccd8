"""The catalog's tokens: OAuth 2 with the client's own credentials, as Polaris and others demand it.

https://datatracker.ietf.org/doc/html/rfc6749#section-4.4, at the catalog's endpoint or an identity provider's.
"""

import time

import requests
from pyiceberg.catalog.rest.auth import OAuth2AuthManager, OAuth2TokenProvider

from kit.answers import promised
from kit.errors import Fault
from kit.settings import LakeSettings

# RFC 6749 leaves it to servers whether they say how long a token is valid; an hour is what most give.
_USUAL_SECONDS = 3_600
_REFUSALS = frozenset({400, 401, 403})


class TokenProvider(OAuth2TokenProvider):
    """The library's provider, whose requests do not wait for ever, and who says what was refused."""

    def __init__(self, settings: LakeSettings, credential: str, timeout_seconds: float) -> None:
        identity, _, secret = credential.partition(":")
        super().__init__(identity, secret, settings.token_url, settings.catalog_scope, expires_in=_USUAL_SECONDS)
        self._timeout_seconds = timeout_seconds

    def forget(self) -> None:
        """Ask for a new token before the next request: the catalog has refused this one before its time."""
        with self._lock:
            self._token = None

    def _refresh_token(self) -> None:
        response = requests.post(
            self.token_url,
            data={"grant_type": "client_credentials", "scope": self.scope},
            headers={"Authorization": self._client_secret_header},
            timeout=self._timeout_seconds,
        )
        if response.status_code in _REFUSALS:
            raise Fault(
                f"{self.token_url} gives no token to {self.client_id} (HTTP {response.status_code}): set "
                "CATALOG_CREDENTIAL (as id:secret), CATALOG_SCOPE and CATALOG_TOKEN_URL to what the catalog knows"
            )
        response.raise_for_status()
        with promised(self.token_url):
            answer = response.json()
            lasts = int(answer.get("expires_in") or _USUAL_SECONDS)
            self._token = answer["access_token"]
        self._expires_at = int(time.monotonic()) + lasts - self.refresh_margin


class Tokens(OAuth2AuthManager):
    """The library's manager with that provider; one for all sessions of a catalog."""

    def __init__(self, provider: TokenProvider) -> None:
        self.token_provider: TokenProvider = provider


def open_tokens(settings: LakeSettings, timeout_seconds: float) -> Tokens | None:
    """Return what makes requests authentic, or None for a catalog that asks nobody."""
    if settings.catalog_credential is None:
        return None
    return Tokens(TokenProvider(settings, settings.catalog_credential.get_secret_value(), timeout_seconds))

"""The Iceberg REST catalog, plain: Polaris or any other serves as well, by configuration alone."""

from typing import Any

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.rest.auth import AuthManagerAdapter
from pyiceberg.exceptions import ForbiddenError, RESTError, UnauthorizedError
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter

from kit.answers import promised
from kit.errors import Fault, Transient
from kit.lake.tokens import Tokens, open_tokens
from kit.settings import LakeSettings

_TIMEOUT_SECONDS = 20.0


class _ImpatientAdapter(HTTPAdapter):
    """Gives every request a time limit: without one, a catalog that hangs would hang the committer for ever."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        if options.get("timeout") is None:
            options["timeout"] = _TIMEOUT_SECONDS
        return super().send(request, *args, **options)


class _BoundedCatalog(RestCatalog):
    """The library's catalog, none of whose requests waits for ever, the first one included."""

    def __init__(self, tokens: Tokens | None, **properties: str) -> None:
        self._tokens = tokens
        super().__init__("lake", **properties)

    def _refresh_token(self) -> None:
        # The library calls it when a token was refused, and then tries once more.
        if self._tokens is not None:
            self._tokens.token_provider.forget()

    def _create_session(self) -> Session:
        session = super()._create_session()
        if self._tokens is not None:
            session.auth = AuthManagerAdapter(self._tokens)
        for scheme in ("http://", "https://"):
            session.mount(scheme, _ImpatientAdapter())
        return session


def load_catalog(settings: LakeSettings) -> RestCatalog:
    """Connect to the catalog and its object store.

    Raises:
        Transient: The catalog does not answer.
        Fault: It demands a token and there is no credential, or it gives none for this one.
    """
    properties = {
        "uri": settings.catalog_uri,
        "warehouse": settings.catalog_warehouse,
        "py-io-impl": "kit.lake.objects.SinglePutIO",
        "s3.endpoint": settings.s3_endpoint,
        "s3.region": settings.s3_region,
        "s3.access-key-id": settings.s3_access_key_id.get_secret_value(),
        "s3.secret-access-key": settings.s3_secret_access_key.get_secret_value(),
        "s3.connect-timeout": str(_TIMEOUT_SECONDS),
        "s3.request-timeout": str(_TIMEOUT_SECONDS),
    }
    try:
        with promised(f"the catalog at {settings.catalog_uri}"):
            return _BoundedCatalog(open_tokens(settings, _TIMEOUT_SECONDS), **properties)
    except (ForbiddenError, UnauthorizedError) as error:
        raise Fault(
            f"the catalog at {settings.catalog_uri} refuses access to {settings.catalog_warehouse}: set "
            "CATALOG_CREDENTIAL and CATALOG_SCOPE to a client and a role that it knows"
        ) from error
    except (RequestException, RESTError) as error:
        raise Transient(f"the catalog at {settings.catalog_uri} does not answer: {type(error).__name__}") from error

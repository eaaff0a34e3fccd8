"""The Iceberg REST catalog, plain: Polaris or any other serves as well, by configuration alone."""

from typing import Any

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import RESTError
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter

from kit.errors import Transient
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

    def _create_session(self) -> Session:
        session = super()._create_session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _ImpatientAdapter())
        return session


def load_catalog(settings: LakeSettings) -> RestCatalog:
    """Connect to the catalog and its object store.

    Raises:
        Transient: The catalog does not answer.
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
        return _BoundedCatalog("lake", **properties)
    except (RequestException, RESTError) as error:
        raise Transient(f"the catalog at {settings.catalog_uri} does not answer: {type(error).__name__}") from error

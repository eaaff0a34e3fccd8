"""The Iceberg REST catalog, plain: Polaris or any other serves as well, by configuration alone."""

from typing import Any

from pyiceberg.catalog import load_catalog as load_any_catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import RESTError
from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter

from kit.errors import Fault, Transient
from kit.settings import LakeSettings

_TIMEOUT_SECONDS = 20.0


class _ImpatientAdapter(HTTPAdapter):
    """Gives every request a time limit: without one, a catalog that hangs would hang the committer for ever."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        if options.get("timeout") is None:
            options["timeout"] = _TIMEOUT_SECONDS
        return super().send(request, *args, **options)


def load_catalog(settings: LakeSettings) -> RestCatalog:
    """Connect to the catalog and its object store.

    Raises:
        Transient: The catalog does not answer.
        Fault: What answers is not an Iceberg REST catalog.
    """
    properties = {
        "type": "rest",
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
        catalog = load_any_catalog("lake", **properties)
    except (RequestException, RESTError) as error:
        raise Transient(f"the catalog at {settings.catalog_uri} does not answer: {type(error).__name__}") from error
    if not isinstance(catalog, RestCatalog):
        raise Fault(f"the catalog at {settings.catalog_uri} is a {type(catalog).__name__}, not an Iceberg REST catalog")
    for scheme in ("http://", "https://"):
        catalog._session.mount(scheme, _ImpatientAdapter())  # noqa: SLF001  # it offers no setting for a time limit
    return catalog

"""Rules on the API of the gateways: one program serves them all, so that one contract says what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.gateway import PATH, TEMPLATE, api_name
from codegen.model import GATEWAY, newest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog


def unlike(catalog: Catalog) -> Iterator[Finding]:
    """Yield providers that no gateway's API serves, and APIs of gateways beside the one that all have in common."""
    apis = {api.name: api for api in newest(catalog) if api.name.startswith(GATEWAY)}
    shared = f"openapi/{TEMPLATE}/"
    for provider in catalog.providers:
        api = apis.get(api_name(provider))
        if api is None:
            message = f"no API says how {provider.name} reaches its gateway"
            yield provider.source.finding("gateway", ("name",), message, f"write {shared}v1.yaml")
        elif api.source.path.startswith(shared) and f"/webhooks/{provider.name}" not in api.source.data["paths"]:
            message = f"there is no POST {PATH}"
            yield api.source.finding("gateway", ("paths",), message, "declare it: webhooks come there")
    for api in catalog.apis:
        if api.name.startswith(GATEWAY) and not api.source.path.startswith(shared):
            message = "a gateway has no API of its own"
            yield api.source.finding("gateway", (), message, f"delete it: {shared} says it for all providers")

"""Rules on the APIs of gateways: one program serves them all, so they differ in path and header alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.model import GATEWAY, newest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Api, Catalog, Provider


def unlike(catalog: Catalog) -> Iterator[Finding]:
    """Yield providers without the API of a gateway, and gateways' APIs that differ where they may not."""
    apis = {api.name: api for api in newest(catalog) if api.name.startswith(GATEWAY)}
    providers = {api_name(provider): provider for provider in catalog.providers}
    for name, provider in providers.items():
        if name not in apis:
            message = f"no API says how {provider.name} reaches its gateway"
            yield provider.source.finding("gateway", ("name",), message, f"write openapi/{name}/v1.yaml")
    first = next(iter(apis.values()), None)
    for name, api in apis.items():
        if name not in providers:
            message = f"there is no provider whose gateway is called {name!r}"
            yield api.source.finding("gateway", (), message, "rename or delete the API")
            continue
        yield from _misplaced(api, providers[name])
        if first is not None and api.source.data.get("components") != first.source.data.get("components"):
            message = f"the components differ from those of {first.source.path}"
            hint = "make them equal: the gateways are one program"
            yield api.source.finding("gateway", ("components",), message, hint)


def api_name(provider: Provider) -> str:
    """Return the name of the API of a provider's gateway."""
    return GATEWAY + provider.name.replace("_", "-")


def _misplaced(api: Api, provider: Provider) -> Iterator[Finding]:
    path = f"/webhooks/{provider.name}"
    operation = api.source.data["paths"].get(path, {}).get("post")
    if operation is None:
        message = f"there is no POST {path}"
        yield api.source.finding("gateway", ("paths",), message, "declare it: webhooks come there")
        return
    headers = {each.get("name") for each in operation.get("parameters", ()) if each.get("in") == "header"}
    if provider.signature.header not in headers:
        message = f"the header {provider.signature.header} is not declared"
        place = ("paths", path, "post", "parameters")
        yield api.source.finding("gateway", place, message, "declare it: the signature comes there")

"""The OpenAPI document that is served says what the contract says."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS, Provider

CONTRACTS = Path(__file__).parents[3] / "generated" / "openapi"
# Prose, and what FastAPI adds of itself.
SAID_OTHERWISE = {"title", "summary", "description", "examples"}
# Generated models hold it as plain text.
NOT_IN_PYDANTIC = ("format", "uri-reference")


def essence(node: Any, *, names: bool = False) -> Any:
    """Strip prose; `names` where the keys are names that somebody chose."""
    if isinstance(node, list):
        return [essence(item) for item in node]
    if not isinstance(node, dict):
        return node
    if not names and (optional := _without_null(node)) is not None:
        return essence(optional)
    return {
        key: essence(value, names=key in {"properties", "schemas"} and not names)
        for key, value in node.items()
        if names or (key not in SAID_OTHERWISE and (key, value) != NOT_IN_PYDANTIC)
    }


def _without_null(node: dict[str, Any]) -> dict[str, Any] | None:
    # A property that may be left out is a union with null to Pydantic; it is never sent as null.
    options = [option for option in node.get("anyOf", []) if option != {"type": "null"}]
    return options[0] if len(options) == 1 else None


def contract_of(provider: Provider) -> Any:
    return orjson.loads((CONTRACTS / f"gateway-{provider.name.replace('_', '-')}.json").read_bytes())


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
async def test_the_document_of_every_gateway_equals_its_contract(
    provider: Provider, make: Callable[..., Awaitable[Any]]
) -> None:
    # A secret in every encoding of keys.
    secrets = [{"id": "any", "secret": "0123456789abcdef", "merchant_id": "m"}]
    gateway = await make(provider, secrets=secrets)
    served, contract = gateway.app.fastapi.openapi(), contract_of(provider)
    assert essence(served["paths"]) == essence(contract["paths"])
    assert essence(served["components"]) == essence(contract["components"])
    assert served["info"]["title"] == contract["info"]["title"]
    assert served["info"]["version"] == contract["info"]["version"]


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_the_contract_shows_bodies_that_are_events(provider: Provider) -> None:
    operation = contract_of(provider)["paths"][f"/webhooks/{provider.name}"]["post"]
    shown = operation["requestBody"]["content"]["application/json"]["examples"]
    accepted = [each for each in EXAMPLES if (each.provider, each.kind) == (provider.name, "accepted")]
    bodies = {each.name: orjson.loads(each.body) for each in accepted}
    assert shown
    assert {name: example["value"] for name, example in shown.items()} == {name: bodies[name] for name in shown}


async def test_the_document_is_served(gateway: Any) -> None:
    assert (await gateway.client.get("/openapi.json")).json() == gateway.app.fastapi.openapi()


async def test_documentation_needs_nothing_from_other_hosts(gateway: Any) -> None:
    page = (await gateway.client.get("/docs")).text
    parts = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert any(part.endswith("swagger-ui-bundle.js") for part in parts)
    for part in parts:
        assert (await gateway.client.get(part)).status_code == 200

"""The HTTP API of each provider's gateway: what all gateways have in common, and what follows from the provider."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codegen.form import MEDIA_TYPE, content_of
from codegen.model import GATEWAY, Api
from codegen.webhooks import Header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codegen.language.model import Path, Step
    from codegen.model import Provider
    from codegen.webhooks import Envelope

TEMPLATE = "gateway"
"""The name of the API that stands for all gateways."""

PATH = "/webhooks/{provider}"

FORM_REASONS = ["not_form", "form_too_complex"]
"""Why a body is refused where bodies are forms: no other gateway answers so."""

_TYPES: dict[str, dict[str, object]] = {
    # An empty text counts as absent.
    "string": {"type": "string", "minLength": 1},
    # What a parser reads as an integer; what is beyond is a number.
    "integer": {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "array": {"type": "array"},
}


def api_name(provider: Provider) -> str:
    """Return the name of the API of a provider's gateway."""
    return GATEWAY + provider.name.replace("_", "-")


def expanded(apis: Iterable[Api], providers: tuple[Provider, ...]) -> Iterator[Api]:
    """Yield every API; in the place of that of all gateways, one for each provider."""
    for api in apis:
        if api.name == TEMPLATE:
            for provider in providers:
                yield Api(api_name(provider), api.version, replace(api.source, data=_derived(api, provider)))
        else:
            yield api


def with_example(api: Api, provider: Provider) -> dict[str, Any]:
    """Return the document of a provider's gateway with the shortest of its accepted examples."""
    data: dict[str, Any] = copy.deepcopy(api.source.data)
    accepted = [each for each in provider.examples if each.kind == "accepted"]
    operation = data["paths"].get(f"/webhooks/{provider.name}", {}).get("post")
    if accepted and operation is not None:
        shown = min(accepted, key=lambda each: len(each.body))
        form = provider.envelope.form
        content = operation["requestBody"]["content"][_media_type(provider)]
        content["examples"] = {shown.name: {"value": content_of(form, shown.body)}}
    return data


def is_derived(api: Api, path: str) -> bool:
    """Return whether what a request to a path may hold follows from a provider's contract."""
    return api.source.path.startswith(f"openapi/{TEMPLATE}/") and path.startswith(PATH.partition("{")[0])


def _derived(api: Api, provider: Provider) -> dict[str, Any]:
    """Return the OpenAPI document of a provider's gateway; a document without the path of webhooks stays as it is."""
    data = api.source.data
    common = data.get("paths", {}).get(PATH, {}).get("post")
    if common is None:
        return dict(data)
    others = {path: item for path, item in data["paths"].items() if path != PATH}
    operation = {
        **common,
        "operationId": f"receive_{provider.name}_webhook",
        "parameters": list(_parameters(provider)),
        "requestBody": _body(common.get("requestBody", {}), provider),
    }
    if provider.envelope.form is not None:
        data = copy.deepcopy(data)
        codes = data.get("components", {}).get("schemas", {}).get("ReasonCode", {})
        if "enum" in codes:
            codes["enum"] += FORM_REASONS
    return {
        **data,
        "info": {**data["info"], "title": f"Gateway for {provider.title} webhooks"},
        "paths": {f"/webhooks/{provider.name}": {"post": operation}, **others},
    }


def _parameters(provider: Provider) -> Iterator[dict[str, Any]]:
    signature, envelope = provider.signature, provider.envelope
    for name in dict.fromkeys(signature.headers):
        said = "Part of the signature, or what is signed. Where it is absent the answer is 401."
        if name == signature.header:
            said = "The signature of the webhook. Where it is absent the answer is 401."
        yield _header(name, said)
    for name, source in (("id", envelope.event_id), ("type", envelope.event_type)):
        if isinstance(source, Header) and source.name not in {*signature.headers}:
            yield _header(source.name, f"The {name} of the event. Where it is absent the answer is 422.")


def _header(name: str, said: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": said, "schema": {"type": "string"}}


def _body(common: dict[str, Any], provider: Provider) -> dict[str, Any]:
    schema = body_schema(provider.envelope)
    schema["description"] = (
        f"What the gateway demands of an event; all else is free. What {provider.title} sends: "
        f"contracts/providers/{provider.name}/payload.openapi.yaml."
    )
    limits = provider.envelope.form
    if limits is not None:
        common = {**common, "description": form_description(provider)}
    return {**common, "content": {_media_type(provider): {"schema": schema}}}


def form_description(provider: Provider) -> str:
    """Return what is said of a body that is a form, after OpenAPI's own words for one of JSON."""
    envelope, form = provider.envelope, provider.envelope.form
    assert form is not None  # noqa: S101 - for the type checker
    return (
        f"The event as a form of UTF-8 texts, at most {envelope.max_body_bytes} bytes long, with at most "
        f"{form.max_fields} fields that are at most {form.max_depth} deep."
    )


def _media_type(provider: Provider) -> str:
    return "application/json" if provider.envelope.form is None else MEDIA_TYPE


def body_schema(envelope: Envelope) -> dict[str, Any]:
    """Return the JSON Schema of the bodies that a gateway takes for events where they are authentic."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": True}
    if envelope.items is not None:
        _require(schema, envelope.items.path, "array")
        _at(schema, envelope.items.path).update({"minItems": 1, "maxItems": envelope.items.most})
    for path, kinds in envelope.required:
        _require(schema, path, *kinds)
        if "string" in kinds and (null_values := sorted({*envelope.null_values} - {""})):
            _at(schema, path)["not"] = {"enum": null_values}
    if envelope.account is not None and "type" not in (node := _at(schema, envelope.account)):
        node["type"] = ["string", "null"]
    for path in envelope.identifying:
        node = _at(schema, path)
        if "string" in node.get("type", "string"):
            node["maxLength"] = envelope.max_text_characters
    return schema


def _require(schema: dict[str, Any], path: Path, *kinds: str) -> None:
    node = schema
    for step in path.steps:
        if isinstance(step, int):
            node |= {"type": "array", "minItems": 1}
        else:
            node["type"] = "object"
            required = node.setdefault("required", [])
            if step not in required:
                required.append(step)
        node = _below(node, step)
    # What stands below it may have been said before.
    for kind in kinds:
        node |= _TYPES[kind]
    if len(kinds) > 1:
        node["type"] = list(kinds)


def _at(schema: dict[str, Any], path: Path) -> dict[str, Any]:
    node = schema
    for step in path.steps:
        # Without a type: what is no object has nothing at the path.
        node = _below(node, step)
    return node


def _below(node: dict[str, Any], step: Step) -> dict[str, Any]:
    if isinstance(step, int):
        below: dict[str, Any] = node.setdefault("items", {})
    else:
        below = node.setdefault("properties", {}).setdefault(step, {})
    return below

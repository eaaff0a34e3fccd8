"""The OpenAPI document that the gateway serves; a test holds it against the contract."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from payments_contracts.gateway import Accepted, Problem
from payments_contracts.providers import Provider, SignatureForm
from pydantic.json_schema import models_json_schema

from gateway.body_schema import body_schema
from gateway.problems import MEDIA_TYPE

_CARRIED: Final[Mapping[SignatureForm, str]] = {"bare": "Signature of the body.", "pairs": "Signatures of the body."}
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}


def operation(provider: Provider) -> dict[str, Any]:
    """Return the operation that receives webhooks."""
    return {
        "operationId": f"receive_{provider.name}_webhook",
        "summary": "Receive one webhook",
        "description": "Sending the same event again is harmless: its `event_id` is derived from the event.",
        "parameters": [
            {
                "name": provider.signature.header,
                "in": "header",
                "required": False,
                "description": f"{_CARRIED[provider.signature.form]} Where it is absent the answer is 401.",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "description": (
                f"The event in JSON (RFC 8259), at most {provider.envelope.max_body_bytes} bytes long. "
                "An integer is written without a fraction."
            ),
            "content": {"application/json": {"schema": body_schema(provider.envelope)}},
        },
        "responses": responses(),
    }


def responses() -> dict[str, dict[str, Any]]:
    """Return the answers to a webhook, by their status."""
    return {
        "200": {
            "description": "The event is durable.",
            "content": {"application/json": {"schema": {"$ref": _REF.format(model="Accepted")}}},
        },
        "401": {
            "description": (
                "The signature is absent, unreadable, wrong or too old, the body is empty, or the event happened "
                "longer ago than the provider's contract allows. Nothing was kept."
            ),
            "content": _PROBLEM,
        },
        "408": {
            "description": "The request did not arrive in time. Nothing was kept; send it again, without pauses.",
            "content": _PROBLEM,
        },
        "413": {
            "description": (
                "The body is longer than the provider's contract allows, or than Kafka takes. Nothing was kept."
            ),
            "content": _PROBLEM,
        },
        "422": {
            "description": "The body is authentic, but is not an event. It was kept in the dead-letter topic.",
            "content": _PROBLEM,
        },
        "431": {
            "description": "The header fields are too large. Nothing was kept; send fewer or shorter ones.",
            "content": _PROBLEM,
        },
        "503": {
            "description": (
                "Kafka did not acknowledge in time, or the gateway is starting or stopping. Send the event again."
            ),
            "headers": {
                "Retry-After": {
                    "description": "Seconds to wait before sending it again.",
                    "required": True,
                    "schema": {"type": "integer", "minimum": 1},
                }
            },
            "content": _PROBLEM,
        },
    }


def document(app: FastAPI, provider: Provider) -> dict[str, Any]:
    """Return the app's OpenAPI document, with the operation that FastAPI does not serve itself, and its models."""
    content = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    content["paths"] = {f"/webhooks/{provider.name}": {"post": operation(provider)}} | content["paths"]
    _, definitions = models_json_schema([(Accepted, "serialization"), (Problem, "serialization")], ref_template=_REF)
    content["components"]["schemas"] |= definitions["$defs"]
    return content

"""The OpenAPI document that the gateway serves; a test holds it against the contract."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from payments_contracts import forms
from payments_contracts.gateway import Accepted, Problem
from payments_contracts.providers import Envelope, Header, Provider
from pydantic.json_schema import models_json_schema

from gateway.body_schema import body_schema
from gateway.problems import MEDIA_TYPE

_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}


def operation(provider: Provider) -> dict[str, Any]:
    """Return the operation that receives webhooks."""
    return {
        "operationId": f"receive_{provider.name}_webhook",
        "summary": "Receive one webhook",
        "description": "Sending the same event again is harmless: its `event_id` is derived from the event.",
        "parameters": [
            {"name": name, "in": "header", "required": False, "description": said, "schema": {"type": "string"}}
            for name, said in _headers(provider).items()
        ],
        "requestBody": {
            "required": True,
            "description": _body(provider.envelope),
            "content": {_media_type(provider.envelope): {"schema": body_schema(provider.envelope)}},
        },
        "responses": responses(),
    }


def _body(envelope: Envelope) -> str:
    if (form := envelope.form) is not None:
        return (
            f"The event as a form of UTF-8 texts, at most {envelope.max_body_bytes} bytes long, with at most "
            f"{form.max_fields} fields that are at most {form.max_depth} deep."
        )
    return (
        f"The event in JSON (RFC 8259), at most {envelope.max_body_bytes} bytes long. "
        "An integer is written without a fraction."
    )


def _media_type(envelope: Envelope) -> str:
    return "application/json" if envelope.form is None else forms.MEDIA_TYPE


def _headers(provider: Provider) -> dict[str, str]:
    """Return the headers that a webhook has to have, each with what it is for."""
    signature, envelope = provider.signature, provider.envelope
    certificate = None if signature.certificate is None else signature.certificate.header
    signed = [part.name for part in signature.content if isinstance(part, Header)]
    found = dict.fromkeys(
        (name for name in (signature.header, signature.timestamp_header, certificate, *signed) if name is not None),
        "Part of the signature, or what is signed. Where it is absent the answer is 401.",
    )
    if signature.header is not None:
        found[signature.header] = "The signature of the webhook. Where it is absent the answer is 401."
    for name, source in (("id", envelope.event_id), ("type", envelope.event_type)):
        if isinstance(source, Header):
            found.setdefault(source.name, f"The {name} of the event. Where it is absent the answer is 422.")
    return found


def responses() -> dict[str, dict[str, Any]]:
    """Return the answers to a webhook, by their status."""
    return {
        "200": {
            "description": "The event is durable.",
            "content": {"application/json": {"schema": {"$ref": _REF.format(model="Accepted")}}},
        },
        "401": {
            "description": (
                "The signature is absent, unreadable, wrong or too old, or the body is empty. Nothing was kept."
            ),
            "content": _PROBLEM,
        },
        "403": {
            "description": (
                "The event is authentic, and happened longer ago than the provider's contract allows. Nothing was "
                "kept; a gateway can be set to take old events for some time."
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
    if provider.envelope.form is not None:
        # No other gateway answers so.
        reasons = content["components"]["schemas"].get("ReasonCode", {})
        reasons["enum"] = [*reasons.get("enum", ()), "not_form", "form_too_complex"]
    return content

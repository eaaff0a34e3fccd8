"""The files of a new provider, with a TODO for each fact that only its documentation can tell."""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING, Any

import yaml

from codegen.emit.normalize import MODULES
from codegen.mapping.plan import STAMPED
from codegen.model import GeneratedFile
from codegen.placeholders import todo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.avro import Field
    from codegen.model import Catalog, Provider, Topic

# The name becomes part of a topic's name, in which contracts/meta allows letters only.
_NAME = re.compile(r"[a-z]{2,40}")
_MAX_BODY_BYTES = 524288
_MAX_TEXT_CHARACTERS = 255
_PAYLOAD = "PaymentEvent"
_WEBHOOKS = "the provider's documentation of webhooks"
_SIGNING = "the provider's documentation of webhook signatures"
_REFERENCE = "the provider's API reference of the event"
_LANGUAGE = "contracts/README.md for the mapping language, and the API reference of the event for the field"


class ScaffoldError(Exception):
    """A provider of this name cannot be made; the message says why and what to do."""


def scaffold(catalog: Catalog, name: str) -> tuple[GeneratedFile, ...]:
    """Return the files of a new provider, by their paths below the contracts folder.

    What all providers have in common is taken from one that is there: its raw topic, the record
    that it maps onto.

    Raises:
        ScaffoldError: The name cannot be a provider's, is taken, or there is no provider to go by.
    """
    sample, topic = _sample(catalog, name)
    title = name.capitalize()
    new_topic = {
        **topic.source.data,
        "name": topic.name.replace(sample.name, name),
        "description": topic.description.replace(sample.title, title),
        "provider": name,
    }
    folder = f"providers/{name}"
    files = {
        f"{folder}/provider.yaml": _provider(name),
        f"{folder}/payload.openapi.yaml": _payload(title),
        f"{folder}/mapping.yaml": _mapping(catalog, sample, name),
        f"topics/{new_topic['name']}.yaml": new_topic,
        **{f"{folder}/examples/{file}.yaml": example for file, example in _examples(name)},
    }
    return tuple(GeneratedFile(path, _dumped(data)) for path, data in files.items())


def _sample(catalog: Catalog, name: str) -> tuple[Provider, Topic]:
    if not _NAME.fullmatch(name):
        raise ScaffoldError(f"{name!r} cannot be a provider's name: use 2 to 40 letters from a to z, such as acme")
    if keyword.iskeyword(name) or name in MODULES:
        raise ScaffoldError(f"{name!r} cannot be a provider's name: the module of its mapping could not be called so")
    if name in {provider.name for provider in catalog.providers}:
        raise ScaffoldError(f"there is a provider {name!r} already, in providers/{name}: choose another name")
    for provider in catalog.providers:
        topic = next((each for each in catalog.topics if each.provider == provider.name), None)
        if topic is not None:
            return provider, topic
    raise ScaffoldError("the contracts have no provider with a topic to go by: write the first one by hand")


def _provider(name: str) -> dict[str, Any]:
    timed = "remove the line where the signed content has no {timestamp}"
    return {
        "kind": "provider",
        "name": name,
        "title": todo("the provider's name as people write it", "its website"),
        "documentation": todo("the https address of its documentation of webhooks", "its website"),
        "signature": {
            "header": todo("the HTTP header with the signature", _SIGNING),
            "form": todo("bare or pairs: whether the header is the signature alone or key=value pairs", _SIGNING),
            "timestamp_key": todo(f"the key of the pair with the time of signing; {timed}", _SIGNING),
            "signature_key": todo("the key of the pair with the signature; remove the line with bare", _SIGNING),
            "signed_content": todo("what is signed, such as {timestamp}.{body}", _SIGNING),
            "digest": todo("hmac-sha1, hmac-sha256 or hmac-sha512", _SIGNING),
            "encoding": todo("hex or base64: how the signature is written", _SIGNING),
            "key_encoding": todo("how the secret is written, such as utf-8", "meta/provider.schema.json"),
            "tolerance_seconds": todo(f"how old a signature may be, such as 300; {timed}", _SIGNING),
            "future_tolerance_seconds": todo(f"how far its clock may be ahead, such as 60; {timed}", _SIGNING),
        },
        "envelope": {
            "event_id": todo("the path of the event's id", _REFERENCE),
            "event_type": todo("the path of the event's type", _REFERENCE),
            "created_at": todo("the path of the time when it happened", _REFERENCE),
            "merchant_id": [todo("the path of the merchant; [] where the payload names none", _REFERENCE)],
            "required": todo("paths that every event has, with their JSON types: {id: string}", _REFERENCE),
            "headers_kept": [todo("the HTTP header with the signature", _SIGNING), "Content-Type", "User-Agent"],
            "max_body_bytes": _MAX_BODY_BYTES,
            "max_text_characters": _MAX_TEXT_CHARACTERS,
            "max_event_age_seconds": todo(
                "for how many seconds after an event its webhook is sent again, with a margin; "
                "remove the line where the signed content has {timestamp}",
                _WEBHOOKS,
            ),
        },
    }


def _payload(title: str) -> dict[str, Any]:
    schema = todo("the event as an object: type, description and properties, personal data tagged", _REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"What {title} sends",
            "version": "1",
            "description": todo("which parts, of which API versions, and where the facts are from", _WEBHOOKS),
        },
        "paths": {},
        "components": {"schemas": {_PAYLOAD: schema}},
    }


def _mapping(catalog: Catalog, sample: Provider, name: str) -> dict[str, Any]:
    mapped = sample.mapping
    record = catalog.record(mapped.record, mapped.version).record
    known: dict[str, object] = {"provider": {"const": name}, "merchant_id": {"envelope": "merchant_id"}}
    fields = {
        field.name: known.get(field.name) or _field(field) for field in record.fields if field.name not in STAMPED
    }
    events = [todo("a type of event to accept, one line for each", _WEBHOOKS)]
    return {
        "kind": "mapping",
        "provider": name,
        "record": mapped.record,
        "event_type": todo("the path of the event's type, as in provider.yaml", _REFERENCE),
        "groups": [{"name": "payment", "payload": _PAYLOAD, "events": events, "fields": fields}],
    }


def _field(field: Field) -> str:
    absent = ", or {const: null} where the provider has no such thing" if field.nullable else ""
    return todo(f"an expression for: {field.doc.rstrip('.')}{absent}", _LANGUAGE)


def _examples(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    event_type = todo("the type of event that it shows, as in mapping.yaml", _WEBHOOKS)
    tried = f"contracts/providers/{name}/examples"
    yield (
        "accepted",
        {
            "kind": "example",
            "description": "An event with everything that a mapping reads.",
            "outcome": "accepted",
            "event_type": event_type,
            "body": todo("the body of such a webhook, with values of your own", _WEBHOOKS),
            "expected": {
                "event": todo(
                    "the event that it becomes, last of all",
                    f"what `codegen try {name} {tried}/accepted.yaml` prints once {{}} stands here",
                ),
            },
        },
    )
    yield (
        "rejected",
        {
            "kind": "example",
            "description": "The same with values that the rules refuse.",
            "outcome": "rejected",
            "event_type": event_type,
            "base": "accepted",
            "merge": todo("what is wrong with it, as a JSON Merge Patch on the accepted one", "rules/validation.yaml"),
            "expected": {"reason_codes": todo("the reasons, in field order", "rules/validation.yaml")},
        },
    )
    yield (
        "malformed.not_json",
        {
            "kind": "example",
            "description": "No JSON.",
            "outcome": "malformed",
            "body_text": "id=1",
            "expected": {"reason_codes": ["not_json"]},
        },
    )


def _dumped(data: Mapping[str, Any]) -> bytes:
    # No line is folded, so that each TODO is one line.
    text: str = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=10_000)
    return text.encode()

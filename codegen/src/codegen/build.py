"""From documents, whose shape the meta schemas have approved, to the objects of the model."""

from __future__ import annotations

import base64
import binascii
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from codegen.findings import ContractError, Finding
from codegen.form import written
from codegen.language.read import read_mapping, read_path
from codegen.maintenance import maintenance
from codegen.model import (
    Attempts,
    Example,
    Freshness,
    Identity,
    Payload,
    Provider,
    Table,
    Topic,
    Transformed,
)
from codegen.reception import envelope_of
from codegen.rules import millis
from codegen.staging import staging
from codegen.webhooks import Certificate, Envelope, KeySet, Signature, signature_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codegen.document import Document
    from codegen.language.model import Path

Built = TypeVar("Built")

# Copies of a topic, unless its contract says otherwise: one broker may be lost, another be restarted.
_REPLICAS = 3
# What every client of Kafka takes without being told: librdkafka's `message.max.bytes`, the smallest of theirs.
_MESSAGE_BYTES = 1_000_000
_SECRETS_MERCHANT = "merch_local"


def topic(document: Document) -> Topic:
    """Return the topic that a file declares."""
    data = document.data
    lists = {name: tuple(data.get(name, ())) for name in ("producers", "retired")}
    usual = {"replicas": _REPLICAS, "max_message_bytes": _MESSAGE_BYTES}
    return _fitted(Topic, {**usual, **data, **lists, "source": document})


def _fitted(made: Callable[..., Built], data: Mapping[str, Any]) -> Built:
    # The meta schema has seen to it that nothing is missing or left over today. In contracts of an earlier commit,
    # which an earlier meta schema described, a name may be unknown here, and a later one absent.
    return made(**{each.name: data.get(each.name) for each in fields(made)})  # type: ignore[arg-type]


def table(document: Document, version: int) -> Table:
    """Return the table that a file declares, which holds this version of its record."""
    data = document.data
    namespace, _, name = data["name"].partition(".")
    return Table(
        namespace=namespace,
        name=name,
        description=data["description"],
        record=data["record"],
        version=version,
        owner=data["owner"],
        writer=data["writer"],
        key=tuple(data["key"]),
        partition=tuple(Transformed(**each) for each in data["partition"]),
        sort=tuple(Transformed(**each) for each in data["sort"]),
        properties=data["properties"],
        freshness=_fitted(Freshness, data["freshness"]) if "freshness" in data else None,
        maintenance=maintenance(data),
        staging=staging(data),
        source=document,
    )


def identity(document: Document) -> Identity:
    """Return the namespaces that a file declares."""
    return Identity(document.data["event_namespace"], document.data["body_namespace"], document)


def provider(
    document: Document,
    mapping: Document,
    payload: Payload,
    examples: Mapping[str, Document],
    *,
    version: int,
    null_values: tuple[str, ...] = (),
    broken: frozenset[str] = frozenset(),
) -> Provider:
    """Return a provider from the files of its folder; raises ContractError where an example has no such base.

    `version` is that of the record which its mapping fills, `null_values` the texts that mean null. `broken` are the
    names of examples that are there but cannot be read: nothing is said about those they are base of.
    """
    data = document.data
    envelope = envelope_of(data["envelope"], null_values)
    return Provider(
        name=data["name"],
        title=data["title"],
        documentation=data["documentation"],
        signature=signature(data["signature"]),
        envelope=envelope,
        currencies={code: each["exponent"] for code, each in data.get("currencies", {}).items()},
        mapping=read_mapping(mapping.data, version),
        payload=replace(payload, merchant_maps=_merchant_maps(data)),
        unmapped=data.get("unmapped", {}),
        examples=_examples(data["name"], envelope, {_stem(path): each for path, each in examples.items()}, broken),
        lives=(),
        source=document,
        mapping_source=mapping,
        attempts=Attempts(**data["attempts"]) if "attempts" in data else None,
    )


def _merchant_maps(data: Mapping[str, Any]) -> dict[Path, frozenset[str]]:
    declared = data.get("merchant_metadata", {})
    return {read_path(path): frozenset(declared["keys"]) for path in declared.get("paths", ())}


def signature(data: Mapping[str, Any]) -> Signature:
    """Return the signature that a contract declares, or takes from a profile."""
    data = signature_parts(data)
    read = {
        "pair_separator": ",",
        "key_separator": "=",
        "timestamp_format": "seconds",
        **data,
        "field": read_path(data["field"]) if "field" in data else None,
        "algorithms": tuple(data.get("algorithms", ())),
    }
    if (certificate := data.get("certificate")) is not None:
        hosts, names = (tuple(certificate[each]) for each in ("hosts", "names"))
        # In contracts of an earlier commit there is no path.
        read["certificate"] = Certificate(certificate["header"], hosts, certificate.get("path", "/"), names)
    if (key_set := data.get("key_set")) is not None:
        read["key_set"] = KeySet(key_set["url"], key_set.get("issuer"), tuple(key_set.get("thumbprints", ())))
    return _fitted(Signature, read)


def _examples(
    provider_name: str, envelope: Envelope, documents: Mapping[str, Document], broken: frozenset[str]
) -> tuple[Example, ...]:
    findings: list[Finding] = []
    found: list[Example] = []
    for name, document in documents.items():
        data = document.data
        try:
            body = _body(name, documents, ())
        except binascii.Error as error:
            message = f"this is not Base64: {error}"
            findings.append(document.finding("example-base", ("body_base64",), message, "encode the body again"))
            continue
        except _NoBaseError as error:
            if error.name in broken:
                continue
            findings.append(document.finding("example-base", ("base",), str(error), "name another example with a body"))
            continue
        expected = data.get("expected", {})
        found.append(
            Example(
                provider=provider_name,
                name=name,
                kind=data["outcome"],
                description=data["description"],
                event_type=data.get("event_type"),
                merchant_id=merchant(envelope, body, data.get("merchant_id", _SECRETS_MERCHANT)),
                headers=_headers(name, documents),
                body=body if isinstance(body, bytes) else written(envelope.form, body),
                event=expected.get("event"),
                reason_codes=tuple(expected.get("reason_codes", ())),
                source=document,
                received_at=millis(data["received_at"]) if "received_at" in data else None,
            )
        )
    if findings:
        raise ContractError(tuple(findings))
    return tuple(found)


class _NoBaseError(Exception):
    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def _body(name: str, documents: Mapping[str, Document], above: tuple[str, ...]) -> Any:
    if name not in documents:
        raise _NoBaseError(name, f"there is no example {name!r}")
    if name in above:
        raise _NoBaseError(name, f"the example {name!r} is its own base")
    data = documents[name].data
    if "body" in data:
        return data["body"]
    if "body_text" in data:
        return data["body_text"].encode()
    if "body_base64" in data:
        return base64.b64decode(data["body_base64"], validate=True)
    return merge(_body(data["base"], documents, (*above, name)), data["merge"])


def _headers(name: str, documents: Mapping[str, Document]) -> dict[str, str]:
    """Return an example's headers with names in lower case, those of its base among them."""
    data = documents[name].data
    base = _headers(data["base"], documents) if "base" in data else {}
    return base | {key.lower(): text for key, text in data.get("headers", {}).items()}


def merge(base: Any, patch: Any) -> Any:
    """Return the result of a JSON Merge Patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def merchant(envelope: Envelope, body: Any, otherwise: str) -> str:
    """Return the merchant that a gateway finds in a parsed body, or the one that its endpoint's secret belongs to.

    Merchants' own texts are among the places. One that is too long to be an id, or blank, names nobody.
    """
    for path in envelope.merchant_id:
        value = at(body, path)
        if isinstance(value, str) and names_merchant(envelope, value):
            return value
    return otherwise


def names_merchant(envelope: Envelope, text: str) -> bool:
    """Return whether a text at a merchant's place is one's id."""
    # There is no limit in contracts of an earlier commit.
    longest = envelope.max_text_characters or len(text)
    return len(text) <= longest and not envelope.is_absent(text.strip())


def at(body: Any, path: Path) -> Any:
    """Return the value at a path of a JSON value; None where any step of it is absent or has another shape."""
    for step in path.steps:
        if isinstance(step, int):
            body = body[step] if isinstance(body, list) and step < len(body) else None
        else:
            body = body.get(step) if isinstance(body, dict) else None
    return body


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".yaml")

"""What gateways, simulators and tests know of providers: `providers.py`, `examples.py`, `identity.py`, `rules.py`.

Deployments take the list of gateways from `gateways.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.text import PACKAGE, dumped, literal, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Path, Step
    from codegen.model import Catalog, Example, GeneratedFile, Provider


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the modules about providers, their examples, and the ids and reasons of their events."""
    yield render(
        f"{PACKAGE}/providers.py",
        "providers.py",
        notice=notice("contracts/providers"),
        providers=[(each.name, _provider(each)) for each in catalog.providers],
    )
    listed = [{"provider": each.name, "title": each.title} for each in catalog.providers]
    yield dumped("gateways.json", {"source": "contracts/providers", "gateways": listed})
    yield render(
        f"{PACKAGE}/examples.py",
        "examples.py",
        notice=notice("contracts/providers/*/examples"),
        examples=[_example(example) for each in catalog.providers for example in each.examples],
    )
    yield render(
        f"{PACKAGE}/identity.py",
        "identity.py",
        notice=notice(f"contracts/{catalog.identity.source.path}"),
        identity=catalog.identity,
    )
    yield render(
        f"{PACKAGE}/rules.py",
        "rules.py",
        notice=notice("contracts/rules"),
        validation=dict(catalog.validation.reason_codes),
        ingestion=dict(catalog.ingestion.reason_codes),
    )
    yield render(
        f"{PACKAGE}/currencies.py",
        "currencies.py",
        notice=notice("contracts/reference/iso4217.yaml"),
        exponents={each.code: each.exponent for each in catalog.currencies},
    )


def _keys(path: Path | None) -> tuple[Step, ...] | None:
    return None if path is None else path.steps


def _provider(provider: Provider) -> list[tuple[str, str]]:
    signature, envelope = provider.signature, provider.envelope
    return [
        ("name", literal(provider.name)),
        ("title", literal(provider.title)),
        (
            "signature",
            _call(
                "Signature",
                [
                    ("header", signature.header),
                    ("form", signature.form),
                    ("signed_content", signature.signed_content),
                    ("digest", signature.digest),
                    ("encoding", signature.encoding),
                    ("key_encoding", signature.key_encoding),
                    ("timestamp_key", signature.timestamp_key),
                    ("signature_key", signature.signature_key),
                    ("tolerance_seconds", signature.tolerance_seconds),
                    ("future_tolerance_seconds", signature.future_tolerance_seconds),
                ],
            ),
        ),
        (
            "envelope",
            _call(
                "Envelope",
                [
                    ("event_id", _keys(envelope.event_id)),
                    ("event_type", _keys(envelope.event_type)),
                    ("api_version", _keys(envelope.api_version)),
                    ("created_at", _keys(envelope.created_at)),
                    ("account", _keys(envelope.account)),
                    ("merchant_id", tuple(path.steps for path in envelope.merchant_id)),
                    ("required", tuple((path.steps, name) for path, name in envelope.required)),
                    ("headers_kept", envelope.headers_kept),
                    ("max_body_bytes", envelope.max_body_bytes),
                    ("max_text_characters", envelope.max_text_characters),
                    ("max_event_age_seconds", envelope.max_event_age_seconds),
                ],
            ),
        ),
        ("accepted_event_types", literal(provider.accepted_event_types, 8)),
    ]


def _call(name: str, arguments: list[tuple[str, object]]) -> str:
    lines = "".join(f"            {key}={literal(value, 12)},\n" for key, value in arguments)
    return f"{name}(\n{lines}        )"


def _example(example: Example) -> list[tuple[str, str]]:
    return [
        ("provider", literal(example.provider)),
        ("name", literal(example.name)),
        ("kind", literal(example.kind)),
        ("event_type", literal(example.event_type)),
        ("merchant_id", literal(example.merchant_id)),
        ("body", literal(example.body)),
        ("reason_codes", literal(example.reason_codes)),
        ("event", literal(None if example.event is None else dict(example.event), 8)),
    ]

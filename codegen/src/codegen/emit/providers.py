"""What gateways, simulators and tests know of providers: `providers.py`, `examples.py`, `identity.py`, `rules.py`.

Deployments take the list of gateways from `gateways.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.language.model import Path
from codegen.text import PACKAGE, dumped, literal, notice, render
from codegen.webhooks import First, Header, Joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Step
    from codegen.model import Attempts, Catalog, Example, GeneratedFile, Life, Provider
    from codegen.webhooks import Envelope, Signature, Source


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the modules about providers, their examples, and the ids and reasons of their events."""
    yield render(
        f"{PACKAGE}/providers.py",
        "providers.py",
        notice=notice("contracts/providers"),
        providers=[(each.name, _provider(each)) for each in catalog.providers],
    )
    yield render(f"{PACKAGE}/forms.py", "forms.py", notice=notice("codegen/src/codegen/templates"))
    listed = [{"provider": each.name, "title": each.title} for each in catalog.providers]
    yield dumped("gateways.json", {"source": "contracts/providers", "gateways": listed})
    yield render(
        f"{PACKAGE}/examples.py",
        "examples.py",
        notice=notice("contracts/providers/*/examples"),
        examples=[_example(example) for each in catalog.providers for example in each.examples],
    )
    yield render(
        f"{PACKAGE}/lifecycles.py",
        "lifecycles.py",
        notice=notice("contracts/providers/*/lifecycles.yaml"),
        lives=[(life, provider.name) for provider in catalog.providers for life in provider.lives],
        steps_of=_steps,
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
        notice=notice("contracts/reference/iso4217.yaml, contracts/providers"),
        exponents=dict(sorted(catalog.exponents.items())),
    )


@dataclass(frozen=True, slots=True)
class _Code:
    """Python text that stands for itself."""

    text: str


def _keys(path: Path | None) -> tuple[Step, ...] | None:
    return None if path is None else path.steps


def _source(source: Source) -> object:
    match source:
        case Path(steps):
            return steps
        case Header(name):
            return _Code(f"Header({literal(name)})")
        case Joined(paths, separator):
            return _Code(f"Joined({literal(tuple(path.steps for path in paths))}, {literal(separator)})")
        case First(paths):
            return _Code(f"First({literal(tuple(path.steps for path in paths))})")


def _provider(provider: Provider) -> list[tuple[str, str]]:
    return [
        ("name", literal(provider.name)),
        ("title", literal(provider.title)),
        ("signature", _signature(provider.signature)),
        ("envelope", _envelope(provider.envelope)),
        ("accepted_event_types", literal(provider.accepted_event_types, 8)),
        ("unmapped", literal(dict(provider.unmapped), 8)),
        ("attempts", _attempts(provider.attempts)),
    ]


def _attempts(attempts: Attempts | None) -> str:
    return "None" if attempts is None else f"Attempts({literal(attempts.at)}, {literal(attempts.key)})"


def _signature(signature: Signature) -> str:
    shared = ("header", "form", "pair_separator", "key_separator", "signed_content", "digest", "encoding")
    keys = ("key_encoding", "secret_prefix", "timestamp_key", "timestamp_header", "timestamp_format", "signature_key")
    certificate = signature.certificate
    arguments: list[tuple[str, object]] = [
        *((name, getattr(signature, name)) for name in shared),
        ("field", _keys(signature.field)),
        *((name, getattr(signature, name)) for name in keys),
        ("tolerance_seconds", signature.tolerance_seconds),
        ("future_tolerance_seconds", signature.future_tolerance_seconds),
        (
            "certificate",
            None
            if certificate is None
            else _Code(
                f"Certificate({literal(certificate.header)}, {literal(certificate.hosts)}, "
                f"{literal(certificate.path)}, {literal(certificate.names)})"
            ),
        ),
        ("algorithms", signature.algorithms),
        ("key_set", _key_set(signature)),
        ("digest_claim", signature.digest_claim),
    ]
    return _call("Signature", arguments)


def _key_set(signature: Signature) -> _Code | None:
    keys = signature.key_set
    if keys is None:
        return None
    return _Code(f"KeySet({literal(keys.url)}, {literal(keys.issuer)}, {literal(keys.thumbprints)})")


def _envelope(envelope: Envelope) -> str:
    items = envelope.items
    return _call(
        "Envelope",
        [
            ("event_id", _source(envelope.event_id)),
            ("event_type", _source(envelope.event_type)),
            ("api_version", _keys(envelope.api_version)),
            ("created_at", _source(envelope.created_at)),
            ("created_at_unit", envelope.created_at_unit),
            ("account", _keys(envelope.account)),
            ("merchant_id", tuple(path.steps for path in envelope.merchant_id)),
            ("required", tuple((path.steps, kinds) for path, kinds in envelope.required)),
            ("items", None if items is None else _Code(f"Items({literal(items.path.steps)}, {items.most})")),
            ("headers_kept", envelope.headers_kept),
            ("max_body_bytes", envelope.max_body_bytes),
            ("max_text_characters", envelope.max_text_characters),
            ("max_event_age_seconds", envelope.max_event_age_seconds),
            ("null_values", frozenset(envelope.null_values)),
            ("livemode", _livemode(envelope)),
            ("form", _form(envelope)),
        ],
    )


def _form(envelope: Envelope) -> _Code | None:
    form = envelope.form
    return None if form is None else _Code(f"Form({form.max_fields}, {form.max_depth}, {literal(form.repeats)})")


def _livemode(envelope: Envelope) -> _Code | None:
    if envelope.livemode is None:
        return None
    source = _source(envelope.livemode.source)
    place = source.text if isinstance(source, _Code) else literal(source)
    return _Code(f"Livemode({place}, {literal(tuple(envelope.livemode.table.items()))})")


def _call(name: str, arguments: list[tuple[str, object]]) -> str:
    lines = "".join(
        f"            {key}={value.text if isinstance(value, _Code) else literal(value, 12)},\n"
        for key, value in arguments
    )
    return f"{name}(\n{lines}        )"


def _steps(life: Life) -> list[list[tuple[str, str]]]:
    return [
        [
            ("example", literal(step.example)),
            ("event_type", literal(step.event_type)),
            ("headers", literal(dict(step.headers))),
            ("body", literal(step.body)),
            ("event", literal(dict(step.event), 16)),
            ("payment", literal(None if step.payment is None else dict(step.payment), 16)),
        ]
        for step in life.steps
    ]


def _example(example: Example) -> list[tuple[str, str]]:
    return [
        ("provider", literal(example.provider)),
        ("name", literal(example.name)),
        ("kind", literal(example.kind)),
        ("event_type", literal(example.event_type)),
        ("merchant_id", literal(example.merchant_id)),
        ("headers", literal(dict(example.headers))),
        ("body", literal(example.body)),
        ("reason_codes", literal(example.reason_codes)),
        ("event", literal(None if example.event is None else dict(example.event), 8)),
        *((("received_at", literal(example.received_at)),) if example.received_at is not None else ()),
    ]

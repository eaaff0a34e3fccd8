"""Rules on signatures: a gateway must be able to tell authentic from forged or replayed by the contract alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog, Provider, Signature

_TIMED = ("timestamp_key", "tolerance_seconds", "future_tolerance_seconds")
_AGE = "max_event_age_seconds"
# What `created_at` may be: ISO 8601, or seconds since 1970.
_INSTANTS = frozenset({"string", "integer"})


def contradictory(catalog: Catalog) -> Iterator[Finding]:
    """Yield signatures whose parts do not belong together, and webhooks that could be replayed for ever."""
    for provider in catalog.providers:
        for part, message, hint in _contradictions(provider.signature):
            yield provider.source.finding("signature", ("signature", part), message, hint)
        yield from _ageless(provider)


def _ageless(provider: Provider) -> Iterator[Finding]:
    envelope = provider.envelope
    if envelope.max_event_age_seconds is None:
        if "{timestamp}" not in provider.signature.signed_content:
            message = f"neither {{timestamp}} is signed nor is there {_AGE}: a webhook could be replayed for ever"
            hint = f"add {_AGE} to the envelope: for how long the provider sends an event again, with a margin"
            yield provider.source.finding("signature", ("signature", "signed_content"), message, hint)
    elif dict(envelope.required).get(envelope.created_at) not in _INSTANTS:
        message = f"an event without an instant at {envelope.created_at} would have no age"
        hint = f"demand {envelope.created_at} among `required`, as a string or an integer"
        yield provider.source.finding("signature", ("envelope", _AGE), message, hint)


def _contradictions(signature: Signature) -> Iterator[tuple[str, str, str]]:
    """Yield the part that is wrong, what is wrong with it, and the remedy."""
    bodies = signature.signed_content.count("{body}")
    if bodies != 1:
        yield "signed_content", f"the signed content has {{body}} {bodies} times", "put it in exactly once"
    if (signature.form == "pairs") != (signature.signature_key is not None):
        yield "signature_key", "`form: pairs` and signature_key belong together", "give both, or neither"
    timed = "{timestamp}" in signature.signed_content
    if timed and signature.form == "bare":
        hint = "use `form: pairs`, or leave {timestamp} out"
        yield "signed_content", "a bare signature brings no timestamp that could be signed", hint
    for part in _TIMED:
        present = getattr(signature, part) is not None
        if timed and not present:
            yield "signed_content", f"{{timestamp}} is signed, but there is no {part}", f"add {part}"
        elif present and not timed:
            hint = "sign {timestamp}, or remove it"
            yield part, f"{part} is of no use where {{timestamp}} is not signed", hint
    if signature.timestamp_key is not None and signature.timestamp_key == signature.signature_key:
        yield "timestamp_key", "timestamp and signatures have the same key", "give each the key that the provider uses"

"""Rules on signatures: a gateway must be able to tell authentic from forged by the contract alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog, Signature

_TIMED = ("timestamp_key", "tolerance_seconds", "future_tolerance_seconds")


def contradictory(catalog: Catalog) -> Iterator[Finding]:
    """Yield signatures whose parts do not belong together."""
    for provider in catalog.providers:
        for part, message, hint in _contradictions(provider.signature):
            yield provider.source.finding("signature", ("signature", part), message, hint)


def _contradictions(signature: Signature) -> Iterator[tuple[str, str, str]]:
    """Yield the part that is wrong, what is wrong with it, and the remedy."""
    bodies = signature.signed_content.count("{body}")
    if bodies != 1:
        yield "signed_content", f"{{body}} stands {bodies} times in the signed content", "let it stand exactly once"
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

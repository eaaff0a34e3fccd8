"""Rules on signatures: a gateway must be able to tell authentic from forged or replayed by the contract alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.language.model import Path
from codegen.webhooks import Header, paths_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog, Provider
    from codegen.webhooks import Signature

_TIMED = ("timestamp_key", "tolerance_seconds", "future_tolerance_seconds")
_AGE = "max_event_age_seconds"
_BODIES = ("{body}", "{body_crc32}")
# What `created_at` may be: ISO 8601, or seconds since 1970.
_INSTANTS = frozenset({"string", "integer"})


def contradictory(catalog: Catalog) -> Iterator[Finding]:
    """Yield signatures whose parts do not belong together, and webhooks that could be replayed for ever."""
    for provider in catalog.providers:
        for part, message, hint in _contradictions(provider.signature):
            yield provider.source.finding("signature", ("signature", part), message, hint)
        yield from _uncovered(provider)
        yield from _ageless(provider)
        yield from _dropped(provider)


def _uncovered(provider: Provider) -> Iterator[Finding]:
    """Yield what tells one event from another and is not signed."""
    signature, envelope = provider.signature, provider.envelope
    place = ("signature", "signed_content")
    bodies = sum(signature.signed_content.count(each) for each in _BODIES)
    if not signature.signed_fields:
        if bodies != 1:
            message = f"the signed content has {{body}} {bodies} times"
            hint = "put it in exactly once, or {body_crc32}, or sign fields of the body"
            yield provider.source.finding("signature", place, message, hint)
        if signature.field is not None:
            message = "the body holds its own signature, which would have to sign itself"
            yield provider.source.finding("signature", place, message, "sign fields of the body with {field:…}")
        return
    if bodies:
        yield provider.source.finding("signature", place, "the body and its fields are both signed", "sign one of them")
    for name in ("event_id", "event_type"):
        unsigned = [path for path in paths_of(getattr(envelope, name)) if path not in signature.signed_fields]
        for path in unsigned:
            message = f"{path} is part of the {name} and is not signed: whoever sees a webhook could make others of it"
            yield provider.source.finding("signature", place, message, f"sign it: {{field:{path}}}")


def _ageless(provider: Provider) -> Iterator[Finding]:
    envelope = provider.envelope
    if envelope.max_event_age_seconds is None:
        if not provider.signature.covers_time:
            message = f"neither {{timestamp}} is signed nor is there {_AGE}: a webhook could be replayed for ever"
            hint = f"add {_AGE} to the envelope: for how long the provider sends an event again, with a margin"
            yield provider.source.finding("signature", ("signature", "signed_content"), message, hint)
        return
    required = dict(envelope.required)
    if isinstance(envelope.created_at, Path) and not _INSTANTS.issuperset(required.get(envelope.created_at, ("null",))):
        message = f"an event without an instant at {envelope.created_at} would have no age"
        hint = f"demand {envelope.created_at} among `required`, as a string or an integer"
        yield provider.source.finding("signature", ("envelope", _AGE), message, hint)


def _dropped(provider: Provider) -> Iterator[Finding]:
    """Yield headers that are needed to verify a webhook again, or to read it, and are not kept."""
    envelope = provider.envelope
    sources = [envelope.event_id, envelope.event_type, envelope.created_at]
    if envelope.livemode is not None:
        sources.append(envelope.livemode.source)
    needed = [*provider.signature.headers, *(each.name for each in sources if isinstance(each, Header))]
    kept = {name.lower() for name in envelope.headers_kept}
    for name in dict.fromkeys(needed):
        if name.lower() not in kept:
            message = f"the header {name} is needed and not kept"
            yield provider.source.finding("signature", ("envelope", "headers_kept"), message, "keep it")


def _contradictions(signature: Signature) -> Iterator[tuple[str, str, str]]:
    """Yield the part that is wrong, what is wrong with it, and the remedy."""
    if (signature.header is None) == (signature.field is None):
        yield "header", "the signature is in one place", "give header, or field where the body holds it"
    if (signature.form == "pairs") != (signature.signature_key is not None):
        yield "signature_key", "`form: pairs` and signature_key belong together", "give both, or neither"
    if (signature.form == "jws") != (signature.digest == "jws"):
        yield "digest", "`form: jws` says how it is signed", "leave digest and encoding out, and list the algorithms"
    for part in ("algorithms", "digest_claim", "key_set"):
        if signature.form != "jws" and getattr(signature, part):
            yield part, f"{part} is of no use without `form: jws`", "remove it"
    yield from _untimed(signature)
    if signature.timestamp_key is not None and signature.timestamp_key == signature.signature_key:
        yield "timestamp_key", "timestamp and signatures have the same key", "give each the key that the provider uses"
    yield from _keyless(signature)


def _untimed(signature: Signature) -> Iterator[tuple[str, str, str]]:
    timed, written = signature.covers_time, "{timestamp}" in signature.signed_content
    if written and signature.form != "pairs" and signature.timestamp_header is None:
        hint = "use `form: pairs` or timestamp_header, or leave {timestamp} out"
        kind = "bare signature" if signature.form == "bare" else "JWS"
        yield "signed_content", f"a {kind} brings no timestamp that could be signed", hint
    if signature.timestamp_key is not None and signature.timestamp_header is not None:
        yield "timestamp_header", "the timestamp is in one place", "give timestamp_key or timestamp_header"
    for part in _TIMED:
        present = getattr(signature, part) is not None
        if part == "timestamp_key" and signature.timestamp_header is not None:
            continue
        if timed and not present:
            yield "signed_content", f"{{timestamp}} is signed, but there is no {part}", f"add {part}"
        elif present and not timed:
            hint = "sign {timestamp}, or remove it"
            yield part, f"{part} is of no use where {{timestamp}} is not signed", hint
    if signature.timestamp_header is not None and not written:
        hint = "sign {timestamp}, or remove it"
        yield "timestamp_header", "timestamp_header is of no use where {timestamp} is not signed", hint


def _keyless(signature: Signature) -> Iterator[tuple[str, str, str]]:
    if signature.is_asymmetric:
        given = [signature.key_encoding == "pem", signature.certificate is not None, signature.key_set is not None]
        if given.count(True) != 1 or (signature.form == "jws" and signature.certificate is not None):
            other = "key_set" if signature.form == "jws" else "certificate"
            hint = f"give {other}, or `key_encoding: pem` where the endpoint's secret is the key"
            yield "digest", f"{signature.digest} verifies with a public key from one place", hint
    else:
        if signature.key_encoding in {None, "pem"}:
            yield "digest", f"{signature.digest} needs a secret", "say with key_encoding how it is written"
        if signature.certificate is not None:
            yield "certificate", f"{signature.digest} has no certificate", "remove it"
        if "{secret}" in signature.signed_content:
            yield "signed_content", "a secret that is a key is not signed", "remove {secret}"

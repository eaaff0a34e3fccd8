"""Rules on providers: what came in goes on coming in, as the same event, for the same reasons.

Signatures and envelopes are compared as their files say them: what an earlier meta schema did not know, or called by
another name, is not a difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.compat.breakage import Breakage, broken, gone
from codegen.reception import kinds
from codegen.webhooks import signature_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.model import Catalog, Provider

_TOLERANCES = ("tolerance_seconds", "future_tolerance_seconds")
# What is said of a limit, and what it was where there was none.
_LIMITS = {
    "max_body_bytes": ("bodies may have {} bytes, and could have {}", "any number"),
    "max_text_characters": ("texts of the envelope may have {} characters, and could have {}", "any number"),
    "max_event_age_seconds": ("events may be {} seconds old, and could be {}", "of any age"),
}


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield providers that are gone."""
    names = {provider.name for provider in new.providers}
    for provider in old.providers:
        if provider.name not in names:
            message = f"the provider {provider.name} is gone, and goes on sending webhooks"
            hint = "put it back; first remove its endpoint at the provider"
            yield gone(("provider", provider.name), provider.source, message, hint)


def events_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield event types that were normalized and that no mapping covers now."""
    for before, after in _both(old, new):
        for event in sorted(before.accepted_event_types - after.accepted_event_types):
            message = f"{after.name} sends {event}, which was normalized and would only be counted as unsupported"
            hint = "leave it in its group"
            concern = ("event", after.name, event)
            yield broken(concern, after.mapping_source, ("groups",), message, hint)


def target_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield mappings onto another record, or onto an older version."""
    for before, after in _both(old, new):
        one, other = before.mapping, after.mapping
        if one.record != other.record or other.version < one.version:
            message = (
                f"events of {after.name} became {one.record} v{one.version} "
                f"and are to become {other.record} v{other.version}"
            )
            place: Place = ("record",) if one.record != other.record else ("version",)
            hint = "map onto the same record, and onto no older version"
            yield broken(("provider", after.name, "mapping"), after.mapping_source, place, message, hint)


def signature_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield signatures that are verified in another way, or within a narrower tolerance."""
    for before, after in _both(old, new):
        one, other = (signature_parts(each.source.data["signature"]) for each in (before, after))
        for key in one.keys() & other.keys():
            if _verifies_less(key, one[key], other[key]):
                message = f"{after.name} signs with {key} {one[key]!r}, and {other[key]!r} is to be verified"
                hint = "leave it, unless the provider has changed: what is signed the old way would get 401"
                concern = ("provider", after.name, "signature", key)
                yield broken(concern, after.source, ("signature", key), message, hint)


def _verifies_less(key: str, was: Any, now: Any) -> bool:
    """Return whether something that a part of a signature allowed is not allowed any more."""
    if key in _TOLERANCES:
        return bool(now < was)
    if key == "algorithms":
        return not set(was) <= set(now)
    if key == "certificate":
        # A path was not asked for in contracts of an earlier commit.
        moved = any(was.get(each, now[each]) != now[each] for each in ("header", "path"))
        return moved or not (set(was["hosts"]) <= set(now["hosts"]) and set(was["names"]) <= set(now["names"]))
    if key == "key_set":
        pinned, known = now.get("thumbprints"), was.get("thumbprints", ())
        fewer = pinned is not None and not (known and set(known) <= set(pinned))
        return bool(fewer or now["url"] != was["url"] or now.get("issuer", was.get("issuer")) != was.get("issuer"))
    return bool(now != was)


def identity_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield whatever `event_id` is derived from and is another now: a webhook that comes again would count twice."""
    hint = "leave it: ids that were given out must come out again"
    for namespace in ("event_namespace", "body_namespace"):
        one, other = getattr(old.identity, namespace), getattr(new.identity, namespace)
        if one != other:
            message = f"{namespace} is another, and so is every id derived from it"
            yield broken(("identity", namespace), new.identity.source, (namespace,), message, hint)
    for before, after in _both(old, new):
        one, other = before.source.data["envelope"], after.source.data["envelope"]
        for key in ("event_id", "account"):
            if one.get(key) != other.get(key):
                message = f"{after.name}: {key} was taken from {one.get(key)}, and is to be taken from {other.get(key)}"
                concern = ("provider", after.name, "envelope", key)
                yield broken(concern, after.source, ("envelope", key), message, hint)


def merchant_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield providers whose merchant is found elsewhere: the key of their messages."""
    for before, after in _both(old, new):
        one, other = (each.source.data["envelope"]["merchant_id"] for each in (before, after))
        # A place that is looked at last may be new: where it counts, the merchant was the secret's.
        if other[: len(one)] != one:
            message = f"{after.name}: the merchant was looked for at {_listed(one)}, and is to be at {_listed(other)}"
            concern = ("provider", after.name, "envelope", "merchant_id")
            hint = "leave the places and their order; a new place goes last"
            yield broken(concern, after.source, ("envelope", "merchant_id"), message, hint)


def webhooks_narrowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield demands on a webhook that earlier ones need not have met."""
    for before, after in _both(old, new):
        one, other = before.source.data["envelope"], after.source.data["envelope"]
        hint = "leave it: the gateway would refuse webhooks that it took before"
        for path, declared in other["required"].items():
            taken, was = kinds(declared), kinds(one["required"].get(path, ()))
            if not was or not set(was) <= {*taken, *(("integer",) if "number" in taken else ())}:
                message = f"{after.name}: {path} must be {' or '.join(taken)} now, and " + (
                    f"was {' or '.join(was)}" if was else "could be absent"
                )
                concern = ("provider", after.name, "envelope", "required")
                yield broken(concern, after.source, ("envelope", "required", path), message, hint)
        for key, (words, without) in _LIMITS.items():
            was, limit = one.get(key), other.get(key)
            if limit is not None and (was is None or limit < was):
                message = f"{after.name}: {words.format(limit, without if was is None else was)}"
                concern = ("provider", after.name, "envelope", key)
                yield broken(concern, after.source, ("envelope", key), message, hint)


def body_rewritten(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield bodies that are to be read in another way, or of which less is to be taken."""
    for before, after in _both(old, new):
        one, other = (each.source.data["envelope"].get("body", {}) for each in (before, after))
        narrower = any(other.get(key, 0) < limit for key, limit in one.items() if isinstance(limit, int))
        nested = (one.get("max_depth", 1) == 1) != (other.get("max_depth", 1) == 1)
        if narrower or nested or any(one.get(key) != other.get(key) for key in ("form", "repeats")):
            message = f"{after.name}: a body was read as {_as(one)}, and is to be read as {_as(other)}"
            concern = ("provider", after.name, "envelope", "body")
            hint = "leave it, unless the provider has changed: what is sent the old way would be refused"
            yield broken(concern, after.source, ("envelope", "body"), message, hint)


def _as(body: dict[str, Any]) -> str:
    if not body:
        return "JSON"
    return f"a form of {body['max_fields']} fields, {body['max_depth']} deep, repeats {body['repeats']}"


def headers_dropped(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield headers that were kept with each webhook and are kept no longer; the case of a name is of no matter."""
    for before, after in _both(old, new):
        kept = {name.lower() for name in after.source.data["envelope"]["headers_kept"]}
        for name in before.source.data["envelope"]["headers_kept"]:
            if name.lower() not in kept:
                message = f"{after.name}: the header {name} was kept with each webhook, and no longer is"
                concern = ("provider", after.name, "envelope", "headers_kept")
                hint = "leave it: redrives and traces read it in what was stored"
                yield broken(concern, after.source, ("envelope", "headers_kept"), message, hint)


def envelope_moved(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield envelopes whose type, time or version is to be found elsewhere."""
    for before, after in _both(old, new):
        one, other = before.source.data["envelope"], after.source.data["envelope"]
        for key in ("event_type", "created_at", "created_at_unit", "api_version", "livemode", "items"):
            # That several events are to come in one body is a change of every body.
            if (key in one or key == "items") and one.get(key) != other.get(key):
                message = f"{after.name}: {key} was taken from {one.get(key)}, and is to be taken from {other.get(key)}"
                concern = ("provider", after.name, "envelope", key)
                hint = "leave it, unless the provider has changed: stored events have the old one"
                yield broken(concern, after.source, ("envelope", key), message, hint)


def reasons_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield reason codes that stored failures, dashboards and redrives know, and that are gone."""
    for before, after in ((old.validation, new.validation), (old.ingestion, new.ingestion)):
        for code in sorted(before.reason_codes.keys() - after.reason_codes.keys()):
            message = f"the reason code {code} is gone, and quarantined events have it"
            hint = "leave it declared, under retired_reason_codes where nothing gives it any more"
            yield broken(("reason", after.name, code), after.source, ("reason_codes",), message, hint)


def currencies_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield currencies that are gone, end earlier, or whose minor unit is another: stored amounts are in them."""
    known = {currency.code: currency for currency in new.currencies}
    source = new.currency_source
    for currency in old.currencies:
        after = known.get(currency.code)
        place: Place = ("currencies", currency.code)
        concern = ("currency", currency.code)
        if after is None:
            message = f"the currency {currency.code} is gone, and stored amounts are in it"
            yield broken(concern, source, place, message, "leave it, with `withdrawn` once ISO 4217 withdraws it")
        elif after.exponent != currency.exponent:
            message = f"{currency.code} had {currency.exponent} digits and is to have {after.exponent}"
            yield broken(concern, source, place, message, "leave it: stored amounts are in the old minor unit")
        elif currency.ends is not None and after.ends is not None and after.ends < currency.ends:
            message = f"{currency.code} passed until {currency.withdrawn}, and is to pass until {after.withdrawn}"
            yield broken(concern, source, place, message, "leave it: events that passed would be quarantined")
    for before, provider in _both(old, new):
        for code in sorted(before.currencies.keys() - provider.currencies.keys()):
            if (listed := known.get(code)) is None or listed.ends is not None:
                message = f"{provider.name}: the currency {code} is used no more, and events in it passed"
                concern = ("currency", code)
                yield broken(concern, provider.source, ("currencies",), message, "leave it while old events may come")


def _listed(places: list[str]) -> str:
    return ", then ".join(places) or "the secret"


def _both(old: Catalog, new: Catalog) -> Iterator[tuple[Provider, Provider]]:
    after = {provider.name: provider for provider in new.providers}
    yield from ((provider, after[provider.name]) for provider in old.providers if provider.name in after)

"""Marked personal data, wherever a webhook may hold any: none of it goes on, but into columns that say so.

The places are those of the payload contracts, see tests.contracts.personal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson
import payments_contracts.normalize as normalize_package
import pytest
from codegen.avro import Primitive, walk
from codegen.language.outcomes import outputs
from codegen.language.parts import taken
from codegen.loader import load
from codegen.mapping.plan import plan

from tests.conftest import ROOT
from tests.contracts.equivalence import Pair
from tests.contracts.personal import MARK, TAG, placed, spots, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Group, Path
    from codegen.model import Catalog, Provider

WORD: Final = re.compile("[A-Z]?[a-z]+")
# How words in the names of fields begin that hold what somebody typed, tell people, cards and accounts apart, or give
# access to what does.
WORDS: Final = (
    *("address", "comment", "contact", "custom", "descri", "detail", "email", "footer", "memo", "message", "name"),
    *("note", "phone", "reason", "reference", "source", "title"),
    *("account", "bin", "employee", "exp", "fingerprint", "last", "member", "receiver", "recipient", "vpa"),
    *("pdf", "secret", "signature", "token", "url"),
)
# Those of them that do not, with what they are in: codes and sentences of the provider's own, ids of the merchant,
# names of institutions and programs, what a business is called on statements, numbers that merchants give to orders.
HARMLESS: Final = {
    "adyen": {
        *("additionalData.chargebackReasonCode", "additionalData.nofReasonCode", "additionalData.refusalReasonRaw"),
        *("NotificationRequestItem.reason",),
        *("NotificationRequestItem.merchantAccountCode", "NotificationRequestItem.merchantReference"),
        *("NotificationRequestItem.originalReference", "NotificationRequestItem.pspReference"),
    },
    "checkout": {
        *("data.payment_reference", "data.reason_code", "data.reference", "processing.acquirer_reference_number"),
        # Of a card network's few kinds of fraud, in words.
        "fraud.reason",
    },
    "paypal": {
        *("errors.message", "errors.name", "resource.reason", "resource.reason_code", "status_details.reason"),
        *("payout_item.recipient_type", "last_failed_payment.reason_code"),
    },
    "razorpay": {
        *("entity.error_description", "entity.error_reason", "entity.error_source", "entity.failure_reason"),
        *("entity.reason_code", "entity.reference_id"),
        *("status_details.description", "status_details.reason", "status_details.source"),
    },
    "square": {
        *("0.detail", "1.detail", "dispute.reason", "payment.source_type", "payment.version_token"),
        *("bank_account_details.account_ownership_type", "bank_account_details.bank_name"),
        "card_details.application_name",
    },
    "stripe": {
        *("billing_reason", "cancellation_details.reason", "cancellation_reason", "failure_reason", "pending_reason"),
        *("card.network_reason_code", "network_reason_code", "outcome.reason", "reason"),
        *("failure_message", "last_payment_error.message", "last_setup_error.message", "outcome.seller_message"),
        *("last_payment_error.doc_url", "last_setup_error.doc_url"),
        *("card.reference", "card.reference_status", "card.reference_type"),
        *("source_transfer", "source_transfer_reversal", "source_type"),
        *("calculated_statement_descriptor", "statement_descriptor", "statement_descriptor_suffix"),
    },
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="module", params=["adyen", "checkout", "paypal", "razorpay", "square", "stripe"])
def pair(request: pytest.FixtureRequest, catalog: Catalog) -> Pair:
    (provider,) = (each for each in catalog.providers if each.name == request.param)
    return Pair(catalog, provider, normalize_package)


def groups(pair: Pair) -> Iterator[tuple[Group, list[dict[str, Any]]]]:
    """Yield each group of a mapping with the bodies of which it makes an event: one for each event type."""
    accepted = {str(each.event_type): each.body for each in pair.examples if each.kind == "accepted"}
    for group in pair.provider.mapping.groups:
        yield group, [orjson.loads(accepted[event]) for event in group.events if event in accepted]


def columns(catalog: Catalog, provider: Provider) -> frozenset[str]:
    """Return the fields of the unified event that may hold personal data."""
    record = catalog.record(provider.mapping.record, provider.mapping.version).record
    return frozenset(path[0] for path, field in walk(record) if field.personal)


def told(outcome: tuple[Any, ...], may: frozenset[str]) -> str:
    """Return all that goes on behind the raw topic, but for the columns that may hold personal data."""
    if outcome[0] == "normalized":
        return str([each for each in outcome[1] if each[0] not in may])
    return str(outcome)


def test_each_provider_is_looked_at(catalog: Catalog) -> None:
    assert {each.name for each in catalog.providers} == HARMLESS.keys()


def test_each_tag_has_a_marker(pair: Pair) -> None:
    document = pair.provider.payload.source.data
    used = [document["components"]["schemas"][group.payload] for group in pair.provider.mapping.groups]
    marked = {tag for schema in used for spot in spots(document, schema) for tag in spot.tags}
    assert marked == {id(schema) for schema in tagged(document)}


def test_no_marker_goes_on(pair: Pair, catalog: Catalog) -> None:
    may, document = columns(catalog, pair.provider), pair.provider.payload.source.data
    found: set[str] = set()
    for group, bodies in groups(pair):
        assert bodies, group.name
        mapped = {path.steps for field in group.fields.values() for path in taken(field)}
        everywhere = list(spots(document, document["components"]["schemas"][group.payload]))
        for number, body in enumerate(bodies):
            together = body
            for spot in everywhere:
                # One body has each marker by itself: where a marker is refused, the others are still looked at.
                if number == 0:
                    alone = pair.outcome(placed(body, spot))
                    found |= {f"{group.name}: {spot.steps}"} if MARK in told(alone, may) else set()
                    assert alone[0] == "normalized" or spot.steps in mapped, (group.name, spot, alone)
                if spot.steps not in mapped:
                    together = placed(together, spot)
            outcome = pair.outcome(together)
            assert outcome[0] == "normalized", (group.name, outcome)
            found |= {f"{group.name}: all at once"} if MARK in told(outcome, may) else set()
    assert not found


def kept(catalog: Catalog, provider: Provider) -> set[Path]:
    """Return each place of which the value goes on as it is, in a column that may not hold personal data."""
    record = catalog.record(provider.mapping.record, provider.mapping.version).record
    texts = {field.name for field in record.fields if field.bare is Primitive.STRING and not field.personal}
    mapped = {
        path
        for group in provider.mapping.groups
        for name, expression in group.fields.items()
        if name in texts and outputs(expression) is None
        for path in taken(expression)
    }
    targets = [target for group in plan(catalog, provider).groups for target in group.targets]
    return mapped | {leaf.path for target in targets for leaf in target.rest}


def suspects(paths: set[Path]) -> set[str]:
    """Return the places whose names say that they may hold personal data, each with what it is in.

    An id has no name of its own: it is that of what it is in.
    """
    found = set()
    for path in paths:
        named = [str(step) for step in path.steps if step != "id"]
        if any(word.lower().startswith(WORDS) for word in WORD.findall("".join(named[-1:]))):
            found.add(".".join(str(step) for step in path.steps[-2:] if step != "object"))
    return found


def test_a_field_whose_name_is_one_of_personal_data_is_tagged(pair: Pair, catalog: Catalog) -> None:
    assert suspects(kept(catalog, pair.provider)) == HARMLESS[pair.provider.name]


def test_a_tag_that_is_gone_is_noticed(pair: Pair, catalog: Catalog) -> None:
    provider, before = pair.provider, kept(catalog, pair.provider)
    unnoticed = set()
    for schema in list(tagged(provider.payload.source.data)):
        del schema[TAG]
        try:
            after = kept(catalog, provider)
        finally:
            schema[TAG] = True
        if after != before and suspects(after) == HARMLESS[provider.name]:
            unnoticed |= after - before
    assert not unnoticed

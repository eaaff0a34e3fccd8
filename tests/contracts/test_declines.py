"""One language of declines: tables hold what providers publish, and say only what the contract lists.

`published/` holds each provider's list as it was on a day, apart from the mappings: a mapping is not its own proof.
"""

from __future__ import annotations

import re
from collections import ChainMap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import payments_contracts.normalize as normalize_package
import pytest
import yaml
from codegen.loader import load
from codegen.unmapped import reason
from payments_contracts import providers

from tests.contracts import spelling
from tests.contracts.equivalence import Pair
from tests.contracts.spelling import ALIKE, ALIKE_IN_DISPUTES, FAILURES

if TYPE_CHECKING:
    from codegen.language.model import Step
    from codegen.model import Catalog

    from tests.contracts.spelling import Reason

ROOT = Path(__file__).parents[2]
PUBLISHED = Path(__file__).parent / "published"

# Which tables of a provider's mapping take the codes of which of its lists: a code has to be in one of them.
TABLES = {
    ("stripe", "card_decline_codes"): ("declines",),
    ("stripe", "local_decline_codes"): ("declines",),
    ("stripe", "bank_debit_codes"): ("declines",),
    ("stripe", "radar_reasons"): ("declines",),
    ("stripe", "error_codes"): ("errors",),
    ("stripe", "refund_failure_reasons"): ("refund_failures",),
    ("stripe", "payout_failure_codes"): ("payout_failures",),
    ("stripe", "dispute_reasons"): ("disputes",),
    ("stripe", "fraud_types"): ("warnings",),
    ("square", "error_codes"): ("failure_categories",),
    ("square", "dispute_reasons"): ("dispute_categories",),
    ("adyen", "refusal_reasons"): ("failure_categories",),
    ("adyen", "modification_failures"): ("modification_failures",),
    ("paypal", "response_codes"): ("failure_categories",),
    ("paypal", "status_reasons"): ("status_categories",),
    ("paypal", "sale_reasons"): ("status_categories",),
    ("paypal", "subscription_reasons"): ("subscription_categories",),
    ("paypal", "payout_errors"): ("payout_failures",),
    ("paypal", "dispute_reasons"): ("dispute_categories",),
    ("checkout", "response_codes"): ("failure_categories",),
    ("checkout", "dispute_categories"): ("dispute_categories",),
    ("razorpay", "error_reasons"): ("failure_categories",),
    ("razorpay", "payout_reasons"): ("payout_failures",),
    ("razorpay", "dispute_codes"): ("dispute_categories",),
    ("razorpay", "dispute_reasons"): ("dispute_categories",),
}
# Lists whose codes the mapping compares in small letters.
IN_SMALL_LETTERS = {("adyen", "refusal_reasons"), ("adyen", "modification_failures")}
# Tables that no published list is held against, and why.
UNLISTED = {
    ("adyen", "dispute_categories"): "the reasons are those of the card networks, which publish rules and no list",
    ("checkout", "network_dispute_categories"): "the same reasons of the card networks",
    ("razorpay", "error_categories"): "three general codes in all, of which BAD_REQUEST_ERROR says nothing",
}
# Tables that give a `dispute_category`; all others here give a `failure_category`.
DISPUTES = {
    ("stripe", "disputes"),
    ("stripe", "warnings"),
    ("square", "dispute_categories"),
    ("paypal", "dispute_categories"),
    ("razorpay", "dispute_categories"),
    ("adyen", "dispute_categories"),
    ("checkout", "dispute_categories"),
    ("checkout", "network_dispute_categories"),
}
# Lists that are about types of events: each is mapped, or is left unmapped for a reason.
EVENT_TYPES = (
    ("stripe", "event_types"),
    ("stripe", "thin_event_types"),
    ("square", "event_types"),
    ("adyen", "event_types"),
    ("paypal", "event_types"),
    ("checkout", "event_types"),
    ("razorpay", "event_types"),
)
# What providers call the places that say why something failed.
SAYS_WHY = re.compile(r"reason|fail|error|declin|refus|response_(code|summary)")
# Places with such a name that hold something else: the id of a transaction.
SAYS_NOT_WHY = {"data.object.failure_balance_transaction"}
# Codes that a provider itself publishes as saying nothing.
SAYING_NOTHING = {
    ("stripe", "refund_failures", "unknown"),
    ("paypal", "status_categories", "OTHER"),
    ("checkout", "failure_categories", "50399"),
    ("checkout", "failure_categories", "50599"),
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT / "contracts")


def published(provider: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PUBLISHED / provider / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def tables(catalog: Catalog, provider: str) -> dict[str, dict[str, str]]:
    (found,) = (each for each in catalog.providers if each.name == provider)
    named: dict[str, dict[str, str]] = found.mapping_source.data["tables"]
    return named


def allowed(catalog: Catalog, field: str) -> set[str]:
    (topic,) = (each for each in catalog.topics if each.name == "payments.normalized")
    record = catalog.record(topic.record, topic.version).record
    return {value for each in record.fields if each.name == field for value in each.allowed}


def test_every_published_list_is_used_and_says_where_it_is_from() -> None:
    files = {(file.parent.name, file.stem) for file in PUBLISHED.glob("*/*.yaml")}
    assert files == TABLES.keys() | set(EVENT_TYPES)
    for provider, name in files:
        found = published(provider, name)
        assert found.keys() == {"source", "retrieved", "values"}
        assert found["source"].startswith("https://")
        assert len(set(found["values"])) == len(found["values"]) > 0


@pytest.mark.parametrize(("provider", "name"), TABLES)
def test_tables_are_total_over_what_the_provider_publishes(catalog: Catalog, provider: str, name: str) -> None:
    named = tables(catalog, provider)
    known = {code for table in TABLES[provider, name] for code in named[table]}
    values: list[str] = published(provider, name)["values"]
    compared = {value.lower() if (provider, name) in IN_SMALL_LETTERS else value for value in values}
    assert compared - known == set()


def looked_up(expression: object) -> set[str]:
    """Return the names of the tables that a field's expression looks something up in; "" for one without a name."""
    if isinstance(expression, list):
        return {name for each in expression for name in looked_up(each)}
    if not isinstance(expression, dict):
        return set()
    inner = {name for each in expression.values() for name in looked_up(each)}
    if "lookup" not in expression:
        return inner
    table = expression["lookup"]["table"]
    return inner | {table if isinstance(table, str) else ""}


def test_every_table_that_gives_a_category_is_held_against_a_list_or_not_for_a_reason(catalog: Catalog) -> None:
    listed = {(provider, table) for (provider, _), named in TABLES.items() for table in named}
    giving: dict[tuple[str, str], str] = {}
    for provider in catalog.providers:
        data = provider.mapping_source.data
        for fields in (data.get("fields", {}), *(group["fields"] for group in data["groups"])):
            for field in ("failure_category", "dispute_category"):
                giving |= {(provider.name, table): field for table in looked_up(fields.get(field))}
    assert giving.keys() == listed | UNLISTED.keys()
    assert listed & UNLISTED.keys() == set()
    assert {each for each, field in giving.items() if field == "dispute_category"} == DISPUTES


def test_the_card_networks_reasons_mean_the_same_at_every_provider_that_hands_them_on(catalog: Catalog) -> None:
    adyen = tables(catalog, "adyen")["dispute_categories"]
    assert tables(catalog, "checkout")["network_dispute_categories"] == adyen
    assert tables(catalog, "razorpay")["dispute_categories"].items() >= adyen.items()


def test_tables_give_categories_of_the_contract_and_unknown_to_no_code_that_says_something(catalog: Catalog) -> None:
    categories = {True: allowed(catalog, "dispute_category"), False: allowed(catalog, "failure_category")}
    used = {(provider, table) for (provider, _), named in TABLES.items() for table in named}
    for provider, table in used | UNLISTED.keys():
        for code, category in tables(catalog, provider)[table].items():
            assert category in categories[(provider, table) in DISPUTES], (table, code)
            assert category != "unknown" or (provider, table, code) in SAYING_NOTHING, (table, code)


@pytest.mark.parametrize(
    ("reasons", "tried"), [(ALIKE, FAILURES), (ALIKE_IN_DISPUTES, spelling.DISPUTES)], ids=["failures", "disputes"]
)
def test_every_provider_says_the_same_of_the_same_reason(
    catalog: Catalog, reasons: dict[str, Reason], tried: dict[str, tuple[str, ...]]
) -> None:
    assert tried.keys() == {each.name for each in catalog.providers}
    known = {
        provider: dict(ChainMap(*(tables(catalog, provider)[each] for each in tried[provider]))) for provider in tried
    }
    # Adyen's reasons are compared in small letters, and the networks' codes of its disputes as they come.
    small = {"adyen"} if reasons is ALIKE else set()
    said = {
        (name, provider, code): known[provider].get(code.lower() if provider in small else code)
        for name, reason in reasons.items()
        for provider, codes in reason.codes.items()
        for code in codes
    }
    assert {each: category for each, category in said.items() if category != reasons[each[0]].category} == {}


def test_no_reason_is_told_of_by_one_provider_alone_and_most_by_many() -> None:
    tellers = [len(reason.codes) for reasons in (ALIKE, ALIKE_IN_DISPUTES) for reason in reasons.values()]
    assert min(tellers) >= 3
    assert sum(each >= 5 for each in tellers) > len(tellers) / 2


def test_every_category_but_unknown_has_a_reason(catalog: Catalog) -> None:
    assert {each.category for each in ALIKE.values()} == allowed(catalog, "failure_category") - {"unknown"}


@pytest.mark.parametrize(("provider", "name"), EVENT_TYPES)
def test_every_published_event_type_is_mapped_or_left_unmapped_for_a_reason(
    catalog: Catalog, provider: str, name: str
) -> None:
    (found,) = (each for each in catalog.providers if each.name == provider)
    values = published(provider, name)["values"]
    nobody_has_looked_at = [
        each for each in values if each not in found.accepted_event_types and reason(found.unmapped, each) is None
    ]
    assert nobody_has_looked_at == []


def at(body: object, steps: tuple[Step, ...]) -> object:
    for step in steps:
        try:
            body = body[step]  # type: ignore[index]  # what is no container has nothing there
        except (IndexError, KeyError, TypeError):
            return None
    return body


@pytest.mark.parametrize("name", sorted(providers.PROVIDERS))
def test_what_failed_says_why_where_its_body_does(catalog: Catalog, name: str) -> None:
    (provider,) = (each for each in catalog.providers if each.name == name)
    pair = Pair(catalog, provider, normalize_package)
    told: set[str] = set()
    lost = []
    for example in provider.examples:
        if example.kind != "accepted":
            continue
        _, fields, *_ = pair.become(example.body, example.merchant_id, pair.found(example.body, example.headers))
        event, body = dict(fields), orjson.loads(example.body)
        if event["status"] != "failed":
            continue
        # What the payload contract declares is read by the mapping, or is of its metadata.
        places = {str(path): at(body, path.steps) for path in pair.paths(example.event_type)}
        why = {
            place: value
            for place, value in places.items()
            if SAYS_WHY.search(place) and place not in SAYS_NOT_WHY and isinstance(value, str) and value.strip()
        }
        told |= why.keys()
        if why and event["failure_code"] is None and event["failure_message"] is None:
            lost.append((example.name, why))
    assert lost == []
    assert told != set(), "no example of this provider says why it failed"

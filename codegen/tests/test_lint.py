"""Each rule finds what it is for, in its file and line, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codegen.lint import lint
from codegen.loader import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codegen.model import Catalog

PROVIDER = "providers/acme/provider.yaml"
GATEWAY = "openapi/gateway/v1.yaml"
MAPPING = "providers/acme/mapping.yaml"
EVENT = "avro/payment_event/v1.avsc"
EXAMPLES = "providers/acme/examples"
DERIVED = "derived/silver.payments.yaml"

# Rule, file to change, what to replace, by what, a part of what is then said.
CASES = [
    ("doc", EVENT, '"doc": "A unified event."', '"doc": ""', "the record payment_event has no doc"),
    ("doc", EVENT, '"doc": "How it was paid."', '"doc": " "', "method has no doc"),
    ("doc", "avro/stored_payment/v1.avsc", '"doc": "Whether to try again."', '"doc": ""', "advice.retry has no doc"),
    ("name", EVENT, '"name": "payment_event"', '"name": "payment"', "is called 'payment' in the folder"),
    ("name", "avro/stored_payment/v1.avsc", '"name": "retry"', '"name": "reTry"', "advice.reTry is not in snake case"),
    (
        "unused",
        "topics/payments.validation.dlq.yaml",
        "record: validation_failure",
        "record: provider_event",
        "holds validation_failure",
    ),
    ("topic", "topics/payments.acme.raw.yaml", "name: payments.acme.raw", "name: payments.other", "belongs in topics/"),
    ("topic", "topics/payments.acme.raw.yaml", "provider: acme", "provider: nobody", "there is no provider 'nobody'"),
    ("topic", "topics/payments.acme.raw.yaml", "provider: acme\n", "", "0 topics hold the webhooks of acme"),
    ("topic", "topics/payments.normalized.yaml", "version: 1", "version: 9", "there is no payment_event v9"),
    (
        "topic",
        "topics/payments.normalized.yaml",
        "key: merchant_id",
        "key: payer",
        "the key 'payer' is not a required text",
    ),
    ("pin", "topics/payments.normalized.yaml", "orchestrator: 1", "orchestrator: 2", "pinned to payment_event v2"),
    ("table", "tables/bronze.payments.yaml", "name: bronze.payments", "name: bronze.other", "belongs in tables/"),
    ("table", "tables/bronze.payments.yaml", "version: 2", "version: 3", "there is no stored_payment v3"),
    ("table", "tables/bronze.payments.yaml", "key: [event_id]", "key: [id]", "has no field 'id'"),
    ("table", "tables/bronze.payments.yaml", "key: [event_id]", "key: [advice]", "the key 'advice' may be null"),
    (
        "table",
        "tables/bronze.payments.yaml",
        "{field: stored_at, transform: day}",
        "{field: event_id, transform: day}",
        "day needs a timestamp",
    ),
    ("lineage", DERIVED, "name: silver.payments", "name: silver.others", "belongs in derived/silver.others.yaml"),
    ("lineage", DERIVED, "key: [event_id]", "key: [id]", "there is no column 'id'"),
    ("lineage", DERIVED, "bronze.payments.event_id", "bronze.nothing.event_id", "there is no table 'bronze.nothing'"),
    ("lineage", DERIVED, "advice.retry", "advice.retries", "bronze.payments has no column 'advice.retries'"),
    ("lineage", DERIVED, "bronze.payments.stored_at", "gold.days.day", "silver cannot be made from gold.days"),
    (
        "lineage",
        DERIVED,
        "    doc: The day of storing, in UTC.\n    from: [bronze.payments.stored_at]",
        "    from: []",
        "day has no doc",
    ),
    ("provider", MAPPING, "provider: acme", "provider: emca", "is called 'emca' in the folder 'acme'"),
    ("provider", MAPPING, "event_type: kind", "event_type: uuid", "disagree on where the event type is"),
    ("signature", PROVIDER, "{timestamp}.{body}", "{timestamp}.", "has {body} 0 times"),
    ("signature", PROVIDER, "{timestamp}.{body}", "{timestamp}.{body}{body}", "has {body} 2 times"),
    ("signature", PROVIDER, "  timestamp_key: t\n", "", "{timestamp} is signed, but there is no timestamp_key"),
    (
        "signature",
        PROVIDER,
        "  tolerance_seconds: 300\n",
        "",
        "{timestamp} is signed, but there is no tolerance_seconds",
    ),
    ("signature", PROVIDER, "{timestamp}.{body}", "{body}", "timestamp_key is of no use"),
    ("signature", PROVIDER, "{timestamp}.{body}", "{url}{body}", "future_tolerance_seconds is of no use"),
    ("signature", PROVIDER, "at: string, ", "", "an event without an instant at at would have no age"),
    ("signature", PROVIDER, "at: string, ", "at: object, ", "an event without an instant at at would have no age"),
    ("signature", PROVIDER, "form: pairs", "form: bare", "a bare signature brings no timestamp"),
    ("signature", PROVIDER, "form: pairs", "form: bare", "`form: pairs` and signature_key belong together"),
    ("signature", PROVIDER, "  signature_key: s\n", "", "`form: pairs` and signature_key belong together"),
    ("signature", PROVIDER, "signature_key: s", "signature_key: t", "timestamp and signatures have the same key"),
    ("path", MAPPING, "{path: payment.payer}", "{path: payment.payerr}", "payment.payerr is not declared"),
    ("path", MAPPING, "{rest: {path: payment}}", "{rest: {path: payments}}", "payments is not declared"),
    ("path", MAPPING, "payload: PaymentEvent", "payload: Payment", "has no schema 'Payment'"),
    ("path", PROVIDER, "event_id: uuid", "event_id: id", "id is not declared for PaymentEvent"),
    ("mapping", MAPPING, "record: payment_event", "record: nothing", "there is no nothing v1"),
    ("mapping", MAPPING, "      live: {path: payment.live}\n", "", "live is not mapped"),
    ("mapping", MAPPING, "      tries: ", "      trials: {const: x}\n      tries: ", "has no field 'trials' to map"),
    (
        "mapping",
        MAPPING,
        "settled_at: {time: {value: {path: payment.settled}, format: epoch_seconds}}",
        "settled_at: {path: payment.settled}",
        "`time` belong together",
    ),
    (
        "mapping",
        MAPPING,
        "metadata: {rest: {path: payment}}",
        "metadata: {path: payment.notes}",
        "`rest` belong together",
    ),
    ("mapping", MAPPING, "failed: payment.failed", "failed: payment.lost", "'payment.lost' is not an allowed value"),
    (
        "mapping",
        MAPPING,
        "payer: {path: payment.payer}",
        "payer: {upper: {time: {value: {path: at}, format: iso8601}}}",
        "cannot be inside this expression",
    ),
    ("mapping", MAPPING, "live: {path: payment.live}", "live: {const: null}", "null is mapped to a field that needs"),
    (
        "mapping",
        MAPPING,
        "{exponent: {path: payment.currency}}",
        "{null_if: {value: {exponent: {path: payment.currency}}, values: [0]}}",
        "cannot be inside this expression",
    ),
    (
        "mapping",
        MAPPING,
        "{path: payment.payer}",
        "{exponent: {path: payment.currency}}",
        "an exponent and an amount are whole",
    ),
    (
        "mapping",
        "topics/payments.normalized.yaml",
        "version: 1",
        "version: 2",
        "the mapping fills v1, and payments.normalized holds v2",
    ),
    (
        "personal",
        MAPPING,
        "risk: {path: payment.risk}",
        "risk: {path: payment.payer}",
        "risk takes payment.payer, which is personal",
    ),
    ("personal", EVENT, ',\n   "personal_data": true', "", "payer takes payment.payer"),
    (
        "reason",
        "rules/validation.yaml",
        "  type_invalid: A value has another type.\n",
        "",
        "needs the reason code 'type_invalid'",
    ),
    (
        "reason",
        "rules/validation.yaml",
        "code: currency_unknown",
        "code: no_currency",
        "'no_currency' is not a reason code",
    ),
    (
        "reason",
        "rules/validation.yaml",
        "  pattern_mismatch:",
        "  never_used: Nothing.\n  pattern_mismatch:",
        "nothing gives the reason 'never_used'",
    ),
    ("gateway", GATEWAY, "/webhooks/{provider}", "/hooks/{provider}", "there is no POST /webhooks/{provider}"),
    ("reason", GATEWAY, "not_json, ", "", "cannot answer with the reason code 'not_json'"),
    ("rule", "rules/validation.yaml", "record: payment_event", "record: nothing", "there is no record 'nothing'"),
    ("rule", "rules/validation.yaml", "  currency:\n", "  currencies:\n", "has no field 'currencies'"),
    ("rule", "rules/validation.yaml", "  amount_cents:\n", "  payer:\n", "only a number has bounds"),
    ("rule", "rules/validation.yaml", "  provider_created_at:\n", "  payer:\n", "only an instant lies between"),
    ("rule", "rules/validation.yaml", "  reference:\n", "  tries:\n", "only a text can be compared"),
    ("rule", "rules/validation.yaml", "[A-Za-z0-9/-]{1,40}", "[A-Z", "the pattern cannot be read"),
    ("coverage", MAPPING, "events: [paid, failed]", "events: [paid, failed, held]", "held has no accepted example"),
    ("example", f"{EXAMPLES}/paid.yaml", "method: card", "method: cash", "differs from what is expected in method"),
    ("example", f"{EXAMPLES}/paid.yaml", "amount: 125\n", "amount: 0\n", "it is rejected: amount_not_positive"),
    ("example", f"{EXAMPLES}/rejected.failed.yaml", "amount: null", "amount: 5", "it becomes a unified event"),
    (
        "example",
        f"{EXAMPLES}/rejected.failed.yaml",
        "[field_missing]",
        "[type_invalid]",
        "it is rejected: field_missing",
    ),
    ("example", f"{EXAMPLES}/unsupported.yaml", "{kind: refunded}", "{kind: paid}", "it becomes a unified event"),
    ("example", f"{EXAMPLES}/rejected.failed.yaml", "payment: {amount: null}", "kind: gone", "no mapping covers gone"),
    ("example", f"{EXAMPLES}/paid.yaml", "kind: paid", "kind: 5", "the gateway would refuse it: field_type"),
    ("example", f"{EXAMPLES}/malformed.yaml", "not_json", "not_utf8", "the gateway says not_json, not not_utf8"),
    (
        "example",
        f"{EXAMPLES}/malformed.yaml",
        "uuid=1",
        r"{\"uuid\": \"1\", \"kind\": \"paid\", \"at\": \"now\", \"payment\": {}}",
        "says nothing against it",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{case[4][:30]}" for case in CASES])
def test_a_rule_finds_what_it_is_for(
    contracts: Path, edit: Callable[[str, str, str], None], case: tuple[str, str, str, str, str]
) -> None:
    rule, file, old, new, message = case
    edit(file, old, new)
    found = [finding for finding in lint(load(contracts)) if finding.rule == rule]
    assert any(message in finding.message for finding in found), found
    assert all(finding.line > 0 and finding.hint for finding in found)


def test_versions_have_no_gap(contracts: Path) -> None:
    folder = contracts / "avro" / "stored_payment"
    (folder / "v4.avsc").write_text((folder / "v1.avsc").read_text())
    (finding,) = lint(load(contracts))
    assert (finding.rule, finding.message) == ("versions", "the versions of stored_payment are v1, v2, v4")


def test_every_provider_has_a_gateways_api(contracts: Path) -> None:
    (contracts / GATEWAY).unlink()
    (finding,) = lint(load(contracts))
    assert (finding.rule, finding.message) == ("gateway", "no API says how acme reaches its gateway")


def test_a_gateway_has_no_api_of_its_own(contracts: Path) -> None:
    other = contracts / "openapi" / "gateway-acme" / "v1.yaml"
    other.parent.mkdir()
    text = (contracts / GATEWAY).read_text(encoding="utf-8")
    other.write_text(text, encoding="utf-8")
    found = [finding for finding in lint(load(contracts)) if finding.file == "openapi/gateway-acme/v1.yaml"]
    assert [finding.message for finding in found] == ["a gateway has no API of its own"]


def test_an_event_type_belongs_to_one_group(contracts: Path, edit: Callable[[str, str, str], None]) -> None:
    text = (contracts / MAPPING).read_text()
    group = text[text.index("  - name: payment") :].replace("name: payment\n", "name: again\n")
    (contracts / MAPPING).write_text(text + group)
    assert "a second group claims paid" in {finding.message for finding in lint(load(contracts))}


def test_a_finding_names_the_line_that_is_wrong(contracts: Path, edit: Callable[[str, str, str], None]) -> None:
    edit(MAPPING, "{path: payment.payer}", "{path: payment.payerr}")
    found = next(finding for finding in lint(load(contracts)) if finding.rule == "path")
    line = (contracts / MAPPING).read_text().splitlines()[found.line - 1]
    assert "payment.payerr" in line


def test_the_small_contracts_keep_all_rules(acme: Catalog) -> None:
    assert lint(acme) == ()


def test_the_project_keeps_all_rules(project: Catalog) -> None:
    assert lint(project) == ()

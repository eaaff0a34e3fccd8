"""A signed webhook reaches Gold, on the whole stack."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit.settings import load
from operations.ledger import read_ledger
from operations.settings import OperationsSettings

from tests.conftest import ROOT, run_stack
from tests.e2e import wrong_sums

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
BIN = ROOT / ".venv" / "bin"
COUNT = 200


def run(stack: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=os.environ | stack, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def applications(stack: Mapping[str, str]) -> Mapping[str, str]:
    """Start every service on top of the infrastructure."""
    run_stack("up")
    return stack


@pytest.fixture(scope="module")
def ledger(applications: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Send a run of webhooks and return its ledger."""
    path = tmp_path_factory.mktemp("run") / "ledger.jsonl"
    sent = run(
        applications,
        str(BIN / "simulator"),
        *("send", "--provider", "stripe", "--count", str(COUNT), "--rate", "50", "--seed", "7"),
        *("--run", f"e2e{os.getpid()}", "--ledger", str(path)),
    )
    assert sent.returncode == 0, sent.stdout + sent.stderr
    return path


@pytest.fixture(scope="module")
def delivered_thrice(applications: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Send the same webhooks by three senders at once, and return the ledger of one."""
    folder = tmp_path_factory.mktemp("thrice")
    ledgers = [folder / f"{number}.jsonl" for number in range(3)]
    # Equal seeds, tags and times give equal events.
    send = (
        *("send", "--count", "20", "--rate", "0", "--seed", "9", "--mix", "accepted=1"),
        *("--run", f"thrice{os.getpid()}", "--at", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")),
    )
    senders = [
        subprocess.Popen(
            [str(BIN / "simulator"), *send, "--ledger", str(ledger)],
            env=os.environ | applications,
            stdout=subprocess.DEVNULL,
        )
        for ledger in ledgers
    ]
    assert [sender.wait(120) for sender in senders] == [0, 0, 0]
    sent = [sorted(json.loads(line)["event_id"] for line in ledger.read_text().splitlines()) for ledger in ledgers]
    assert sent[0] == sent[1] == sent[2]
    return ledgers[0]


def test_every_webhook_of_a_run_is_accounted_for_at_every_hop(
    applications: Mapping[str, str], ledger: Path, delivered_thrice: Path, tmp_path: Path
) -> None:
    kinds = Counter(json.loads(line)["kind"] for line in ledger.read_text().splitlines())
    assert kinds.total() == COUNT
    assert set(kinds) == {"accepted", "rejected", "malformed", "unsupported", "forged"}

    # One build has the webhooks of both.
    both = tmp_path / "both.jsonl"
    both.write_text(ledger.read_text() + delivered_thrice.read_text())
    verified = run(applications, str(BIN / "payments"), "verify", "--refresh", "--ledger", str(both))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "Every count agrees" in verified.stdout


def test_the_audit_balances_the_run_without_its_ledger(applications: Mapping[str, str], ledger: Path) -> None:
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    accepted, rejected = (
        {entry["event_id"] for entry in entries if entry["kind"] == kind} for kind in ("accepted", "rejected")
    )
    since = min(entry["sent_at"] for entry in entries)[:19]

    window = ("--since", since, "--grace", "0", "--silver-grace", "0")
    audited = run(applications, str(BIN / "payments"), "audit", *window, "--json")
    told = json.loads(audited.stdout)
    # One for each hour that the window touches.
    counts: Counter[str] = sum((Counter(each["counts"]) for each in told["runs"]), Counter())
    assert not [each for each in told["differences"] if each["subject"] in accepted | rejected], audited.stderr
    assert counts["raw"] >= counts["bronze"] >= len(accepted)


def test_each_webhook_of_the_run_is_traced_to_where_it_ended(applications: Mapping[str, str], ledger: Path) -> None:
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    found = {}
    for kind, ended in (
        # Silver and Gold have it once they were built since.
        ("accepted", ("arrived: ", "in Bronze and the operational database; ")),
        ("rejected", ("stopped at normalizer: ",)),
        ("malformed", ("stopped at gateway: ",)),
        ("unsupported", ("ends in the raw topic and the archive: ",)),
    ):
        event_id = next(entry["event_id"] for entry in entries if entry["kind"] == kind)
        traced = run(applications, str(BIN / "payments"), "trace", event_id, "--patience", "60", "--json")
        assert traced.returncode == 0, traced.stdout + traced.stderr
        told = json.loads(traced.stdout)
        (event,) = told["events"]
        assert told["away"] == {}
        assert event["ended"].startswith(ended), event
        assert not [hop for hop in event["hops"] if hop["state"] in {"missing", "unknown"}], event
        found[kind] = event

    hops = {hop["name"]: hop for hop in found["accepted"]["hops"]}
    assert hops["raw topic"]["place"].startswith("payments.stripe.raw[")
    assert hops["normalizer"]["place"].startswith("payments.normalized[")
    assert hops["workflow"]["said"]["status"] == "completed"
    assert int(hops["Bronze"]["said"]["snapshot"]) > 0
    event_id = found["accepted"]["event"]["event_id"]
    peeked = run(applications, str(BIN / "payments"), "peek", "normalized", "--where", f"event_id={event_id}")
    assert event_id in peeked.stdout, peeked.stderr


def test_a_webhook_that_was_never_sent_is_reported_as_lost_at_its_first_hop(
    applications: Mapping[str, str], ledger: Path, tmp_path: Path
) -> None:
    lines = ledger.read_text().splitlines()
    accepted = next(entry for entry in map(json.loads, lines) if entry["kind"] == "accepted")
    phantom = accepted | {"event_id": "00000000-0000-5000-8000-000000000000"}
    forged = tmp_path / "ledger.jsonl"
    forged.write_text("\n".join([*lines, json.dumps(phantom)]) + "\n")

    verified = run(applications, str(BIN / "payments"), "verify", "--patience", "3", "--ledger", str(forged))
    assert verified.returncode == 1
    assert "accepted, in the raw topic" in verified.stdout
    assert phantom["event_id"] in verified.stdout


def test_events_that_are_delivered_three_times_at_once_count_once(
    applications: Mapping[str, str], delivered_thrice: Path
) -> None:
    # One row in Bronze, from one workflow, and one in Silver for each: more would be told as doubled.
    verified = run(applications, str(BIN / "payments"), "verify", "--ledger", str(delivered_thrice))
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
def settings(applications: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> OperationsSettings:
    for name, value in applications.items():
        monkeypatch.setenv(name, value)
    return load(OperationsSettings)


@pytest.mark.parametrize(
    ("hop", "change"),
    [
        ("bronze", wrong_sums.change_bronze),
        ("database", wrong_sums.change_database),
        ("silver", wrong_sums.change_silver),
    ],
)
def test_one_amount_that_is_wrong_is_found_where_it_is_and_nowhere_else(
    settings: OperationsSettings, ledger: Path, hop: str, change: wrong_sums.Change
) -> None:
    entries = read_ledger(ledger)
    event_id, currency, _ = wrong_sums.an_event(entries)
    with wrong_sums.changed(change, settings, entries, 1):
        found = wrong_sums.balance(settings, entries)
    assert found == {hop: wrong_sums.Finding((event_id,), (), {("amount", currency): 1})}
    assert wrong_sums.balance(settings, entries) == {}


def test_a_payment_whose_amount_is_wrong_is_found_in_silver_and_against_gold(
    settings: OperationsSettings, ledger: Path
) -> None:
    entries = read_ledger(ledger)
    provider, payment_id, currency = wrong_sums.a_payment(entries)
    with wrong_sums.changed(wrong_sums.change_payment, settings, entries, 1):
        found = wrong_sums.balance(settings, entries)
    assert found == {
        "payments": wrong_sums.Finding((f"{provider} {payment_id}",), (), {("captured", currency): 1}),
        "gold": wrong_sums.Finding((), (), {("captured, as in Silver", currency): -1}),
    }


def test_a_sum_that_is_wrong_in_gold_fails_the_command_that_verifies(
    applications: Mapping[str, str], settings: OperationsSettings, ledger: Path
) -> None:
    entries = read_ledger(ledger)
    _, _, currency = wrong_sums.a_payment(entries)
    with wrong_sums.changed(wrong_sums.change_gold, settings, entries, 1):
        found = wrong_sums.balance(settings, entries)
        verified = run(applications, str(BIN / "payments"), "verify", "--ledger", str(ledger))
    more = {("captured", currency): 1, ("captured, as in Silver", currency): 1}
    assert found == {"gold": wrong_sums.Finding((), (), more)}
    assert verified.returncode == 1
    assert "The amounts do not agree." in verified.stdout
    assert f"captured in {currency}:" in verified.stdout


def test_a_normalized_record_with_another_amount_is_found_where_it_was_written(
    settings: OperationsSettings, ledger: Path
) -> None:
    """The last test of this run: what is in Kafka stays there."""
    entries = read_ledger(ledger)
    event_id, currency, amount = wrong_sums.an_event(entries)
    wrong_sums.write_normalized(settings, entries, 1)
    found = wrong_sums.balance(settings, entries)
    more = {("amount", currency): amount + 1}
    assert found == {"normalized": wrong_sums.Finding((event_id,), (event_id,), more)}

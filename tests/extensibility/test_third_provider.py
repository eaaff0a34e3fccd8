"""A new provider is one folder of contracts: no code is written for it, and its webhooks come through."""

from __future__ import annotations

import base64
import hmac
import json
import os
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from payments_contracts.providers import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = Path(__file__).resolve().parent / "zebrapay"
EXAMPLES = FIXTURE / "providers" / "zebrapay" / "examples"
DRIVER = Path(__file__).resolve().parent / "front_door.py"
CODEGEN = Path(sys.executable).parent / "codegen"
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
SECRETS = json.dumps([{"id": "zebrapay-test", "secret": KEY, "merchant_id": "merch_endpoint"}])


def run_codegen(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CODEGEN, *arguments], capture_output=True, text=True, check=False)


def body_of(name: str) -> bytes:
    """Return an example's body, as the file and the one that it is based on say it."""
    data = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    return str(data["body_text"]).encode() if "body_text" in data else json.dumps(data["body"]).encode()


def webhook(body: bytes, signature: str | None = None) -> dict[str, Any]:
    """Return a webhook as Zebrapay signs it: HMAC-SHA256 of the body under the key's bytes, in base64."""
    true = base64.b64encode(hmac.digest(bytes.fromhex(KEY), body, "sha256")).decode()
    headers = {"HmacSignature": true if signature is None else signature, "Content-Type": "application/json"}
    return {"headers": headers, "body": base64.b64encode(body).decode()}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the contracts and put the provider's folder, topic and gateway's API beside the others."""
    folder = tmp_path_factory.mktemp("extended") / "contracts"
    shutil.copytree(ROOT / "contracts", folder)
    shutil.copytree(FIXTURE, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def generated(contracts: Path) -> Path:
    folder = contracts.parent / "generated"
    finished = run_codegen("generate", "--contracts", str(contracts), "--generated", str(folder))
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def report(generated: Path) -> dict[str, Any]:
    """Drive a good, a forged, a malformed, a rejected and an unknown webhook through, in an interpreter of its own."""
    good = body_of("payment.authorised")
    sent = [
        webhook(good),
        webhook(good, base64.b64encode(hmac.digest(KEY.encode(), good, "sha256")).decode()),
        webhook(good + b" ", webhook(good)["headers"]["HmacSignature"]),
        webhook(body_of("malformed.truncated")),
        webhook(good.replace(b"1250", b"-5")),
        webhook(good.replace(b"payment.authorised", b"report.available")),
    ]
    read = through_the_front_door("zebrapay", generated, SECRETS, sent)
    assert Path(read["package"]).is_relative_to(generated)
    return read


def through_the_front_door(provider: str, generated: Path, secrets: str, sent: list[dict[str, Any]]) -> dict[str, Any]:
    """Run the driver with a generated package and return what it prints."""
    prefix = f"GATEWAY_{provider.upper()}_"
    url = f"https://example.com/webhooks/{provider}"
    environment = os.environ | {
        "PYTHONPATH": str(generated / "python"),
        "GATEWAY_PROVIDER": provider,
        "WEBHOOK_SECRETS": secrets,
        f"{prefix}SECRETS": secrets,
        "NOTIFICATION_URL": url,
        f"{prefix}NOTIFICATION_URL": url,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
        "HTTP_PORT": "1024",
    }
    finished = subprocess.run(
        [sys.executable, "-W", "error", DRIVER],
        input=json.dumps(sent),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    read: dict[str, Any] = json.loads(finished.stdout)
    return read


@pytest.fixture(scope="module")
def sent(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    names = ("good", "wrong key", "changed body", "malformed", "rejected", "unsupported")
    return dict(zip(names, report["sent"], strict=True))


def test_the_contracts_keep_all_rules_with_the_provider(contracts: Path) -> None:
    finished = run_codegen("lint", "--contracts", str(contracts))
    assert finished.returncode == 0, finished.stderr


def test_a_signed_webhook_is_on_the_raw_topic_as_it_was_sent(sent: dict[str, dict[str, Any]]) -> None:
    good = sent["good"]
    assert good["status"] == 200
    (written,) = good["written"]
    assert (written["topic"], written["key"]) == ("payments.zebrapay.raw", "MerchantNL01")
    record = written["record"]
    assert record["event_id"] == good["answer"]["event_id"]
    assert record["payload"] == str(body_of("payment.authorised"))
    assert record["provider_created_at"] == "2026-01-05 10:01:30.250000+00:00"
    assert list(record["headers"]) == ["hmacsignature", "content-type"]


def test_it_becomes_the_expected_unified_event(sent: dict[str, dict[str, Any]]) -> None:
    expected = yaml.safe_load((EXAMPLES / "payment.authorised.yaml").read_text(encoding="utf-8"))["expected"]["event"]
    (outcome,) = sent["good"]["outcomes"]
    nothing = dict.fromkeys(outcome["event"])
    assert outcome["event"] == nothing | expected | {"provider_created_at": "2026-01-05 10:01:30.250000+00:00"}


@pytest.mark.parametrize("forged", ["wrong key", "changed body"])
def test_a_forged_webhook_is_refused_and_kept_nowhere(sent: dict[str, dict[str, Any]], forged: str) -> None:
    assert sent[forged]["status"] == 401
    assert sent[forged]["answer"]["reason_code"] == "signature_mismatch"
    assert sent[forged]["written"] == []


def test_a_malformed_webhook_is_a_dead_letter(sent: dict[str, dict[str, Any]]) -> None:
    malformed = sent["malformed"]
    assert (malformed["status"], malformed["answer"]["reason_code"]) == (422, "not_json")
    (written,) = malformed["written"]
    assert (written["topic"], written["record"]["provider"]) == ("payments.ingestion.dlq", "zebrapay")


def test_a_wrong_event_is_rejected_and_an_unknown_one_left_alone(sent: dict[str, dict[str, Any]]) -> None:
    assert sent["rejected"]["outcomes"] == [{"reason_codes": ["amount_negative"]}]
    assert sent["unsupported"]["outcomes"] == [{"unsupported": True}]


def test_the_simulator_sends_its_webhooks_and_each_is_answered_as_it_has_to_be(report: dict[str, Any]) -> None:
    assert report["simulated"] == {"answered": 200, "contradictions": []}


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_the_same_driver_goes_through_for_every_provider_of_the_contracts(provider: str) -> None:
    # A secret in every encoding of keys.
    secrets = json.dumps([{"id": "any", "secret": "0123456789abcdef", "merchant_id": "merch_endpoint"}])
    read = through_the_front_door(provider, ROOT / "generated", secrets, [])
    assert read["simulated"] == {"answered": 200, "contradictions": []}


def test_a_job_of_its_own_reads_its_topic(generated: Path) -> None:
    sources = {file.stem: file.read_text(encoding="utf-8") for file in (generated / "flink" / "sources").iterdir()}
    (zebrapay,) = [name for name, text in sources.items() if "'topic' = 'payments.zebrapay.raw'" in text]
    assert zebrapay == "zebrapay"
    assert sources["stripe"].replace("Stripe", "Zebrapay").replace("stripe", "zebrapay") == sources["zebrapay"]


def test_the_gateway_serves_the_api_that_follows_from_its_contract(report: dict[str, Any], generated: Path) -> None:
    declared = json.loads((generated / "openapi" / "gateway-zebrapay.json").read_text(encoding="utf-8"))["paths"]
    assert report["openapi"].keys() == declared.keys()
    served, wanted = (each["/webhooks/zebrapay"]["post"] for each in (report["openapi"], declared))
    assert [each["name"] for each in served["parameters"]] == [each["name"] for each in wanted["parameters"]]
    assert served["responses"].keys() == wanted["responses"].keys()
    assert schema_of(served) == schema_of(wanted)


def schema_of(operation: dict[str, Any]) -> Any:
    """Return the schema of the body without what its parts mean, which the contract alone says."""
    return undescribed(operation["requestBody"]["content"]["application/json"]["schema"])


def undescribed(schema: dict[str, Any]) -> dict[str, Any]:
    parts = {name: undescribed(each) for name, each in schema.get("properties", {}).items()}
    words = {key: value for key, value in schema.items() if key not in {"description", "properties"}}
    return {**words, "properties": parts}


def test_no_code_is_written_for_the_provider() -> None:
    files = [path.relative_to(FIXTURE).as_posix() for path in FIXTURE.rglob("*") if path.is_file()]
    beside = [name for name in files if not name.startswith("providers/zebrapay/")]
    assert beside == ["topics/payments.zebrapay.raw.yaml"]
    assert {Path(name).suffix for name in files} == {".yaml"}


EVERY = frozenset(PROVIDERS)
# What may name which providers, and why; a path that ends with a slash stands for all below it.
MAY_NAME: dict[str, tuple[frozenset[str], str]] = {
    "codegen/src/codegen/revision.py": (frozenset({"checkout"}), "a checkout of git"),
    "infra/compose.yaml": (frozenset({"square", "stripe"}), "written from the settings of the local stack"),
    "infra/helm/payment-pipeline/files/": (EVERY, "written from the contracts"),
    "infra/helm/payment-pipeline/values.yaml": (frozenset({"square", "stripe"}), "values that an installation sets"),
    "infra/k8s/": (EVERY, "written from the chart, its values and the contracts"),
    "infra/local/src/stack/demo/batch.py": (frozenset({"stripe"}), "whose webhooks `make demo` sends"),
    "infra/local/src/stack/demo/story.py": (frozenset({"stripe"}), "whose webhooks `make demo` sends"),
    "infra/local/src/stack/places.py": (frozenset({"square", "stripe"}), "whose gateways run unless others are named"),
    "services/analytics/src/analytics/report/draw.py": (frozenset({"square"}), "the form of a mark in a legend"),
    "services/kit/src/kit/logging.py": (frozenset({"stripe"}), "an example in a docstring"),
    "services/operations/src/operations/audit/stream.py": (frozenset({"stripe"}), "an example in a docstring"),
    "services/simulator/src/simulator/__main__.py": (frozenset({"stripe"}), "whose webhooks it sends unless told"),
}
SOURCES = ("services/*/src/*", "codegen/catalogue/src", "codegen/src", "dbt", "infra", "Makefile")


@cache
def sources() -> dict[str, str]:
    """Return each path with what it holds, in lower case: the files of git, and those that are to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SOURCES],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    # Tests of infra take one of the providers as an example.
    of_programs = [name for name in paths if not (name.startswith("infra/") and "/tests/" in name)]
    return {name: (ROOT / name).read_text(encoding="utf-8", errors="ignore").lower() for name in of_programs}


def naming(provider: str) -> set[str]:
    return {path for path, text in sources().items() if provider in path.lower() or provider in text}


def below(path: str, allowed: str) -> bool:
    return path.startswith(allowed) if allowed.endswith("/") else path == allowed


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_no_code_knows_a_provider_by_its_name(provider: str) -> None:
    exempt = [allowed for allowed, (names, _) in MAY_NAME.items() if provider in names]
    assert {path for path in naming(provider) if not any(below(path, each) for each in exempt)} == set()


@pytest.mark.parametrize("allowed", MAY_NAME)
def test_what_may_name_a_provider_names_it(allowed: str) -> None:
    names, _ = MAY_NAME[allowed]
    assert {each for each in names if not any(below(path, allowed) for path in naming(each))} == set()


@pytest.mark.parametrize("pattern", SOURCES)
def test_the_sources_are_where_they_are_looked_for(pattern: str) -> None:
    assert [path for path in sources() if fnmatch(path, f"{pattern}*")] != []

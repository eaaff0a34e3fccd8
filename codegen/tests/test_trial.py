"""Examples of the real contracts, tried: a webhook's headers are part of what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from codegen.loader import load
from codegen.trial import as_example, example_in, owner_of

from .rule_cases import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codegen.model import Catalog

CONTRACTS = ROOT / "contracts"


@pytest.fixture(scope="module")
def contracts() -> Catalog:
    return load(CONTRACTS)


def example_file(provider: str, name: str) -> Path:
    return CONTRACTS / "providers" / provider / "examples" / f"{name}.yaml"


@pytest.mark.parametrize(
    ("provider", "name"), [("razorpay", "payment.captured"), ("square", "payment.updated.sandbox")]
)
def test_an_example_is_tried_with_its_headers(
    contracts: Catalog, run: Callable[..., tuple[int, str, str]], provider: str, name: str
) -> None:
    given = ("try", provider, str(example_file(provider, name)), "--contracts", str(CONTRACTS))
    code, out, _ = run(*given, "--format", "yaml")
    (chosen,) = (each for each in contracts.providers if each.name == provider)
    example = example_in(chosen, example_file(provider, name))
    assert code == 0
    assert example is not None
    wanted = {key: value for key, value in (example.event or {}).items() if key in {"provider_event_id", "livemode"}}
    said = yaml.safe_load(out)
    assert said["outcome"] == "accepted"
    assert wanted.items() <= said["expected"]["event"].items()
    assert run(*given)[1].startswith("normalized: ")


def test_every_example_with_headers_is_tried_as_it_says(contracts: Catalog) -> None:
    with_headers = [(each, one) for each in contracts.providers for one in each.examples if one.headers][::7]
    assert with_headers
    for provider, each in with_headers:
        said = as_example(contracts, provider, each.body, each.merchant_id, each.headers, each.received_at)
        assert yaml.safe_load(said)["outcome"] == each.kind, each.name


def test_a_body_is_tried_with_the_headers_that_are_given(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, contracts: Catalog
) -> None:
    (razorpay,) = (each for each in contracts.providers if each.name == "razorpay")
    example = example_in(razorpay, example_file("razorpay", "payment.captured"))
    assert example is not None
    (tmp_path / "body.json").write_bytes(example.body)
    given = ("try", "razorpay", str(tmp_path / "body.json"), "--contracts", str(CONTRACTS))
    assert "the header x-razorpay-event-id is absent" in run(*given)[1]
    assert "x-razorpay-event-id" not in run(*given, "--header", "X-Razorpay-Event-Id: evt_1")[1]
    code, _, err = run(*given, "--header", "evt_1")
    assert (code, err) == (1, "'evt_1' is not a header: write NAME:VALUE\n")


def test_an_example_of_another_provider_is_not_taken_for_a_body(
    run: Callable[..., tuple[int, str, str]], contracts: Catalog, tmp_path: Path
) -> None:
    file = example_file("razorpay", "payment.captured")
    code, _, err = run("try", "stripe", str(file), "--contracts", str(CONTRACTS))
    assert code == 1
    assert "is an example of razorpay, not of stripe: `codegen try razorpay " in err
    assert owner_of(contracts, tmp_path / "examples" / "body.yaml") is None

"""What an example has to expect: printed by `codegen try --format yaml`, written by `codegen examples --update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from codegen.document import parse
from codegen.expectation import rewritten
from codegen.model import Example
from codegen.text import block
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


PAID = "contracts/providers/acme/examples/paid.yaml"
TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "1e3",
        "1.0",
        "007",
        "null",
        "~",
        "yes",
        "true",
        "2026-01-02",
        "a: b",
        "#",
        "- x",
        "a\nb",
        " a ",
        "'",
        '"',
        "\x7f",
        "{}",
    ]
)
EVENTS = st.dictionaries(
    st.sampled_from(["currency", "amount_cents", "metadata", "new", "status", "a b"]),
    st.none() | st.booleans() | st.integers(-5, 5) | TEXTS | st.dictionaries(TEXTS, TEXTS, max_size=3),
    max_size=6,
)


def test_try_prints_what_an_example_says(run: Callable[..., tuple[int, str, str]], contracts: Path) -> None:
    code, out, _ = run("try", "acme", PAID, "--format", "yaml")
    said = yaml.safe_load((contracts / "providers/acme/examples/paid.yaml").read_text(encoding="utf-8"))
    assert code == 0
    assert yaml.safe_load(out) == {key: said[key] for key in ("outcome", "event_type", "expected")}


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("rejected.failed", "outcome: rejected\nevent_type: failed\nexpected:\n  reason_codes: ["),
        ("malformed", "outcome: malformed\nexpected:\n  reason_codes: [not_json]\n"),
        ("unsupported", "outcome: unsupported\nevent_type: refunded\n"),
    ],
)
def test_try_prints_every_outcome(run: Callable[..., tuple[int, str, str]], name: str, printed: str) -> None:
    code, out, _ = run("try", "acme", f"contracts/providers/acme/examples/{name}.yaml", "--format", "yaml")
    assert code == 0
    assert out.startswith(printed)


def test_an_update_writes_what_differs_and_leaves_all_else(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], contracts: Path
) -> None:
    file, before = "providers/acme/examples/paid.yaml", (contracts.parent / PAID).read_text(encoding="utf-8")
    edit(file, "    amount_cents: 1250\n", "    amount_cents: 7  # in fils\n    # The next is right.\n")
    edit(file, "    exponent: 3\n", "    gone: 1\n")
    edit(file, '      fee.taxed: "false"\n', "")
    code, out, err = run("examples")
    assert (code, out) == (1, f"differs: {PAID}\n")
    assert err == "1 example to be updated: `codegen examples --update` does it\n"
    assert run("examples", "--update")[:2] == (0, f"updated {PAID}\n")
    after = (contracts.parent / PAID).read_text(encoding="utf-8")
    assert after.replace("  # in fils\n    # The next is right.", "").replace("'false'", '"false"') == before
    assert run("examples")[:2] == (0, "every example expects what becomes of it\n")


def test_an_update_writes_what_a_new_example_leaves_out(
    run: Callable[..., tuple[int, str, str]], contracts: Path
) -> None:
    file = contracts.parent / PAID
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole[: whole.index("expected:")], encoding="utf-8")
    assert run("examples", "acme", "--update")[0] == 0
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == yaml.safe_load(whole)


def test_reason_codes_are_written_in_their_line(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], contracts: Path
) -> None:
    file = contracts / "providers/acme/examples/malformed.yaml"
    before = file.read_text(encoding="utf-8")
    edit("providers/acme/examples/malformed.yaml", "[not_json]", "[not_utf8]")
    assert run("examples", "--update")[0] == 0
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == yaml.safe_load(before)


def test_a_null_that_an_example_leaves_out_is_no_difference(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], contracts: Path
) -> None:
    file = contracts.parent / PAID
    before = file.read_text(encoding="utf-8")
    edit("providers/acme/examples/paid.yaml", "    disputed_at: null\n", "")
    assert run("lint")[0] == 0
    assert run("examples")[:2] == (0, "every example expects what becomes of it\n")
    edit("providers/acme/examples/paid.yaml", "    amount_cents: 1250\n", "    amount_cents: 7\n")
    assert run("examples", "--update")[:2] == (0, f"updated {PAID}\n")
    assert file.read_text(encoding="utf-8") == before.replace("    disputed_at: null\n", "")


def test_what_only_a_time_of_arrival_gives_is_not_expected_to_be_null(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], contracts: Path
) -> None:
    file = contracts.parent / PAID
    edit("providers/acme/mapping.yaml", "disputed_at: {const: null}", "disputed_at: {envelope: received_at}")
    edit("providers/acme/examples/paid.yaml", "    disputed_at: null\n", "")
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole[: whole.index("expected:")], encoding="utf-8")
    assert run("examples", "acme", "--update")[0] == 0
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == yaml.safe_load(whole)


@pytest.mark.parametrize(
    "change",
    [
        ("paid", "amount_cents: 1250\n", "amount_cents: 1250.0\n"),
        ("paid", "disputed_at: null\n", 'disputed_at: ""\n'),
        ("malformed", "[not_json]", "[not_json, not_utf8]"),
        ("unsupported", "outcome: unsupported\n", "outcome: unsupported\nexpected: {event: {}}\n"),
        ("rejected.failed", "reason_codes: [", "reason_codes: [currency_unknown, "),
    ],
)
def test_lint_and_examples_find_the_same_and_an_update_mends_it(
    run: Callable[..., tuple[int, str, str]],
    edit: Callable[[str, str, str], None],
    contracts: Path,
    change: tuple[str, str, str],
) -> None:
    name, old, new = change
    file = f"providers/acme/examples/{name}.yaml"
    before = yaml.safe_load((contracts / file).read_text(encoding="utf-8"))
    edit(file, old, new)
    code, _, err = run("lint")
    assert (code, err.count("[example]")) == (1, 1)
    assert "`codegen examples --update` writes what is expected" in err
    assert run("examples")[:2] == (1, f"differs: contracts/{file}\n")
    assert run("examples", "--update")[0] == 0
    assert yaml.safe_load((contracts / file).read_text(encoding="utf-8")) == before
    assert run("lint")[0] == 0


def test_an_example_of_which_something_else_becomes_is_left_to_its_author(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], contracts: Path
) -> None:
    edit("providers/acme/examples/paid.yaml", "amount: 125", "amount: 0")
    before = (contracts.parent / PAID).read_text(encoding="utf-8")
    _, _, found = run("lint")
    assert "[example] it is rejected: " in found
    assert "→ correct by hand its body or its `outcome`, or the contract that it shows" in found
    assert "examples --update" not in found
    code, out, err = run("examples", "--update")
    assert code == 1
    assert f"{PAID}: it says accepted, and would be rejected; correct it by hand" in out
    assert err == "1 example to be corrected by hand\n"
    assert (contracts.parent / PAID).read_text(encoding="utf-8") == before


def test_what_an_update_can_write_and_what_it_cannot_are_counted_apart(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None]
) -> None:
    edit("providers/acme/examples/paid.yaml", "amount: 125", "amount: 0")
    edit("providers/acme/examples/malformed.yaml", "[not_json]", "[not_utf8]")
    _, _, err = run("examples")
    update = "1 example to be updated: `codegen examples --update` does it"
    assert err == f"{update}; 1 example to be corrected by hand\n"
    assert run("examples", "--update")[2] == "1 example to be corrected by hand\n"


def test_examples_wait_until_the_mapping_is_right(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None]
) -> None:
    edit("providers/acme/mapping.yaml", "payment.payer", "payment.payerr")
    code, _, err = run("examples", "--update")
    assert code == 1
    assert "[path]" in err


@given(event=EVENTS, other=EVENTS)
def test_any_event_is_written_over_any_other(event: dict[str, Any], other: dict[str, Any]) -> None:
    example = with_text(block({"outcome": "accepted", "expected": {"event": event}, "merchant_id": "m"}))
    changed = parse(example.source.path, rewritten(example, {"event": other}))
    assert changed.data == {"outcome": "accepted", "expected": {"event": other}, "merchant_id": "m"}


def with_text(text: str) -> Example:
    document = parse("providers/acme/examples/paid.yaml", text)
    return Example("acme", "paid", "accepted", "x", "paid", "m", {}, b"{}", None, (), document)

"""The command as people use it: exit codes and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codegen.model import GeneratedFile

from codegen import emit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codegen.model import Catalog

PROVIDER = Path(__file__).parent / "golden" / "acme" / "contracts" / "providers" / "acme" / "provider.yaml"
REQUIRED = next(
    number for number, line in enumerate(PROVIDER.read_text().splitlines(), start=1) if "required: {" in line
)
ASKED = f"asked    contracts/providers/acme/provider.yaml:{REQUIRED}"


def test_generate_then_drift_agree(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("drift")[0] == 1
    code, out, _ = run("generate")
    assert code == 0
    assert "wrote generated/kafka/topics.json" in out
    assert run("drift")[:2] == (0, "generated files and contracts agree\n")
    assert run("generate")[1] == "nothing changed\n"


def test_drift_names_what_differs_and_what_to_do(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    run("generate")
    (tmp_path / "generated" / "kafka" / "topics.json").write_text("{}")
    code, _, err = run("drift")
    assert code == 1
    assert "generated/kafka/topics.json: different" in err
    assert "run `make codegen`" in err


def test_generate_writes_nothing_where_a_contract_is_wrong(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], tmp_path: Path
) -> None:
    edit("providers/acme/mapping.yaml", "payment.payer", "payment.payerr")
    edit("topics/payments.normalized.yaml", "orchestrator: 1", "orchestrator: 5")
    code, _, err = run("generate")
    assert code == 1
    assert "contracts/providers/acme/mapping.yaml:31 [path] payer: payment.payerr is not declared" in err
    assert "(did you mean payment.payer?)" in err
    assert "[pin] orchestrator is pinned to payment_event v5" in err
    assert "nothing was written" in err
    assert not (tmp_path / "generated").exists()


def test_lint_says_that_all_is_well_and_lists_its_rules(run: Callable[..., tuple[int, str, str]]) -> None:
    assert "the contracts keep all" in run("lint")[1]
    assert "lookup" in run("lint", "--rules")[1]


def test_a_folder_in_the_place_of_an_option_is_understood(run: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = run("lint", "contracts")
    assert code == 1
    assert err.endswith("the folder of the contracts is an option: did you mean --contracts contracts?\n")


def test_a_missing_folder_is_one_clear_sentence(run: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = run("lint", "--contracts", "nowhere")
    assert code == 1
    assert "nowhere" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("paid", ["normalized: payment.succeeded", "amount_cents", "1250", "line 14", "fee.taxed"]),
        (
            "rejected.paid",
            ["rejected: paid", "amount_not_positive", "mapping  contracts/providers/acme/mapping.yaml:14"],
        ),
        (
            "rejected.paid",
            ["rule     contracts/rules/validation.yaml:18", "meaning  contracts/rules/validation.yaml:13"],
        ),
        ("paid", ["payment.amount", "payment.method_code", "the constant acme", "the rest of payment"]),
        ("malformed", ["malformed", "not_json: The body is not JSON.", "found    unexpected"]),
        (
            "malformed",
            ["asked    contracts/providers/acme/provider.yaml:", "meaning  contracts/rules/ingestion.yaml:6"],
        ),
        ("unsupported", ["unsupported: no mapping covers refunded"]),
        ("unsupported", ["mapped   contracts/providers/acme/mapping.yaml:9 paid, failed"]),
    ],
)
def test_try_explains_an_example(run: Callable[..., tuple[int, str, str]], name: str, says: list[str]) -> None:
    code, out, _ = run("try", "acme", f"contracts/providers/acme/examples/{name}.yaml")
    assert code == 0
    assert [each for each in says if each not in out] == []


def test_try_reads_a_body_as_it_was_sent(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "body.json").write_bytes(b'{"uuid":"1","kind":"paid","at":"?","payment":{}}')
    code, out, _ = run("try", "acme", "body.json", "--merchant-id", "m")
    assert code == 0
    assert "field_missing amount_cents: payment.amount is absent" in out


def test_try_says_that_an_old_event_is_refused(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "body.json").write_bytes(b'{"uuid":"1","kind":"paid","at":"2020-01-02T03:04:05Z","payment":{}}')
    code, out, _ = run("try", "acme", "body.json", "--merchant-id", "m")
    assert code == 0
    assert "refused: the gateway answers event_too_old" in out
    assert "seconds old, and 86400 are allowed" in out
    assert "field_missing amount_cents: payment.amount is absent" in out


def test_try_says_that_an_empty_body_is_never_authentic(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "body.json").write_bytes(b"")
    code, out, _ = run("try", "acme", "body.json")
    assert (code, out) == (0, "refused: the gateway answers 401; an empty body is never authentic\n")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"uuid":"1","kind":"paid","at":"?","payment":{}}', ["field    contracts/avro/payment_event/v1.avsc:"]),
        ('{"kind":"paid","payment":{}}', ["field_missing: ", "found    uuid is absent, null or empty", ASKED]),
        ('{"uuid":"","kind":"paid","payment":{}}', ["field_missing: ", "found    uuid is absent, null or empty"]),
        ('{"uuid":1,"kind":"paid","payment":{}}', ["found    uuid is a JSON integer, not string", ASKED]),
        ("[1]", ["not_object: ", "found    the body is a JSON array"]),
    ],
)
def test_try_names_the_line_behind_each_rejection(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, body: str, says: list[str]
) -> None:
    (tmp_path / "body.json").write_text(body)
    code, out, _ = run("try", "acme", "body.json")
    assert code == 0
    assert [each for each in says if each not in out] == []


def test_try_speaks_in_colour_to_a_terminal(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    _, out, _ = run("try", "acme", "contracts/providers/acme/examples/rejected.paid.yaml")
    assert out.startswith("\x1b[1;31mrejected")


def test_try_names_the_providers_there_are(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text("{}")
    code, _, err = run("try", "nobody", "body.json")
    assert (code, err) == (1, "there is no provider 'nobody'; the contracts have acme\n")


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "generated").write_text("a file where the folder should be")
    code, _, err = run("generate")
    assert code == 1
    assert "generated" in err
    assert "Traceback" not in err


def test_an_emitter_that_fails_half_way_leaves_nothing_behind(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(catalog: Catalog) -> Iterator[GeneratedFile]:
        yield GeneratedFile("half.txt", b"")
        raise KeyError("topic")

    monkeypatch.setattr(emit, "EMITTERS", (*emit.EMITTERS, broken))
    code, _, err = run("generate")
    assert code == 1
    assert "codegen itself failed; nothing was written" in err
    assert "KeyError: 'topic'" in err
    assert not (tmp_path / "generated").exists()


def test_two_emitters_cannot_write_one_file(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(catalog: Catalog) -> Iterator[GeneratedFile]:
        yield GeneratedFile("kafka/topics.json", b"{}")

    monkeypatch.setattr(emit, "EMITTERS", (*emit.EMITTERS, again))
    code, _, err = run("generate")
    assert code == 1
    assert "two emitters give kafka/topics.json" in err
    assert not (tmp_path / "generated").exists()


def test_what_nobody_foresaw_still_ends_in_a_sentence(
    run: Callable[..., tuple[int, str, str]], contracts: Path, edit: Callable[[str, str, str], None]
) -> None:
    (contracts / "meta" / "topic.schema.json").write_text("{}")
    edit("topics/payments.normalized.yaml", "consumers: {orchestrator: 1}\n", "")
    code, _, err = run("lint")
    assert code == 1
    assert "codegen itself failed; nothing was written." in err.splitlines()[-1]
    assert "a meta schema that lets too much through" in err.splitlines()[-1]


def test_names_and_values_of_files_cannot_write_to_the_terminal(
    run: Callable[..., tuple[int, str, str]], contracts: Path
) -> None:
    (contracts / "topics" / "a\x1b[31m\nb.yaml").write_text("kind: topic\n")
    code, _, err = run("lint")
    assert code == 1
    assert "\x1b" not in err
    assert "contracts/topics/a\\x1b[31m\\nb.yaml:1 [shape]" in err


def test_paths_are_those_seen_from_here(run: Callable[..., tuple[int, str, str]], contracts: Path) -> None:
    (contracts / "topics" / "notes.txt").write_text("")
    assert run("lint", "--contracts", str(contracts))[2].startswith("contracts/topics/notes.txt [orphan]")

"""A new provider: begun by one command, finished TODO by TODO, clean at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from codegen.findings import ContractError
from codegen.lint import lint
from codegen.loader import load
from codegen.scaffold import ScaffoldError, scaffold
from codegen.write import add

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codegen.findings import Finding
    from codegen.model import Catalog

NAME = "emca"


def findings(contracts: Path) -> tuple[Finding, ...]:
    try:
        return lint(load(contracts))
    except ContractError as error:
        return error.findings


def first_todo(data: Any, place: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
    if isinstance(data, str):
        return place if data.startswith("TODO") else None
    members = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return next((found for key, value in members if (found := first_todo(value, (*place, key)))), None)


def at(data: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        data = data[step]
    return data


def answers(contracts: Path) -> dict[str, Any]:
    """What a person would find out: here the facts of the provider that is there already."""
    folder = contracts / "providers" / "acme"
    read = {name: yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("provider", "mapping")}
    read["payload.openapi"] = yaml.safe_load((folder / "payload.openapi.yaml").read_text())
    read["payload.openapi"]["info"]["description"] = "The parts that are read."
    schemas = read["payload.openapi"]["components"]["schemas"]
    schemas["PaymentEvent"]["properties"]["payment"]["properties"]["parent"] = {
        "type": "object",
        "description": "A payment that this one belongs to.",
        "properties": {"id": {"type": "string", "description": "Its id."}},
    }
    read["mapping"]["groups"][0]["events"] = ["paid"]
    event_type = read["mapping"]["groups"][0]["fields"]["event_type"]
    event_type["lookup"]["table"] = {"paid": "payment.succeeded"}
    read["accepted"] = yaml.safe_load((folder / "examples" / "paid.yaml").read_text())
    read["accepted"]["expected"]["event"]["provider"] = NAME
    read["rejected"] = yaml.safe_load((folder / "examples" / "rejected.paid.yaml").read_text())
    return read


@pytest.fixture
def begun(contracts: Path) -> Path:
    add(contracts, scaffold(load(contracts), NAME))
    return contracts


def test_only_todos_are_found_and_each_says_where_the_fact_is(begun: Path) -> None:
    found = findings(begun)
    assert {each.rule for each in found} == {"todo"}
    for each in found:
        line = (begun / each.file).read_text().splitlines()[each.line - 1]
        assert "TODO" in line
        assert each.message.startswith("still to be written: ")
        assert each.hint.startswith("see ")


def test_replacing_todos_one_by_one_makes_no_other_noise_and_ends_clean(begun: Path) -> None:
    known = answers(begun)
    left = len(findings(begun))
    for path in (found.file for found in findings(begun)):
        file = begun / path
        data = yaml.safe_load(file.read_text())
        place = first_todo(data)
        assert place is not None
        at(data, place[:-1])[place[-1]] = at(known[file.name.removesuffix(".yaml")], place)
        if file.stem == "accepted":
            # The body of this answer holds on purpose what its payload contract does not say.
            data["undocumented"] = known["accepted"]["undocumented"]
        if file.stem == "provider":
            # Not every provider lets merchants write what they like: the scaffold does not ask for it.
            data["merchant_metadata"] = known["provider"]["merchant_metadata"]
        file.write_text(yaml.safe_dump(data, sort_keys=False))
        left -= 1
        found = findings(begun)
        assert len([each for each in found if each.rule == "todo"]) == left
        assert left == 0 or {each.rule for each in found} == {"todo"}
    assert findings(begun) == ()
    assert load(begun).providers[-1].name == NAME


def test_a_mistake_beside_a_todo_is_reported_too(begun: Path) -> None:
    file = begun / "providers" / NAME / "provider.yaml"
    file.write_text(file.read_text().replace("max_body_bytes: 524288", "max_body_bytes: much"))
    assert {each.rule for each in findings(begun)} == {"todo", "shape"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acme", "there is a provider 'acme' already"),
        ("Emca", "use 2 to 40 letters"),
        ("../x", "use 2 to 40 letters"),
        ("a_b", "use 2 to 40 letters"),
        ("", "use 2 to 40 letters"),
        ("class", "could not be called so"),
        ("values", "could not be called so"),
    ],
)
def test_a_name_that_is_wrong_or_taken_is_refused(acme: Catalog, name: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=message):
        scaffold(acme, name)


def test_nothing_is_written_where_one_of_the_files_is_there(contracts: Path) -> None:
    files = scaffold(load(contracts), NAME)
    mine = contracts / "topics" / f"payments.{NAME}.raw.yaml"
    mine.write_text("mine")
    with pytest.raises(FileExistsError):
        add(contracts, files)
    assert not (contracts / "providers" / NAME).exists()
    assert mine.read_text() == "mine"


def test_the_command_says_what_it_wrote_and_what_is_next(
    run: Callable[..., tuple[int, str, str]], contracts: Path
) -> None:
    code, out, _ = run("scaffold-provider", NAME)
    assert code == 0
    assert f"wrote contracts/providers/{NAME}/mapping.yaml" in out
    assert "`codegen lint` lists what is still to be written" in out
    assert run("scaffold-provider", "acme")[0] == 1


def test_the_command_writes_nothing_while_the_contracts_are_wrong(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], contracts: Path
) -> None:
    edit("topics/payments.normalized.yaml", "partitions: 4", "partitions: 0")
    assert run("scaffold-provider", NAME)[0] == 1
    assert not (contracts / "providers" / NAME).exists()

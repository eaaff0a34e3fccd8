"""`codegen declare`: what a mapping takes is written into the payload contract, by what is known of it already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]
    Edit = Callable[[str, str, str], None]

MAPPING = "providers/acme/mapping.yaml"
PAYLOAD = "providers/acme/payload.openapi.yaml"
LAST = '            parent: {$ref: "#/components/schemas/Parent"}\n    Parent:'
NEXT = "next: look whether the provider says more of it, and whether it is personal data\n"


@pytest.mark.parametrize(
    ("old", "new", "path", "line"),
    [
        (
            "disputed_at: {const: null}",
            "disputed_at: {time: {value: {path: payment.disputed}, format: epoch_seconds}}",
            "payment.disputed",
            'disputed: {type: [integer, "null"], description: "When the payer objected."}',
        ),
        (
            "disputed_at: {const: null}",
            "disputed_at: {time: {value: {path: payment.disputed}, format: iso8601}}",
            "payment.disputed",
            'disputed: {type: [string, "null"], description: "When the payer objected."}',
        ),
        (
            "risk: {path: payment.risk}",
            "risk: {path: payment.score}",
            "payment.score",
            'score: {type: [number, "null"], description: "The provider\'s own score."}',
        ),
        (
            "live: {path: payment.live}",
            "live: {path: payment.real}",
            "payment.real",
            'real: {type: boolean, description: "Whether money moves."}',
        ),
        (
            "currency: {upper: {path: payment.currency}}",
            'currency: {upper: {path: payment."its-currency"}}',
            'payment."its-currency"',
            'its-currency: {type: string, description: "ISO 4217 code."}',
        ),
    ],
)
def test_the_type_is_what_takes_it_and_the_description_that_of_the_field(  # noqa: PLR0917 - a case and two fixtures
    run: Run, edit: Edit, contracts: Path, old: str, new: str, path: str, line: str
) -> None:
    before = (contracts / PAYLOAD).read_text(encoding="utf-8")
    edit(MAPPING, old, new)
    assert run("declare", "acme", path) == (0, f"updated contracts/{PAYLOAD}, for PaymentEvent: {line}\n{NEXT}", "")
    after = (contracts / PAYLOAD).read_text(encoding="utf-8")
    assert after == before.replace(LAST, LAST.replace("    Parent:", f"            {line}\n    Parent:"))
    assert "[path]" not in run("lint")[2]


def test_lint_names_the_command_that_writes_it(run: Run, edit: Edit) -> None:
    edit(MAPPING, "risk: {path: payment.risk}", 'risk: {path: "payment.orders[0].risk"}')
    assert "(`codegen declare acme 'payment.orders[0].risk'` writes it)" in run("lint")[2]
    edit(MAPPING, '{path: "payment.orders[0].risk"}', "{path: payment.score}")
    assert "(`codegen declare acme payment.score` writes it)" in run("lint")[2]


def test_an_example_tells_the_type_better(run: Run, edit: Edit, contracts: Path) -> None:
    edit(
        MAPPING,
        "tries: {null_if: {value: {path: payment.tries}, values: [0, none]}}",
        "tries: {whole: {path: payment.turn}}",
    )
    code, _, err = run("declare", "acme", "payment.turn")
    assert code == 1
    assert "cannot be told from what takes it: give an example, or declare it by hand; nothing was written" in err
    edit("providers/acme/examples/paid.yaml", "    tries: 1\n", "    tries: 1\n    turn: '1'\n")
    assert run("declare", "acme", "payment.turn")[0] == 0
    assert '            turn: {type: [string, "null"], description: "Attempts so far."}\n' in (
        contracts / PAYLOAD
    ).read_text(encoding="utf-8")


def test_a_path_below_an_object_is_declared_there(run: Run, edit: Edit, contracts: Path) -> None:
    edit(MAPPING, "reference: {concat: [{path: payment.shop}", "reference: {concat: [{path: payment.fee.hidden}")
    assert run("declare", "acme", "payment.fee.hidden")[0] == 0
    assert (
        "                taxed: {type: boolean, description: Whether tax is in it.}\n"
        '                hidden: {type: [string, "null"], description: "Shop and number of the order."}\n'
    ) in (contracts / PAYLOAD).read_text(encoding="utf-8")


def test_what_fills_a_personal_field_is_personal(run: Run, edit: Edit, contracts: Path) -> None:
    edit(MAPPING, "payer: {path: payment.payer}", "payer: {path: payment.buyer}")
    assert run("declare", "acme", "payment.buyer")[0] == 0
    assert 'description: "Who paid.", x-personal-data: true}\n' in (contracts / PAYLOAD).read_text(encoding="utf-8")


def test_a_long_description_has_lines_of_its_own(run: Run, edit: Edit, contracts: Path) -> None:
    words = "How risky it is. " * 8
    edit("avro/payment_event/v1.avsc", "The provider's own score.", words.strip())
    edit(MAPPING, "risk: {path: payment.risk}", "risk: {path: payment.score}")
    assert run("declare", "acme", "payment.score")[0] == 0
    assert (
        f'            score:\n              type: [number, "null"]\n              description: "{words.strip()}"\n'
    ) in (contracts / PAYLOAD).read_text(encoding="utf-8")


def test_what_stands_for_all_groups_is_declared_for_those_whose_examples_have_it(
    run: Run, edit: Edit, contracts: Path
) -> None:
    edit(MAPPING, "      risk: {path: payment.risk}\n", "")
    edit(MAPPING, "groups:\n", "fields:\n  risk: {path: payment.score}\ngroups:\n")
    code, _, err = run("declare", "acme", "payment.score")
    assert code == 1
    assert "payment.score stands once for all groups, and no example says which of them have it" in err
    edit("providers/acme/examples/paid.yaml", "    risk: 0.25\n", "    risk: 0.25\n    score: 7\n")
    assert run("declare", "acme", "payment.score")[0] == 0
    assert '            score: {type: [integer, "null"]' in (contracts / PAYLOAD).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("new", "path", "said"),
    [
        ("{path: payment.risk}", "payment.score", "no mapping of acme takes payment.score"),
        ("{path: payment.risk}", "payment.risk", "payment.risk is declared for all that takes it"),
        (
            "{path: payment.more.risk}",
            "payment.more.risk",
            "payment.more is not declared either: declare it first, by hand",
        ),
        ("{path: payment.notes.risk.it}", "payment.notes.risk.it", "payment.notes.risk is not declared either"),
        ("{path: payment.tries.risk}", "payment.tries.risk", "payment.tries has no properties yet"),
        ("{path: payment.basket.risk}", "payment.basket.risk", "are in one line: write it there"),
    ],
)
def test_what_cannot_be_declared_is_told_and_nothing_is_written(  # noqa: PLR0917 - a case and three fixtures
    run: Run, edit: Edit, contracts: Path, new: str, path: str, said: str
) -> None:
    before = (contracts / PAYLOAD).read_text(encoding="utf-8")
    edit(MAPPING, "risk: {path: payment.risk}", f"risk: {new}")
    code, out, err = run("declare", "acme", path)
    assert (code, out) == (1, "")
    assert said in err
    assert "nothing was written" in err
    assert (contracts / PAYLOAD).read_text(encoding="utf-8") == before

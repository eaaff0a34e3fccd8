"""`codegen compat` calls the edit of a released version that, whatever else is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .test_cli_compat import TOPIC

if TYPE_CHECKING:
    from .repository import Repository
    from .test_cli_compat import Run

PAYMENT = "avro/payment/v1.avsc"


def test_compat_calls_the_edit_of_a_released_version_that_whatever_else_is_wrong(
    run_there: Run, repository: Repository
) -> None:
    repository.edit(PAYMENT, '"name": "note"', '"name": "remark"')
    code, _, err = run_there("compat")
    told = [line for line in err.splitlines() if " [" in line]
    assert code == 1
    assert (
        told[0]
        == "contracts/avro/payment/v1.avsc:6 [version-changed] payment v1 is released, and was edited: note is gone"
    )
    assert "    → put v1 back as it was, and write the change as v2" in err
    assert any("[mapping]" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"type": "int", "doc": "How much."',
            '"type": "float", "doc": "How much."',
            "amount_cents: type was int and is",
        ),
        ('"type": "record"', '"type": "record" "', "payment v1 is released, and cannot be read any more"),
        ('"fields": [', '"members": [', "payment v1 is released, and its file holds no record any more"),
    ],
)
def test_compat_calls_it_that_even_where_the_file_is_not_a_record_any_more(
    run_there: Run, repository: Repository, old: str, new: str, said: str
) -> None:
    repository.edit(PAYMENT, old, new)
    code, _, err = run_there("compat")
    assert code == 1
    assert "[version-changed]" in err.splitlines()[0]
    assert said in err.splitlines()[0]


SUCCESSOR = "avro/payment/v2.yaml"
ADDED = """\
kind: version
extends: 1
fields:
  - name: tip
    type: ["null", int]
    default: null
    doc: How much more.
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("How much more.", "How much.", "payment v2 is released, and was edited: tip: its doc has other words"),
        ("name: tip", "name: gratuity", "payment v2 is released, and was edited: tip is gone"),
        ("fields:", "fields", "payment v2 is released, and cannot be read any more"),
        ("extends: 1", "extends: one", "payment v2 is released, and its file holds no record any more"),
        ("fields:", "members:", "payment v2 is released, and its file holds no record any more"),
    ],
)
def test_compat_calls_it_that_too_of_a_version_that_is_made_from_another(
    run_there: Run, repository: Repository, old: str, new: str, said: str
) -> None:
    (repository.contracts / SUCCESSOR).write_text(ADDED)
    repository.edit(TOPIC, "version: 1", "version: 2")
    repository.commit()
    repository.edit(SUCCESSOR, old, new)
    repository.edit(TOPIC, "partitions: 4", "partitions: many")
    code, _, err = run_there("compat")
    assert code == 1
    told = [line for line in err.splitlines() if "[version-changed]" in line]
    assert len(told) == (2 if "is gone" in said else 1)
    assert said in "".join(told)
    assert told[0] == err.splitlines()[0]


EXTENSION = "avro/receipt/extension.yaml"
EXTENDED = """\
kind: extension
extends: payment
again: [1]
doc: A payment with where it was made.
fields:
  - name: place
    type: ["null", string]
    default: null
    since: 2
    doc: Where.
"""


@pytest.mark.parametrize(
    ("old", "new"), [("again: [1]", "again: 1"), ("again: [1]", "again: null"), ("since: 2", "since: two")]
)
def test_an_extension_that_cannot_be_read_is_a_finding(
    run_there: Run, repository: Repository, old: str, new: str
) -> None:
    (repository.contracts / EXTENSION).parent.mkdir()
    (repository.contracts / EXTENSION).write_text(EXTENDED)
    repository.commit()
    repository.edit(EXTENSION, old, new)
    code, _, err = run_there("compat")
    assert code == 1
    assert "defect of codegen" not in err
    assert f"contracts/{EXTENSION}:" in err


def test_compat_misses_the_file_of_a_released_version(run_there: Run, repository: Repository) -> None:
    (repository.contracts / PAYMENT).unlink()
    code, _, err = run_there("compat")
    assert code == 1
    assert err.startswith("contracts/avro/payment/v1.avsc [record-removed] the record payment is gone")
    repository.edit(TOPIC, "partitions: 4", "partitions: many")
    code, _, err = run_there("compat")
    assert code == 1
    assert err.startswith(
        "contracts/avro/payment/v1.avsc [version-removed] payment v1 is released, and its file is gone"
    )

"""What a rate of events takes, from measured costs."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from operations.__main__ import app
from operations.errors import SizingError
from operations.sizing.inputs import Inputs, read
from operations.sizing.model import curve, foretold, grain, limits, parts, size
from typer.testing import CliRunner

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sizing.md"
TEXT = files("operations.sizing").joinpath("inputs.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return read()


def printed(*arguments: str) -> str:
    answer = CliRunner().invoke(app, ["sizing", *arguments])
    assert answer.exit_code == 0, answer.output
    return "\n".join(line.rstrip() for line in answer.stdout.splitlines())


def test_the_curve_goes_through_both_measurements(inputs: Inputs) -> None:
    of = curve(inputs.measured)
    assert of.at(10) == pytest.approx(75)
    assert of.at(25) == pytest.approx(51)


def test_the_curve_foretells_the_burst_within_a_tenth(inputs: Inputs) -> None:
    was, said = foretold(inputs.measured)
    assert said == pytest.approx(was, rel=0.1)


def test_the_parts_are_the_whole_at_every_rate(inputs: Inputs) -> None:
    for rate in (1.0, 10.0, 1000.0):
        assert sum(of.at(rate) for of in parts(inputs.measured).values()) == pytest.approx(
            curve(inputs.measured).at(rate)
        )


def test_an_event_costs_less_at_a_higher_rate(inputs: Inputs) -> None:
    costs = [size(inputs, rate).cost / rate for rate in (1.0, 10.0, 100.0, 1000.0)]
    assert costs == sorted(costs, reverse=True)


def test_a_cluster_has_three_brokers_at_least_and_shards_are_a_power_of_two(inputs: Inputs) -> None:
    assert size(inputs, 1).brokers == 3
    assert size(inputs, 10_000).brokers > 3
    for rate in (1, 70, 900, 10_000):
        shards = size(inputs, rate).shards
        assert shards & (shards - 1) == 0
        needed = rate * inputs.assumed.transitions_per_event
        assert shards * inputs.assumed.transitions_per_shard >= needed


def test_commits_come_by_time_when_there_is_little_and_by_rows_when_there_is_much(inputs: Inputs) -> None:
    few = size(inputs, 0.01).commits_a_day
    assert few == pytest.approx(2 * 0.01 * 86_400, rel=0.2)
    much = size(inputs, 10_000).commits_a_day
    assert much == pytest.approx(86_400 * 10_000 * (1 / 500 + 1 / 5000))


@pytest.mark.parametrize("each", ["history_bytes", "silver_bytes", "gold_bytes", "days_in_temporal"])
def test_every_store_of_events_is_on_the_bill(inputs: Inputs, each: str) -> None:
    value = getattr(inputs.assumed, each)
    more = inputs.model_copy(update={"assumed": inputs.assumed.model_copy(update={each: 2 * value})})
    assert size(more, 100).cost > size(inputs, 100).cost


def test_histories_are_kept_for_days_and_silver_and_gold_for_months(inputs: Inputs) -> None:
    assumed, of = inputs.assumed, size(inputs, 100)
    assert of.temporal_gb == pytest.approx(100 * 86_400 * assumed.days_in_temporal * assumed.history_bytes / 1e9)
    seconds = 730 * 3600 * assumed.months_in_lake
    assert of.marts_gb == pytest.approx(100 * seconds * (assumed.silver_bytes + assumed.gold_bytes) / 1e9)


def test_what_stops_first_is_told_first(inputs: Inputs) -> None:
    found = limits(inputs)
    assert [each.rate for each in found] == sorted(each.rate for each in found)
    assert found[0].what == "one orchestrator process with all roles"


def test_a_smaller_postgres_makes_the_grain_wrong_earlier(inputs: Inputs) -> None:
    smaller = inputs.model_copy(update={"assumed": inputs.assumed.model_copy(update={"postgres_cores": 4.0})})
    assert grain(smaller) < grain(inputs)


def test_other_inputs_take_the_place_of_those_that_come_with_it(tmp_path: Path) -> None:
    file = tmp_path / "inputs.toml"
    file.write_text(TEXT.replace("core_hour = 0.045", "core_hour = 4.5"), encoding="utf-8")
    dear, usual = (size(read(each), 100).cost for each in (file, None))
    assert dear > 10 * usual


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("idle_cores = 0.19\n", "", "measured.idle_cores: Field required"),
        ("cpu_ms = 51", "cpu_ms = 80", "at which an event costs no more"),
        ("orchestrator = 19", "orchestrator = 190", "the parts cost more than the whole"),
        ("utilization = 0.6", "utilization = 6", "assumed.utilization"),
        ("gateway = 0.9", "gateway =", "is not TOML"),
    ],
)
def test_inputs_that_make_no_sense_are_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "inputs.toml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(SizingError, match=re.escape(said)):
        read(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SizingError, match="cannot be read"):
        read(tmp_path / "absent.toml")


def test_a_rate_of_nothing_is_refused() -> None:
    assert CliRunner().invoke(app, ["sizing", "0"]).exit_code == 2


def test_the_page_shows_what_the_command_prints() -> None:
    [shown] = re.findall(r"```text\n(Measured on .*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown == printed().rstrip("\n")

"""The seed of tests: fixed, unless somebody sets it or lets it be drawn."""

import pytest

from tests.chance import SETTING, USUAL, seed


@pytest.mark.parametrize("environment", [{}, {SETTING: ""}, {SETTING: str(USUAL)}])
def test_it_is_the_same_for_every_change(environment: dict[str, str]) -> None:
    assert seed(environment) == USUAL


def test_it_can_be_repeated() -> None:
    assert seed({SETTING: "42"}) == 42


def test_what_is_drawn_is_the_setting_of_all_other_processes_of_the_run() -> None:
    environment = {SETTING: "random"}
    drawn = seed(environment)
    assert environment == {SETTING: str(drawn)}
    assert seed(environment) == drawn
    assert len({seed({SETTING: "random"}) for _ in range(20)}) > 1


@pytest.mark.parametrize("setting", ["soon", "-1", "1.5", "²"])
def test_what_is_no_seed_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=SETTING):
        seed({SETTING: setting})

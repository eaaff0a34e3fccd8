import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.latency import Latency


@pytest.mark.parametrize(("text", "range_"), [("0", (0, 0)), ("80", (80, 80)), ("50-200", (50, 200))])
def test_reads_a_number_or_a_range(text: str, range_: tuple[int, int]) -> None:
    latency = Latency.parse(text)
    assert (latency.least, latency.most) == range_


@pytest.mark.parametrize("text", ["", "fast", "-5", "1-2-3", "50ms", "200-50"])
def test_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="latency"):
        Latency.parse(text)


@given(st.text())
def test_a_seed_has_one_delay_within_the_range(seed: str) -> None:
    latency = Latency(50, 200)
    assert latency.seconds(seed) == latency.seconds(seed)
    assert 0.05 <= latency.seconds(seed) <= 0.2


def test_delays_are_spread() -> None:
    assert len({round(Latency(50, 200).seconds(str(n)), 3) for n in range(50)}) > 30

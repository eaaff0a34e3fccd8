import pytest

from tests.performance.analytics.costs import Cost, bytes_of, middle
from tests.performance.analytics.rows import Stretch, insert


@pytest.mark.parametrize(("told", "size"), [("0B", 0), ("12.5MB", 12_500_000), ("1.20GB", 1_200_000_000)])
def test_reads_sizes_as_trino_prints_them(told: str, size: int) -> None:
    assert bytes_of(told) == size


def test_refuses_what_is_no_size() -> None:
    with pytest.raises(ValueError, match="is not a size that Trino prints"):
        bytes_of("12.5 MB")


def test_the_middle_of_several_runs_has_the_largest_of_their_statements() -> None:
    runs = [Cost(3.0, {"dbt": 1.0, "trino": 9.0}, 10), Cost(1.0, {"dbt": 3.0, "trino": 2.0}, 30)]
    together = middle([*runs, Cost(2.0, {"dbt": 2.0, "trino": 4.0}, 20)])
    assert together == Cost(2.0, {"dbt": 2.0, "trino": 4.0}, 30)
    assert together.total == 6.0


@pytest.mark.parametrize(("first", "last"), [(0, 0), (5, 10_000), (0, 10_001)])
def test_rows_come_in_whole_blocks(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="blocks of 10,000"):
        Stretch(first, last)


def test_a_stretch_is_made_of_its_blocks() -> None:
    assert "sequence(3, 4)" in insert("bronze.t", Stretch(30_000, 50_000))

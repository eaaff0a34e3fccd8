from tests.performance.analytics.costs import Cost
from tests.performance.analytics.expected import judge


def cost(seconds: float) -> Cost:
    return Cost(seconds, {"dbt": seconds / 4, "trino": seconds * 3 / 4}, 0)


def reached(small: float, large: float, anew: float, crowded: float) -> list[bool]:
    news = {100_000: cost(small), 1_000_000: cost(small), 5_000_000: cost(large)}
    return [each.is_reached for each in judge(news, (1_000_000, cost(anew)), (cost(crowded), cost(10)))]


def test_each_ratio_is_held_against_its_own_bounds() -> None:
    assert reached(10, 10, 101, 10) == [True, True, True]
    assert reached(10, 12.1, 101, 10) == [False, True, True]
    assert reached(10, 7.9, 101, 10) == [False, True, True]
    assert reached(10, 10, 99, 10) == [True, False, True]
    assert reached(10, 10, 101, 15.1) == [True, True, False]


def test_a_figure_says_what_was_expected() -> None:
    (share,) = judge({100: cost(10)}, (100, cost(50)), None)
    assert share.text == "news to all anew at 100 events: 0.200 (expected at most 0.1): MISSED"
    (spread,) = judge({100: cost(10), 200: cost(11)}, None, None)
    assert spread.text == "news at 200 to news at 100 events: 1.100 (expected 0.8 to 1.2): reached"

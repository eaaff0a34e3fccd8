from tests.performance.chain.figures import Spread, difference, milliseconds_per_event, per_second, ratios, spread


def test_percentiles_are_values_that_occurred() -> None:
    assert spread([float(value) for value in range(100, 0, -1)]) == Spread(50, 95, 99, 100)


def test_percentiles_of_few_values_never_flatter() -> None:
    assert spread([3.0, 1.0]) == Spread(1, 3, 3, 3)


def test_there_are_no_percentiles_of_nothing() -> None:
    assert spread([]) is None


def test_what_idling_costs_is_not_charged_to_events() -> None:
    costs = milliseconds_per_event({"kafka": 5.0, "trino": 1.0}, {"kafka": 0.05, "trino": 0.02}, 60.0, 100)
    assert {name: round(value, 9) for name, value in costs.items()} == {"kafka": 20.0, "trino": -2.0}


def test_a_service_that_did_not_idle_is_charged_whole() -> None:
    assert milliseconds_per_event({"new": 1.0}, {}, 60.0, 10) == {"new": 100.0}


def test_usage_becomes_a_fraction_of_a_core() -> None:
    assert per_second({"kafka": 3.0}, 60.0) == {"kafka": 0.05}


def test_a_service_that_came_later_began_at_nothing() -> None:
    assert difference({"old": 5.0, "new": 1.0}, {"old": 2.0}) == {"old": 3.0, "new": 1.0}


def test_results_are_compared_where_both_have_a_number() -> None:
    before = {"rates": {"10": {"p99": 200.0, "cores": 2}}, "taken_at": "then", "only": 1.0}
    now = {"rates": {"10": {"p99": 100.0, "cores": 1}, "25": {"p99": 9.0}}, "taken_at": "now"}
    assert ratios(now, before) == {"rates.10.p99": (200.0, 100.0, 0.5), "rates.10.cores": (2, 1, 0.5)}


def test_nothing_is_divided_by_zero_and_truth_is_not_a_number() -> None:
    assert ratios({"refused": 3, "met": True}, {"refused": 0, "met": True}) == {}

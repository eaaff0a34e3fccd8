from tests.performance.chain.proc import Machine
from tests.performance.chain.rest import Idle
from tests.performance.chain.watch import Span
from tests.performance.orchestrator.phases import _costs, _result

USAGE = {
    "orchestrator": 4.0,
    "temporal": 3.0,
    "temporal-ui": 1.0,
    "postgres: temporal": 2.0,
    "object-store": 1.0,
    "catalog": 0.5,
    "kafka": 7.0,
    "trino": 1.0,
}
SPAN = Span(10.0, USAGE, 0.0, Machine(20.0, 10.0, 1.0), 1.5, {})


def test_an_event_is_charged_with_the_orchestrator_and_what_it_stands_on_alone() -> None:
    assert _costs(SPAN, Idle({"object-store": 0.05}, {}), 100) == {
        "orchestrator": 40.0,
        "temporal": 30.0,
        "postgres: temporal": 20.0,
        "object-store": 5.0,
        "catalog": 5.0,
    }


def test_the_result_says_how_busy_the_machine_was() -> None:
    result = _result(SPAN, {"temporal": 30.0, "object-store": 5.0}, 100, 4.0)
    assert result["cpu_ms"]["all"] == 35.0
    assert (result["per_second"], result["busy"], result["steal"]) == (25.0, 0.5, 0.05)

from threading import Event

import pytest
from kit.errors import Fault
from normalizer.configuration import FINGERPRINT
from normalizer.errors import ClusterAway, JobEnded
from normalizer.watcher import Watcher

from services.normalizer.tests.flink import FakeFlink, FakeJob
from services.normalizer.tests.watching import SAME, FakePacer


def test_submits_the_job_when_there_is_none(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.on_look = stop.set

    watcher.run()

    assert "SUBMIT" in flink.requests


def test_ends_the_job_of_all_providers_before_it_starts_its_own(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    former = flink.add(FakeJob("former", name="normalizer"))
    other = flink.add(FakeJob("other", name="normalizer-square"))
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.index("POST /jobs/former/stop") < flink.requests.index("SUBMIT")
    assert (former.state, other.state) == ("FINISHED", "RUNNING")


def test_waits_for_the_job_of_all_providers_where_another_ends_it(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    former = flink.add(FakeJob("former", name="normalizer", state="RESTARTING"))

    def on_list() -> None:
        if flink.requests.count("GET /jobs/overview") == 3:
            former.state = "FINISHED"

    flink.on_list = on_list
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.count("GET /jobs/overview") >= 4
    assert "SUBMIT" in flink.requests


def test_adopts_the_job_that_runs_already(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.on_look = stop.set

    watcher.run()

    assert "SUBMIT" not in flink.requests
    assert "GET /jobs/old/checkpoints" in flink.requests


def test_replaces_a_job_of_another_definition(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.add(FakeJob("old", parameters={FINGERPRINT: "f0"}))
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.index("POST /jobs/old/stop") < flink.requests.index("SUBMIT")


@pytest.mark.parametrize("name", ["normalizer-stripe", "normalizer"])
def test_a_job_goes_on_where_the_one_in_its_place_could_not_be_submitted(
    flink: FakeFlink, watcher: Watcher, refusal: list[Exception], name: str
) -> None:
    former = flink.add(FakeJob("old", name=name, parameters={FINGERPRINT: "f0"}))
    refusal.append(Fault("payment_event v9 is not registered"))

    with pytest.raises(Fault, match="not registered"):
        watcher.run()

    assert former.state == "RUNNING"
    assert not {"POST /jobs/old/stop", "SUBMIT"} & set(flink.requests)


def test_adopts_a_job_whatever_keeps_others_from_being_submitted(
    flink: FakeFlink, watcher: Watcher, refusal: list[Exception], stop: Event
) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    refusal.append(Fault("payment_event v9 is not registered"))
    flink.on_look = stop.set

    watcher.run()

    assert "GET /jobs/old/checkpoints" in flink.requests


def test_submits_nothing_where_it_could_not_work(flink: FakeFlink, watcher: Watcher, refusal: list[Exception]) -> None:
    refusal.append(Fault("payment_event v9 is not registered"))

    with pytest.raises(Fault, match="not registered"):
        watcher.run()

    assert "SUBMIT" not in flink.requests


def test_does_not_submit_beside_a_job_that_will_not_stop(flink: FakeFlink, watcher: Watcher) -> None:
    flink.add(FakeJob("old", parameters={FINGERPRINT: "f0"}, state="RESTARTING"))

    with pytest.raises(JobEnded, match="cancel it there"):
        watcher.run()

    assert "SUBMIT" not in flink.requests


def test_a_job_of_another_definition_that_a_restarted_job_manager_makes_ready_is_replaced_once_it_is(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    old = flink.add(FakeJob("old", state="INITIALIZING"))

    def on_list() -> None:
        if flink.requests.count("GET /jobs/overview") == 4:
            old.state = "RUNNING"
        if old.state == "FINISHED":
            stop.set()

    flink.on_list = on_list

    watcher.run()

    assert old.state == "FINISHED"
    assert flink.requests.count("POST /jobs/old/stop") == 1


def test_waits_for_a_job_on_its_way_out(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    old = flink.add(FakeJob("old", state="CANCELLING"))
    flink.on_list = lambda: setattr(old, "state", "CANCELED")
    flink.on_look = stop.set

    watcher.run()

    assert flink.requests.count("GET /jobs/overview") == 2
    assert "SUBMIT" in flink.requests


def test_told_to_stop_while_a_job_is_on_its_way_out_it_neither_waits_for_that_nor_starts_another(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    flink.add(FakeJob("old", state="CANCELLING"))

    def on_list() -> None:
        assert flink.requests.count("GET /jobs/overview") < 5, "it does not stop"
        if flink.requests.count("GET /jobs/overview") == 2:
            stop.set()

    flink.on_list = on_list

    watcher.run()

    assert "SUBMIT" not in flink.requests


def test_told_to_stop_while_it_replaces_a_job_it_starts_none(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    old = flink.add(FakeJob("old", parameters={FINGERPRINT: "f0"}))
    flink.on_request = lambda: stop.set() if flink.requests[-1] == "POST /jobs/old/stop" else None

    watcher.run()

    assert old.state == "FINISHED"
    assert "SUBMIT" not in flink.requests


def test_is_ready_while_the_job_does_its_work(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    answers: list[str | None] = [watcher.check()]

    def on_look() -> None:
        answers.append(watcher.check())
        if len(answers) == 3:
            stop.set()

    flink.on_look = on_look

    watcher.run()

    assert answers[0] == "the cluster has not been asked yet"
    assert answers[-1] is None


def test_stops_the_job_with_a_savepoint(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.on_look = stop.set

    watcher.run()

    assert job.state == "FINISHED"
    assert flink.stopped["targetDirectory"] == "s3://flink/savepoints/normalizer"
    assert flink.stopped["drain"] is False


def test_asks_again_when_the_request_to_stop_got_no_answer(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))

    def on_request() -> None:
        attempts = flink.requests.count("POST /jobs/old/stop")
        flink.away = flink.requests[-1] == "POST /jobs/old/stop" and attempts < 3

    flink.on_look = stop.set
    flink.on_request = on_request

    watcher.run()

    assert job.state == "FINISHED"


def test_leaves_the_job_running_when_the_savepoint_takes_too_long(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME), savepoint={}))
    flink.on_look = stop.set

    watcher.run()

    assert job.state == "RUNNING"


def test_leaves_the_job_running_when_its_savepoint_fails(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))
    job.savepoint = {"failure-cause": {"stack-trace": "java.io.IOException: no space"}}
    flink.on_look = stop.set

    watcher.run()

    assert job.state == "RUNNING"


def test_names_the_cause_when_the_job_fails(flink: FakeFlink, watcher: Watcher) -> None:
    trace = "org.x.JobException: Recovery is suppressed\n\tat a.B\nCaused by: org.x.AuthException: denied\n\tat c.D"
    flink.add(FakeJob("old", parameters=dict(SAME), stacktrace=trace))
    flink.on_look = lambda: setattr(flink.jobs["old"], "state", "FAILED")

    with pytest.raises(JobEnded, match=r"FAILED\norg\.x\.JobException: .*\nCaused by: org\.x\.AuthException: denied$"):
        watcher.run()


def test_starts_a_job_again_that_a_restarted_job_manager_has_forgotten(
    flink: FakeFlink, watcher: Watcher, stop: Event
) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))

    def forget() -> None:
        flink.jobs.clear()
        flink.on_look = stop.set

    flink.on_look = forget

    watcher.run()

    assert flink.requests.count("SUBMIT") == 1
    assert flink.requests[-1].endswith("/stop") or "/savepoints/" in flink.requests[-1]


def test_outlives_a_job_manager_that_is_away_for_a_while(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    answers: list[str | None] = []

    def on_request() -> None:
        if flink.away:
            answers.append(watcher.check())
            if len(answers) == 3:
                flink.away = False
                flink.on_look = stop.set

    flink.on_look = lambda: setattr(flink, "away", True)
    flink.on_request = on_request

    watcher.run()

    assert answers[-1] is not None
    assert "does not answer" in answers[-1]


def test_outlives_a_job_manager_that_is_in_trouble_for_a_while(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    job = flink.add(FakeJob("old", parameters=dict(SAME)))
    answers: list[str | None] = []

    def on_request() -> None:
        if flink.broken:
            answers.append(watcher.check())
            if len(answers) == 3:
                flink.broken = False
                flink.on_look = stop.set

    flink.on_look = lambda: setattr(flink, "broken", True)
    flink.on_request = on_request

    watcher.run()

    assert answers[-1] is not None
    assert "AskTimeoutException" in answers[-1]
    assert job.state == "FINISHED"


def test_gives_up_when_the_cluster_never_comes(flink: FakeFlink, watcher: Watcher) -> None:
    flink.slots = 0

    with pytest.raises(ClusterAway, match="no task manager has registered"):
        watcher.run()


def test_ends_at_once_when_stopped_before_the_cluster_came(flink: FakeFlink, watcher: Watcher, stop: Event) -> None:
    flink.away = True
    stop.set()

    watcher.run()

    assert "SUBMIT" not in flink.requests


def test_has_checkpoints_of_the_running_job_asked_for(
    flink: FakeFlink, watcher: Watcher, pacer: FakePacer, stop: Event
) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    flink.on_look = stop.set

    watcher.run()

    assert pacer.followed == ["old"]


def test_ends_when_nobody_can_ask_for_checkpoints(flink: FakeFlink, watcher: Watcher, pacer: FakePacer) -> None:
    flink.add(FakeJob("old", parameters=dict(SAME)))
    pacer.fault = Fault("there is no such topic")

    with pytest.raises(Fault, match="no such topic"):
        watcher.run()

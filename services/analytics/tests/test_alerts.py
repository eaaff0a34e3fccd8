"""What Alertmanager is told, and the log."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from analytics.alerts import AUDIT_DIFFERENCES, BRONZE_STALE, Alert, Alerts
from kit.errors import Transient
from structlog.testing import capture_logs

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STALE = Alert(BRONZE_STALE, "rows wait", path="/runs/1")


class Receiver:
    """An Alertmanager that keeps what it is sent, or does not take it."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.got, self.now = status, list[Any](), NOON

    def alerts(self) -> Alerts:
        return Alerts("http://alertmanager", "http://dagster/", lambda: self.now, transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url == "http://alertmanager/api/v2/alerts"
        self.got.append(json.loads(request.content))
        return httpx.Response(self.status)


def test_an_alert_has_labels_a_link_and_the_section_of_the_run_book() -> None:
    receiver = Receiver()
    receiver.alerts().tell([], [STALE])
    [[told]] = receiver.got
    assert told["labels"] == {"alertname": "BronzeStale", "severity": "page", "job": "dagster"}
    assert told["annotations"] == {"summary": "rows wait", "runbook": "docs/runbooks.md#bronzestale"}
    assert told["generatorURL"] == "http://dagster/runs/1"
    assert told["endsAt"] == "2026-03-01T12:05:00.000+00:00"


def test_an_alert_that_stands_is_told_again_since_when_and_logged_once() -> None:
    receiver = Receiver()
    with capture_logs() as lines:
        standing = receiver.alerts().tell([], [STALE])
        receiver.now += timedelta(minutes=1)
        receiver.alerts().tell(standing, [STALE])
    assert [each["startsAt"] for [each] in receiver.got] == ["2026-03-01T12:00:00.000+00:00"] * 2
    assert receiver.got[1][0]["endsAt"] == "2026-03-01T12:06:00.000+00:00"
    assert [line["event"] for line in lines] == ["alert_raised"]


def test_one_of_two_that_is_mended_ends_at_once() -> None:
    receiver = Receiver()
    hops = [Alert(AUDIT_DIFFERENCES, "missing", {"hop": hop}) for hop in ("bronze", "silver")]
    standing = receiver.alerts().tell([], hops)
    receiver.now += timedelta(minutes=1)
    with capture_logs() as lines:
        left = receiver.alerts().tell(standing, hops[:1])
    ends = {each["labels"]["hop"]: each["endsAt"] for each in receiver.got[1]}
    assert ends == {"bronze": "2026-03-01T12:06:00.000+00:00", "silver": "2026-03-01T12:01:00.000+00:00"}
    assert [each["labels"]["hop"] for each in left] == ["bronze"]
    assert [(line["event"], line["hop"]) for line in lines] == [("alert_ended", "silver")]


def test_nothing_is_sent_while_nothing_is_wrong() -> None:
    receiver = Receiver()
    assert receiver.alerts().tell([], []) == []
    assert receiver.got == []


def test_an_alertmanager_that_refuses_is_named_and_the_log_has_what_it_was_not_told() -> None:
    ended = [{"labels": {"alertname": "RunFailed", "severity": "ticket", "job": "dagster", "dagster_job": "gold"}}]
    with capture_logs() as lines, pytest.raises(Transient, match="Alertmanager at http://alertmanager does not take"):
        Receiver(500).alerts().tell(ended, [STALE])
    assert [(line["event"], line["alertname"]) for line in lines] == [
        ("alert_raised", "BronzeStale"),
        ("alert_ended", "RunFailed"),
    ]


def test_where_there_is_no_alertmanager_the_log_has_it() -> None:
    with capture_logs() as lines:
        Alerts(None, clock=lambda: NOON).tell([], [STALE])
    assert [(line["event"], line["log_level"], line["summary"]) for line in lines] == [
        ("alert_raised", "warning", "rows wait")
    ]


def test_labels_that_the_kind_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="AuditDifferences has the labels"):
        Alert(AUDIT_DIFFERENCES, "missing")

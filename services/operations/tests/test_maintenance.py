"""What maintenance did, read from Dagster's events and put into words."""

import json
from collections.abc import Mapping

import httpx
from operations.dagster import Observation, find_observations
from operations.maintenance import describe


def answer(*events: Mapping[str, object]) -> httpx.MockTransport:
    page = {"__typename": "EventConnection", "cursor": "1", "hasMore": False, "events": events}
    return httpx.MockTransport(lambda _: httpx.Response(200, text=json.dumps({"data": {"logsForRun": page}})))


def test_reads_what_each_step_observed() -> None:
    entries = [{"label": "files_before", "intRepr": "2000"}, {"label": "note", "text": "nothing is due"}]
    observed = {"__typename": "ObservationEvent", "stepKey": "compact", "metadataEntries": entries}
    transport = answer({"__typename": "RunStartEvent", "message": ""}, observed)
    assert find_observations("http://dagster.test", "run-1", transport=transport) == [
        Observation("compact", {"files_before": 2000, "note": "nothing is due"})
    ]


def test_tells_what_changed_and_what_did_not() -> None:
    told = {"trino_rewritten": 7, "rows_before": 9, "files_before": 2000, "rows_after": 9, "files_after": 1}
    assert describe(Observation("compact_x", told)) == "compact_x: rows 9, files 2000 → 1"


def test_tells_why_nothing_was_done() -> None:
    assert describe(Observation("compact_x", {"note": "it is empty"})) == "compact_x: it is empty"

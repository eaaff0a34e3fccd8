"""Bodies that somebody wrote."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from payments_contracts.providers import PROVIDERS
from simulator.files import Body, UnusableFileError, read_bodies, renewed

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
EVENT = {"id": "evt_1Nf3Abcdefgh", "type": "charge.succeeded", "created": 1_700_000_000}


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "trial.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def sent(provider: str, *contents: object) -> list[Any]:
    bodies = [Body("trial", json.dumps(content).encode(), {}, None) for content in contents]
    dice = random.Random(1)  # noqa: S311  # not for secrets
    return [json.loads(body.content) for body in renewed(bodies, PROVIDERS[provider], NOW, dice)]


def test_a_bare_body_is_one_webhook(tmp_path: Path) -> None:
    (body,) = read_bodies(written(tmp_path, EVENT))
    assert json.loads(body.content) == EVENT


def test_bodies_are_one_webhook_each_with_the_provider_that_the_file_names(tmp_path: Path) -> None:
    bodies = read_bodies(written(tmp_path, {"provider": "square", "bodies": [EVENT, EVENT], "headers": {"A": "b"}}))
    assert [(body.provider, body.headers) for body in bodies] == [("square", {"A": "b"})] * 2
    assert [body.name[-2:] for body in bodies] == ["#1", "#2"]


def test_a_text_is_sent_as_it_is(tmp_path: Path) -> None:
    (body,) = read_bodies(written(tmp_path, {"body_text": "{not json"}))
    assert body.content == b"{not json"
    assert list(renewed([body], PROVIDERS["stripe"], NOW, random.Random(1))) == [body]  # noqa: S311  # not for secrets


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", r"trial.json: not valid JSON at line 1, column 2"),
        ("[1]", "it is not a JSON object"),
        ({"bodies": []}, "`bodies` is not a list of JSON objects"),
        ({"bodies": [3]}, "`bodies` is not a list of JSON objects"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, content: object, complaint: str) -> None:
    with pytest.raises(UnusableFileError, match=complaint):
        read_bodies(written(tmp_path, content))


def test_says_that_a_file_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match=r"absent.json: No such file"):
        read_bodies(tmp_path / "absent.json")


def test_an_event_happens_now_and_other_times_keep_their_distance() -> None:
    object_ = {"created": 1_699_999_990}
    (read,) = sent("stripe", {**EVENT, "data": {"object": object_}})
    assert read["created"] == int(NOW.timestamp())
    assert read["data"]["object"]["created"] == read["created"] - 10


def test_a_time_that_is_still_to_be_written_becomes_the_present() -> None:
    body = {"merchant_id": "m", "type": "payment.created", "event_id": "trial-1", "created_at": "<now>"}
    (read,) = sent("square", body)
    assert read["created_at"] == "2026-05-01T12:00:00Z"


def test_equal_ids_stay_equal_and_each_event_has_an_id_of_its_own() -> None:
    payment = {"object": {"id": "pi_1Nf3Payment1"}}
    one, other = sent("stripe", {**EVENT, "data": payment}, {**EVENT, "id": "evt_1Nf3Abcdefgi", "data": payment})
    assert one["data"]["object"]["id"] == other["data"]["object"]["id"] != "pi_1Nf3Payment1"
    assert len({one["id"], other["id"], EVENT["id"], "evt_1Nf3Abcdefgi"}) == 4


def test_an_id_that_is_not_written_as_providers_write_them_is_made_another() -> None:
    body = {"merchant_id": "m", "type": "payment.created", "event_id": "trial-1", "created_at": "<now>"}
    (read,) = sent("square", body)
    assert read["event_id"].startswith("trial-1-")

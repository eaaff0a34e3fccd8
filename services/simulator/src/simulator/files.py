"""Webhooks that somebody wrote: bodies in files, sent as a provider would send them now."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as File
from typing import Any

import orjson
from payments_contracts.providers import First, Header, Joined, Path, Provider, Source

from simulator.places import find, place
from simulator.variation import Renamed, instant, renew_ids, shifted

_MILLISECONDS = 100_000_000_000


class UnusableFileError(ValueError):
    """A file holds no webhook; the message names it and says what it has to hold."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body to send: its bytes, the headers beside it, and the name by which it is spoken of."""

    name: str
    content: bytes
    headers: Mapping[str, str]
    provider: str | None


def read_bodies(file: File) -> list[Body]:
    """Return the bodies that a file holds.

    A file is a body itself, or a JSON object with `bodies` (a list of them) or `body_text` (one as it is, JSON or not),
    and where wanted `provider` and `headers`.

    Raises:
        UnusableFileError: The file cannot be read, or holds no body.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise UnusableFileError(f"{file}: {error.strerror}. Give a file that holds a webhook's body.") from error
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UnusableFileError(
            f"{file}: not valid JSON at {where}: {error.msg}. A body that is meant to be broken goes into `body_text`."
        ) from error
    if not isinstance(content, dict):
        raise UnusableFileError(
            f"{file}: it is not a JSON object. Give a body, or an object with `bodies` or `body_text`."
        )
    provider, headers = content.get("provider"), content.get("headers", {})
    if "body_text" in content:
        return [Body(str(file), str(content["body_text"]).encode(), headers, provider)]
    if "bodies" not in content:
        return [Body(str(file), text, {}, None)]
    bodies = content["bodies"]
    if not isinstance(bodies, list) or not bodies or not all(isinstance(each, dict) for each in bodies):
        raise UnusableFileError(
            f"{file}: `bodies` is not a list of JSON objects. Put one body into it for each webhook."
        )
    return [
        Body(f"{file}#{number}", orjson.dumps(each), headers, provider) for number, each in enumerate(bodies, start=1)
    ]


def renewed(bodies: list[Body], provider: Provider, now: datetime, dice: random.Random) -> Iterator[Body]:
    """Yield bodies as events that happen now: with other ids, equal ones staying equal, and other times.

    Each has an event id of its own. What is no JSON object stays as it is.
    """
    fresh: Renamed = {}
    for body in bodies:
        headers = {name.lower(): text for name, text in body.headers.items()}
        try:
            content = orjson.loads(renew_ids(body.content, dice, fresh))
            before = orjson.loads(body.content)
        except orjson.JSONDecodeError:
            yield body
            continue
        if not isinstance(content, dict):
            yield body
            continue
        places = provider.envelope
        then = instant(content, places.created_at, headers)
        content = shifted(content, 0 if then is None else int(now.timestamp()) - then)
        _put(content, places.created_at, _time(find(content, places.created_at, headers), now))
        event = find(content, places.event_id, headers)
        if isinstance(event, str) and event == find(before, places.event_id, headers):
            _put(content, places.event_id, f"{event}-{dice.getrandbits(32):08x}")
        yield Body(body.name, orjson.dumps(content), body.headers, body.provider)


def _time(value: object, now: datetime) -> object:
    """Return the present, written as the time that was there; where there was none, nothing."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        seconds = int(now.timestamp())
        return seconds * 1000 if value > _MILLISECONDS else seconds
    return now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _put(content: Any, source: Source, value: object) -> None:
    path = _path(content, source)
    if path is not None and value is not None:
        place(content, path, value)


def _path(content: Any, source: Source) -> Path | None:
    match source:
        case Header() | Joined():
            return None
        case First(paths):
            return next((path for path in paths if find(content, path) is not None), None)
        case _:
            return source if find(content, source) is not None else None

"""Whether each part of the pipeline does its work, asked at its own address."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal

import httpx
from kit.answers import object_of, promised

from operations.console.answers import Answer
from operations.console.metrics import content
from operations.errors import UnavailableError
from operations.watch.values import LAG, WORKFLOWS, Value

State = Literal["up", "unwell", "away", "asking"]
"""`unwell` is what answers and does not do its work; of `asking` the first answer is still to come."""

TITLES: Final[Mapping[str, str]] = {
    "kafka": "Kafka",
    "registry": "Schema registry",
    "flink": "Flink",
    "temporal": "Temporal",
    "database": "Postgres",
    "catalog": "Iceberg catalog",
    "object-store": "Object store",
    "trino": "Trino",
    "dagster": "Dagster",
    "prometheus": "Prometheus",
    "alertmanager": "Alertmanager",
}
"""What servers are called; programs are called as they are."""
_WORKS: Final = frozenset({"RUNNING", "RECONCILING"})
_WATCHED_AS: Final[Mapping[str, str]] = {"flink": "flink-jobmanager"}
"""Names under which Prometheus knows a part, where they differ."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a part says of itself."""

    state: State
    words: str = ""


Asks = Callable[[], Told]


@dataclass(frozen=True, slots=True)
class Part:
    """A part as it is shown.

    Attributes:
        name: Of the part.
        state: See State.
        words: What it says, or why it is away.
        since: When it was first found away; `last_up` when Prometheus last saw it up (UTC).
    """

    name: str
    state: State
    words: str = ""
    since: datetime | None = None
    last_up: datetime | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES.get(self.name, self.name)

    @property
    def is_well(self) -> bool:
        """Whether nobody has to look at it."""
        return self.state in {"up", "asking"}


def readiness(client: httpx.Client) -> Told:
    """Ask a program of ours whether it is ready.

    Raises:
        UnavailableError: It does not answer as it should.
    """
    try:
        answer = client.get("/readyz")
    except httpx.HTTPError as error:
        raise UnavailableError(f"it does not answer ({type(error).__name__})") from error
    told = object_of("it", answer, UnavailableError)
    if answer.status_code == HTTPStatus.OK:
        return Told("up", "ready")
    if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        raise UnavailableError(f"it answers {answer.status_code}")
    with promised("it", answer, UnavailableError):
        wrong = [f"{name}: {why}" for name, why in told.get("checks", {}).items() if why != "ok"]
    return Told("unwell", "not ready: " + ("; ".join(wrong) or "it does not say why"))


def jobs(client: httpx.Client) -> Told:
    """Ask Flink's job manager for its jobs; of those with one name the newest counts.

    Raises:
        UnavailableError: It does not answer.
    """
    answer = content(client, "Flink", "/jobs/overview")
    with promised("Flink", failure=UnavailableError):
        started = sorted(answer["jobs"], key=lambda each: int(each["start-time"]))
        newest = {str(job["name"]): str(job["state"]) for job in started}
    stopped = [f"{name} is {state.lower()}" for name, state in newest.items() if state not in _WORKS]
    if stopped or not newest:
        return Told("unwell", "; ".join(sorted(stopped)) or "no job runs")
    return Told("up", f"{len(newest)} {'job runs' if len(newest) == 1 else 'jobs run'}")


def subjects(client: httpx.Client) -> Told:
    """Ask the schema registry for its subjects.

    Raises:
        UnavailableError: It does not answer.
    """
    answer = content(client, "The registry", "/subjects")
    with promised("The registry", failure=UnavailableError):
        return Told("up", f"{len(answer)} subjects")


def pinged(client: httpx.Client, path: str) -> Told:
    """Ask a server whether it is there: any answer but an error of the server's own will do.

    Raises:
        UnavailableError: It does not answer.
    """
    try:
        answer = client.get(path)
    except httpx.HTTPError as error:
        raise UnavailableError(f"it does not answer ({type(error).__name__})") from error
    if answer.is_server_error:
        raise UnavailableError(f"it answers {answer.status_code}")
    return Told("up", "answers")


def of_values(name: str, values: Iterable[Value]) -> Told:
    """Say in a few words what a part told `payments watch`'s question."""
    found = list(values)
    if name == "kafka":
        return Told("up", f"{sum(each.value for each in found if each.gauge == LAG):,.0f} records wait for readers")
    if name == "temporal":
        counts = {each.labels[0]: each.value for each in found if each.gauge == WORKFLOWS}
        return Told("up", ", ".join(f"{count:,.0f} {state}" for state, count in counts.items()))
    return Told("up", "answers")


def part(name: str, answer: Answer[Told], last_up: Mapping[str, datetime]) -> Part:
    """Return a part as it is shown."""
    if answer.away is not None:
        seen = last_up.get(_WATCHED_AS.get(name, name))
        # One that was up after it was found away is about to be found again.
        earlier = seen if seen is not None and answer.since is not None and seen <= answer.since else None
        return Part(name, "away", answer.away.rstrip("."), answer.since, earlier)
    if answer.value is None:
        return Part(name, "asking", "not answered yet")
    return Part(name, answer.value.state, answer.value.words)

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from stack.context import Context
from stack.gateways import gateways
from stack.jobs import Task
from stack.places import Places
from stack.ports import Ports
from stack.processes import Group, Process, Step
from stack.secrets import generate
from stack.settings import ObjectStore
from stack.tools.catalogue import toolbox

REPOSITORY = Path(__file__).resolve().parents[3]


class Ready:
    """A server that is ready at once."""

    def check(self) -> None:
        return None


class ProcessFactory(Protocol):
    def __call__(self, name: str, *after: str, group: Group = Group.INFRASTRUCTURE, **changes: object) -> Process: ...


class StepFactory(Protocol):
    def __call__(self, name: str, *after: str, group: Group = Group.INFRASTRUCTURE) -> Step: ...


def _process(name: str, *after: str, group: Group = Group.INFRASTRUCTURE, **changes: object) -> Process:
    values = {"command": ("/bin/true",), "ready": Ready(), **changes}
    return Process(name=name, group=group, after=frozenset(after), **values)  # type: ignore[arg-type]  # any field


def _step(name: str, *after: str, group: Group = Group.INFRASTRUCTURE) -> Step:
    def nothing(_: Task) -> None:
        return

    return Step(name=name, group=group, run=nothing, after=frozenset(after))


def _places(root: Path) -> Places:
    return Places(repository=REPOSITORY, cache=root / "cache", state=root / "state")


@pytest.fixture
def process() -> ProcessFactory:
    return _process


@pytest.fixture
def step() -> StepFactory:
    return _step


@pytest.fixture
def places() -> Callable[[Path], Places]:
    return _places


@pytest.fixture(params=ObjectStore)
def object_store(request: pytest.FixtureRequest) -> ObjectStore:
    return ObjectStore(request.param)


@pytest.fixture
def context(tmp_path: Path, object_store: ObjectStore) -> Context:
    here = _places(tmp_path)
    java_home = tmp_path / "jdk"
    return Context(
        here,
        Ports.with_offset(5000),
        generate(gateway.provider for gateway in gateways(here)),
        toolbox(here, java_home, object_store),
        java_home,
        object_store,
        "50-200",
    )

"""How long the models of the local stack take to answer."""

from pathlib import Path

import pytest
from rich.console import Console

from stack.applications import applications
from stack.session import Session
from stack.settings import Settings


@pytest.mark.parametrize(("asked", "given"), [(None, "50-200"), ("80", "80")])
def test_models_take_50_to_200_ms_unless_asked_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, given: str
) -> None:
    monkeypatch.delenv("INFERENCE_LATENCY_MS", raising=False)
    if asked is not None:
        monkeypatch.setenv("INFERENCE_LATENCY_MS", asked)
    # What programs are told does not depend on a JDK.
    monkeypatch.setattr(Session, "java_home", lambda _: tmp_path / "jdk")
    context = Session(Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache"), Console()).context()
    told = {each.name: each.environment.get("INFERENCE_LATENCY_MS") for each in applications(context)}
    assert {name: latency for name, latency in told.items() if latency is not None} == {"inference": given}

"""The services that the contracts declare are those that are here."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# The code that all share is not part of the pipeline.
NO_PARTS = {"kit"}


def test_every_service_is_declared_and_every_declared_one_is_here() -> None:
    declared = yaml.safe_load((ROOT / "contracts" / "services.yaml").read_text(encoding="utf-8"))["services"]
    assert set(declared) == {folder.parent.name for folder in ROOT.glob("services/*/pyproject.toml")} - NO_PARTS

"""Puts into words what maintenance did to the tables of the lake."""

from operations.dagster import Observation

_BEFORE, _AFTER = "_before", "_after"


def describe(observation: Observation) -> str:
    """One line for a step: its note where there is one, and each figure before and after, once where it is the same."""
    told = observation.told
    parts = [str(told["note"])] if "note" in told else []
    for label, before in told.items():
        name = label.removesuffix(_BEFORE)
        if name != label:
            after = told.get(name + _AFTER, before)
            parts.append(f"{name} {before}" if after == before else f"{name} {before} → {after}")
    return f"{observation.step}: {', '.join(parts)}"

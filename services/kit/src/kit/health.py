"""Liveness and readiness, told the same way by servers and workers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Check = Callable[[], str | None]
"""Returns None if the thing is in order, else what is wrong with it; may block for a moment, may raise."""

Checks = Mapping[str, Check]
"""What a service needs to do its work, each by name."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a service can do its work now, and each check's `ok` or what is wrong."""

    ready: bool
    checks: Mapping[str, str]

    def as_json(self) -> dict[str, object]:
        """Return it in the form that /readyz answers."""
        return {"status": "ready" if self.ready else "not_ready", "checks": dict(self.checks)}


def examine(checks: Checks) -> Readiness:
    """Run every check; one that raises counts as not in order."""
    answers = {name: _answer(check) for name, check in checks.items()}
    return Readiness(all(answer is None for answer in answers.values()), {k: v or "ok" for k, v in answers.items()})


def _answer(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  # whatever it is, the thing is not in order
        return f"{type(error).__name__}: {error}"

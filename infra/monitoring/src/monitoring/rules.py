"""The files of rules that Prometheus loads."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import yaml

from monitoring import burning
from monitoring.alert import Alert
from monitoring.alerts import ALERTS
from monitoring.release import Rule
from monitoring.slos import SLOS

_HEADER: Final = "# Written by `python -m monitoring` from infra/monitoring/src; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and everything where it is."""

    def ignore_aliases(self, data: object) -> bool:
        """Let nothing be named by an anchor elsewhere."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def files(narrow: Callable[[Rule], Rule] = lambda rule: rule) -> Iterator[tuple[str, str]]:
    """Yield name and content of each file.

    Args:
        narrow: Returns each rule as it is to be written.
    """
    for name, groups in (("slos.yaml", _objectives()), ("alerts.yaml", _alerts())):
        content = {
            "groups": [
                {"name": group, "interval": interval, "rules": [narrow(rule) for rule in rules]}
                for group, interval, rules in groups
            ]
        }
        yield name, _HEADER + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=10_000)


def _objectives() -> Iterator[tuple[str, str, Iterable[Rule]]]:
    yield "slos", "30s", [*burning.budgets(SLOS), *burning.recording(SLOS, burning.HOURS)]
    # Days of samples are read each time, and hours pass before it matters. What is older than five minutes is not seen
    # any more, though, and an evaluation may be late or left out.
    yield "slos-slow", "2m", burning.recording(SLOS, burning.DAYS)


def _alerts() -> Iterator[tuple[str, str, Iterable[Rule]]]:
    yield "alerts", "30s", [_rule(alert) for alert in ALERTS]


def _rule(alert: Alert) -> Rule:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.lasting,
        "labels": {"severity": str(alert.severity)},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook": alert.runbook,
        },
    }

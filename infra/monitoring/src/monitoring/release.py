"""The rules as the chart brings them: one Prometheus may watch a whole cluster, so each reads and records one release.

The chart puts the names in the place of `RELEASE` and `VOLUMES`.
"""

from collections.abc import Mapping
from typing import Any, Final

from monitoring.promql import series, within

RELEASE: Final = "RELEASE_NAMESPACE"
VOLUMES: Final = "VOLUME_NAMESPACES"
"""The release's namespace and others, joined with a bar: Kafka, Postgres and the object store may have their own."""

_VOLUMES = "kubelet_volume_stats_"
Rule = Mapping[str, Any]


def of_release(rule: Rule) -> Rule:
    """Return the rule for one release, whose namespace its alerts and series have as a label."""
    narrowed = {**rule, "expr": within(rule["expr"], _matcher)}
    if any(name.startswith(_VOLUMES) for name in series(rule["expr"])):
        # Volumes of two namespaces may have one name: theirs stays the label.
        return narrowed
    return {**narrowed, "labels": {**rule["labels"], "namespace": RELEASE}}


def _matcher(name: str) -> str:
    return f'namespace=~"{VOLUMES}"' if name.startswith(_VOLUMES) else f'namespace="{RELEASE}"'

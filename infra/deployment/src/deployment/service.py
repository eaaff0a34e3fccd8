"""What services of compose are made from."""

from collections.abc import Iterable, Mapping
from typing import Any

from stack.ports import LOOPBACK

FULL = "full"
SMALL = "small"
BOTH = (SMALL, FULL)
USER = "10001:10001"
# A worker first finishes what it has begun.
STOP = "40s"
BROKERS = ("kafka", "kafka-1", "kafka-2", "kafka-3")
"""One broker in the small profile, three in the full one: a list of needs names all, and those that there are count."""

Definition = dict[str, Any]


def secret(name: str) -> str:
    """Return a placeholder for a secret, without which compose refuses to start."""
    return f"${{{name}:?write infra/secrets.env with python -m deployment secrets}}"


def after(healthy: Iterable[str] = (), done: Iterable[str] = ()) -> Definition:
    """Return what a service waits for: others that are healthy, and steps that are done."""
    conditions = {
        **dict.fromkeys(healthy, "service_healthy"),
        **dict.fromkeys(done, "service_completed_successfully"),
    }
    return {
        name: {"condition": condition} | ({"required": False} if name in BROKERS else {})
        for name, condition in conditions.items()
    }


def published(**numbers: int) -> list[str]:
    """Return ports for this machine alone: the outer number by `inside_NUMBER`."""
    return [f"{LOOPBACK}:{outside}:{name.rpartition('_')[2]}" for name, outside in numbers.items()]


def asked(*command: str, start: str = "30s", interval: str = "10s") -> Definition:
    """Return a health check: a command, or one text for the container's shell."""
    test = ["CMD-SHELL", command[0]] if len(command) == 1 else ["CMD", *command]
    return {"test": test, "interval": interval, "timeout": "5s", "retries": 12, "start_period": start}


def server(
    image: str,
    *,
    profiles: Iterable[str] = BOTH,
    environment: Mapping[str, str] | None = None,
    needs: Definition | None = None,
    **more: Any,
) -> Definition:
    """Return a server of others."""
    made: Definition = {"image": image, "profiles": list(profiles), "restart": "unless-stopped"}
    if environment:
        made["environment"] = dict(environment)
    if needs:
        made["depends_on"] = needs
    return made | {"security_opt": ["no-new-privileges:true"]} | more


def step(image: str, *, needs: Definition, **more: Any) -> Definition:
    """Return a step that runs to its end and is run again where it fails."""
    return server(image, needs=needs, **({"restart": "on-failure:30"} | more))


def confined(definition: Definition) -> Definition:
    """Return a container of ours: no rights, and no place to write to but /tmp and its volumes."""
    return definition | {"read_only": True, "tmpfs": ["/tmp"], "cap_drop": ["ALL"], "user": USER}  # noqa: S108  # in the container


def mounted(**targets: str) -> list[Definition]:
    """Return configs by their names, at paths in the container; names have hyphens where arguments have underscores."""
    return [{"source": name.replace("_", "-"), "target": target} for name, target in targets.items()]

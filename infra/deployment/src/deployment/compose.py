"""The whole compose file."""

import re
from pathlib import Path

import yaml
from stack.gateways import gateways
from stack.places import FIRST, Places
from stack.ports import Ports
from stack.servers import temporal

from deployment import engines, programs, stores, streams, watching
from deployment.versions import images

HEADER = """\
# The whole pipeline in containers: written by `.venv/bin/python -m deployment` from the settings of the local stack
# (infra/local), do not edit. How to run it: docs/deployment.md.
"""
_VOLUMES = ("postgres", "minio", "dagster", "prometheus", "alertmanager", "grafana")
# What compose fills in: ${NAME:-usual} and ${NAME:?message}. ${ENV:NAME} is Trino's.
_PLACEHOLDER = re.compile(r"\$\{(?!ENV:)[A-Z0-9_]+:[-?][^}]*\}")


def compose(repository: Path, providers: tuple[str, ...] = FIRST) -> str:
    """Return the file's text for an installation that receives the webhooks of some providers.

    Raises:
        StackError: The contracts do not have one of them, or there are more than ports.
    """
    places = Places(repository, cache=repository, state=repository, providers=providers)
    ports, ways, versions = Ports(), gateways(places), images(repository)
    files = {
        **stores.configs(),
        **engines.configs(temporal.limits(repository)),
        **watching.configs(ways),
    }
    document = {
        "name": "payments",
        "services": {
            **streams.services(versions, ports),
            **stores.services(versions, ports),
            **engines.services(versions, ports, len(ways)),
            **programs.services(ports, ways),
            **watching.services(versions, ports),
        },
        "volumes": {name: {} for name in (*streams.volumes(), *_VOLUMES)},
        "configs": {name: {"content": _literal(text)} for name, text in files.items()},
    }
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def secrets(text: str) -> tuple[str, ...]:
    """Return the names of the secrets that a compose file asks for."""
    return tuple(sorted(set(re.findall(r"\$\{([A-Z0-9_]+):\?", text))))


def _literal(text: str) -> str:
    """Return a file's text as compose leaves it alone: only what is a placeholder of compose is filled in."""
    parts = _PLACEHOLDER.split(text)
    found = _PLACEHOLDER.findall(text)
    escaped = [part.replace("$", "$$") for part in parts]
    return "".join(part + placeholder for part, placeholder in zip(escaped, [*found, ""], strict=True))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and every value in full: no anchors, which readers would have to follow."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # the base class's signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)

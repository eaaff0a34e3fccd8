"""Services of compose.yaml as containers on this machine's network, beside servers that are no containers."""

from __future__ import annotations

import re
import shlex
import socket
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from deployment.containers import TAG, EngineError, engine, inspected, logs, wait_until

from tests.conftest import ROOT
from tests.integration.secured.certificates import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PLACEHOLDER = re.compile(r"\$\{([A-Z0-9_]+):([-?])([^}]*)\}")
_IMAGE = re.compile(r"/(\w+):")
_SECONDS = 240


@dataclass
class Containers:
    """Containers that are run as compose.yaml says; only where servers and ports are differs.

    Args:
        settings: Variables of the stack whose servers are used. What compose.yaml sets by the same name is set to it,
            and left out where that is empty.
        instead: Texts that stand for others in what compose.yaml says, of addresses inside of it.
        folder: Where files of configuration are written.
    """

    settings: Mapping[str, str]
    instead: Mapping[str, str]
    folder: Path
    started: dict[str, str] = field(default_factory=dict)
    _volumes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._compose: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text(encoding="utf-8"))

    def start(
        self, service: str, changes: Mapping[str, str] | None = None, instead: Mapping[str, str] | None = None
    ) -> None:
        """Start a service.

        Args:
            service: Its name in compose.yaml.
            changes: Variables that are other than in compose.yaml: its ports.
            instead: More texts that stand for others, for this service.

        Raises:
            EngineError: The engine does not start it.
        """
        defined = self._compose["services"][service]
        texts = {**self.instead, **(instead or {})}
        name = f"payments-{service}-{uuid.uuid4().hex[:8]}"
        options = ["--name", name, "--network", "host", "--user", defined["user"], *self._confined(defined)]
        # A list of hosts of ours is without the machine's own name, which is the container's, too.
        hosts = (*self._compose["services"], socket.gethostname())
        options += [part for each in hosts for part in ("--add-host", f"{each}:{LOOPBACK}")]
        variables = defined.get("environment", {}) | self._known(defined.get("environment", {})) | dict(changes or {})
        for key, value in variables.items():
            if value:
                options += ["--env", f"{key}={_replaced(_filled(str(value), self.settings), texts)}"]
        for each in defined.get("configs", []):
            options += ["--volume", f"{self._file(each['source'])}:{each['target']}:ro"]
        for each in defined.get("volumes", []):
            volume, target = each.split(":")[:2]
            mounted = self._volumes.setdefault(volume, f"payments-{volume}-{uuid.uuid4().hex[:8]}")
            options += ["--volume", f"{mounted}:{target}"]
        if test := defined.get("healthcheck", {}).get("test"):
            options += ["--health-cmd", _replaced(shlex.join(test[1:]), texts), "--health-interval", "5s"]
        found = _IMAGE.search(defined["image"])
        assert found is not None, defined["image"]
        image = f"payments/{found[1]}:{TAG}"
        said = engine("run", "--detach", *options, image, *map(str, defined.get("command", [])))
        if said.returncode != 0:
            raise EngineError(f"{service}: {said.stderr}")
        self.started[service] = name

    def finish(self, service: str) -> None:
        """Wait until a service has ended; EngineError where it failed."""
        code = engine("wait", self.started[service], seconds=_SECONDS).stdout.strip()
        if code != "0":
            raise EngineError(f"{service} ended with {code}: {self.said(service)}")

    def await_health(self, *services: str) -> None:
        """Wait until the engine calls each of some services healthy; EngineError where one does not become so."""
        for service in services:
            self._await_health(service)

    def _await_health(self, service: str) -> None:
        def is_healthy() -> bool:
            state = _state(self.started[service])
            if not state["Running"]:
                raise EngineError(f"{service} has ended with {state['ExitCode']}: {self.said(service)}")
            return bool(state["Health"]["Status"] == "healthy")

        wait_until(is_healthy, _SECONDS, lambda: f"{service} is not healthy: {self.said(service)}")

    def stop(self, service: str) -> dict[str, Any]:
        """Ask a service to end, with the time that compose.yaml gives it, and return the state that it ended in."""
        grace = str(self._compose["services"][service].get("stop_grace_period", "10s")).removesuffix("s")
        engine("stop", "--time", grace, self.started[service], seconds=_SECONDS)
        return _state(self.started[service])

    def said(self, service: str) -> str:
        """Return the end of what a service wrote."""
        return logs(self.started[service])[-4000:]

    def remove(self) -> None:
        """Remove all containers and their volumes."""
        for name in self.started.values():
            engine("rm", "--force", "--volumes", name)
        for volume in self._volumes.values():
            engine("volume", "rm", "--force", volume)

    def _known(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in self.settings.items() if name in variables}

    def _confined(self, defined: Mapping[str, Any]) -> list[str]:
        options = [part for each in defined.get("cap_drop", []) for part in ("--cap-drop", each)]
        options += [part for each in defined["security_opt"] for part in ("--security-opt", each)]
        options += [part for each in defined.get("tmpfs", []) for part in ("--tmpfs", each)]
        options += ["--read-only"] if defined.get("read_only") else []
        options += ["--init"] if defined.get("init") else []
        options += ["--memory", defined["mem_limit"]] if "mem_limit" in defined else []
        return options

    def _file(self, config: str) -> Path:
        path = self.folder / config
        path.write_text(self._compose["configs"][config]["content"].replace("$$", "$"), encoding="utf-8")
        return path


def _state(name: str) -> dict[str, Any]:
    state: dict[str, Any] = inspected("container", name)["State"]
    return state


def _filled(text: str, settings: Mapping[str, str]) -> str:
    """Fill in what compose fills in, `${NAME:-usual}` and `${NAME:?message}`; EngineError with the message."""

    def value(found: re.Match[str]) -> str:
        if known := settings.get(found[1]):
            return known
        if found[2] == "?":
            raise EngineError(f"{found[1]}: {found[3]}")
        return found[3]

    return _PLACEHOLDER.sub(value, text).replace("$$", "$")


def _replaced(text: str, texts: Mapping[str, str]) -> str:
    for old, new in texts.items():
        text = text.replace(old, new)
    return text

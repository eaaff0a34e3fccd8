"""A release of the pipeline: contracts, what is derived from them, and the programs that run with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.extensibility.added_field import ROOT
from tests.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BIN = Path(sys.executable).parent
FLINK = ROOT / ".venv-flink"
PATIENCE_S = 400.0


def until(what: str, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.2)


class Service:
    """A program that answers /readyz, and is told to end by SIGTERM."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._name = name
        self._log = log
        with log.open("ab") as stream:
            self._process = subprocess.Popen(command, env=dict(environment), stdout=stream, stderr=stream)

    def wait_until_ready(self) -> None:
        until(f"{self._name} (its log: {self._log})", self._is_ready)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, f"{self._name} ended: {self._log.read_text()[-3000:]}"
        try:
            return httpx.get(f"{self.url}/readyz").is_success
        except httpx.TransportError:
            return False


@dataclass
class Release:
    """Programs that import the generated package of one state of the contracts.

    Attributes:
        folder: Holds `contracts`, `generated` and `dbt`.
        settings: Where the servers are.
    """

    folder: Path
    settings: Mapping[str, str]
    running: list[Service] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, edit: Callable[[Path], None], settings: Mapping[str, str]) -> Release:
        """Derive a release from the contracts after an edit."""
        contracts, generated = folder / "contracts", folder / "generated"
        shutil.copytree(ROOT / "contracts", contracts)
        edit(contracts)
        command = ["generate", "--contracts", str(contracts), "--generated", str(generated)]
        subprocess.run([str(BIN / "codegen"), *command], check=True)
        unwanted = shutil.ignore_patterns("target", "logs", "dbt_packages")
        shutil.copytree(ROOT / "dbt", folder / "dbt", ignore=unwanted)
        release = cls(folder, settings)
        _layer(folder / "flink", FLINK, generated / "python")
        return release

    @property
    def environment(self) -> dict[str, str]:
        """Settings, with the release's own package before the one that is installed."""
        own = {
            "PYTHONPATH": str(self.folder / "generated" / "python"),
            "NORMALIZER_SQL_DIR": str(self.folder / "generated" / "flink"),
            "DBT_PROJECT_DIR": str(self.folder / "dbt"),
        }
        return {**os.environ, **self.settings, **own}

    def run(self, *command: str) -> str:
        """Run a program to its end and return what it prints."""
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout

    def start(self, name: str, *arguments: str, **variables: str) -> Service:
        """Start a service; `wait_until_ready` tells when it works."""
        port = free_port()
        python = self.folder / "flink" / "bin" / "python" if name == "normalizer" else Path(sys.executable)
        environment = {**self.environment, "HTTP_HOST": "127.0.0.1", **variables}
        environment["HTTP_PORT" if name in {"gateway", "inference"} else "METRICS_PORT"] = str(port)
        if name == "normalizer":
            # Flink starts the Python that runs this one, which has the package by itself.
            del environment["PYTHONPATH"]
        # Of a gateway or normalizer there is one for each provider.
        whose = [variables[each] for each in ("GATEWAY_PROVIDER", "NORMALIZER_PROVIDER") if each in variables]
        called = "-".join((name, *whose))
        log = self.folder / f"{called}.log"
        service = Service(called, [str(python), "-m", name, *arguments], environment, port, log)
        self.running.append(service)
        return service


def _layer(folder: Path, below: Path, package: Path) -> None:
    """Make an environment that has another's packages, and one of its own before them."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text((below / "pyvenv.cfg").read_text())
    (folder / "bin" / "python").symlink_to((below / "bin" / "python").resolve())
    (installed,) = below.glob("lib/python3*/site-packages")
    own = folder / installed.relative_to(below)
    own.mkdir(parents=True)
    (own / "release.pth").write_text(f"{package}\nimport site; site.addsitedir({str(installed)!r})\n")

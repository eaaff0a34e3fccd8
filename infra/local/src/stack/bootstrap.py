"""The first step on a new machine: checks it, gets uv, makes the environment of `stack`, and hands over to it.

Standard library only, because it runs with whatever Python the machine has.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stack import prerequisites
from stack.errors import StackError
from stack.tools.installation import Slot, fingerprint, install

REPOSITORY = Path(__file__).resolve().parents[4]
REQUIREMENT = REPOSITORY / "infra" / "local" / "python" / "uv.txt"
MINIMUM_UV = (0, 13, 0)
SUPPORTED_PYTHON = ((3, 11), (3, 12))
FALLBACK_PYTHON = "3.12"


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Return the cache of tools: the same rule as in `stack.settings`."""
    if chosen := environment.get("PAYMENTS_CACHE_DIR"):
        return Path(chosen).expanduser().absolute()
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "payment-pipeline"


def uv_version(answer: str) -> tuple[int, ...] | None:
    """Return the numbers in the answer of `uv --version`."""
    found = re.match(r"uv (\d+)\.(\d+)\.(\d+)", answer)
    return tuple(map(int, found.groups())) if found else None


def find_uv() -> Path | None:
    """Return the uv of PATH if it is new enough."""
    program = shutil.which("uv")
    if program is None:
        return None
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = uv_version(answer.stdout)
    return Path(program) if version is not None and version >= MINIMUM_UV else None


def get_uv(cache: Path) -> Path:
    """Return our own uv, installed into the cache by pip, which checks its hash."""
    version = REQUIREMENT.read_text().split()[0].partition("==")[2]
    target = Slot(cache / "tools", "uv", version, fingerprint([REQUIREMENT])).path
    if not target.is_dir():
        print(f"getting uv {version}", flush=True)
        install(target, _pip_install)
    return target / "bin" / "uv"


def _pip_install(directory: Path) -> None:
    pip = [sys.executable, "-m", "pip"]
    scratch = directory / "pip"
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        # Some distributions give Python no pip of its own, but let it make environments that have one.
        made = subprocess.run([sys.executable, "-m", "venv", str(scratch)], capture_output=True, check=False)
        if made.returncode:
            raise StackError(
                f"{sys.executable} has neither pip nor venv, with which uv would be installed: add them "
                "(on Debian: apt install python3-venv), or install uv yourself."
            )
        pip = [str(scratch / "bin" / "python"), "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
    result = subprocess.run(
        [*pip, "install", *options, "--target", str(directory), "-r", str(REQUIREMENT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise StackError(f"uv could not be installed: {result.stderr.strip()}")
    shutil.rmtree(scratch, ignore_errors=True)


def python_request(version: tuple[int, int]) -> str:
    """Return the Python that uv is asked for: the present version if the project runs on it."""
    return f"{version[0]}.{version[1]}" if version in SUPPORTED_PYTHON else FALLBACK_PYTHON


def sync(uv: Path, environment: Mapping[str, str]) -> Path:
    """Make the environment of `stack` what the lock file says, and return its Python."""
    target = REPOSITORY / ".venv-stack"
    command = [str(uv), "sync", "--frozen", "--quiet", "--package", "payments-stack", "--no-default-groups"]
    result = subprocess.run(
        command,
        env={**environment, "UV_PROJECT_ENVIRONMENT": str(target)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise StackError(f"The environment {target} could not be made: {result.stderr.strip()}")
    return target / "bin" / "python"


def main() -> None:
    """Do all that, then become `python -m stack` with the given arguments."""
    try:
        prerequisites.check()
        cache = cache_directory(os.environ)
        uv = find_uv() or get_uv(cache)
        environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        environment["PAYMENTS_UV"] = str(uv)
        environment.setdefault("UV_CACHE_DIR", str(cache / "uv"))
        environment.setdefault("UV_PYTHON", python_request(sys.version_info[:2]))
        python = sync(uv, environment)
    except StackError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    os.execve(python, [str(python), "-m", "stack", *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()

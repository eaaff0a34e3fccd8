"""A contract that is mended in a copy of all of them, and a normalizer that runs by the copy."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.demo.programs import Programs
from stack.errors import StackError
from stack.places import Places
from stack.processes import Process
from stack.supervision import OWNER_VARIABLE

_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Mended:
    """A folder with a copy of the contracts, and what is derived from it.

    Args:
        folder: Is the demo's own, and empty.
        places: The directories of the stack.
    """

    folder: Path
    places: Places

    @property
    def contracts(self) -> Path:
        """The copy of the contracts."""
        return self.folder / "contracts"

    @property
    def package(self) -> Path:
        """What programs import instead of what is installed."""
        return self.folder / "generated" / "python"

    def accept_currency(self, provider: str, code: str, exponent: int) -> str:
        """Copy the contracts and let a provider use a currency that ISO 4217 has withdrawn; return the added line.

        Raises:
            StackError: The provider's contract has no list of such currencies.
        """
        shutil.copytree(self.places.repository / "contracts", self.contracts)
        file = self.contracts / "providers" / provider / "provider.yaml"
        line = f"  {code}: {{exponent: {exponent}}}"
        text, count = re.subn(r"(?m)^currencies:$", f"currencies:\n{line}", file.read_text(encoding="utf-8"))
        if count != 1:
            raise StackError(f"{file} has {count} lists of currencies, and the demo adds to one.")
        file.write_text(text, encoding="utf-8")
        return line.strip()

    def derive(self, programs: Programs) -> None:
        """Derive everything from the copy."""
        programs.run_briefly(
            *("codegen", "generate", "--contracts", str(self.contracts)),
            *("--generated", str(self.folder / "generated")),
        )

    @contextmanager
    def normalizer(self, process: Process, log: Path) -> Iterator[None]:
        """Run a normalizer by the copy, in the place of the stack's own, which must be stopped.

        Args:
            process: The stack's own.
            log: Where it writes what it says.
        """
        environment = {
            **os.environ,
            **process.environment,
            "NORMALIZER_SQL_DIR": str(self.folder / "generated" / "flink"),
            # So that `stack down` finds it, whatever becomes of the demo.
            OWNER_VARIABLE: str(self.places.state),
        }
        command = [str(self._python()), *process.command[1:]]
        with log.open("ab") as stream:
            running = subprocess.Popen(
                command, env=environment, cwd=process.directory, stdout=stream, stderr=subprocess.STDOUT
            )
        try:
            yield
        finally:
            # It ends its job with a savepoint, from which the stack's own goes on.
            running.terminate()
            try:
                running.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()

    def _python(self) -> Path:
        """Make an environment with the packages of Flink's, and the copy's before them; return its Python.

        Flink starts the Python that runs the program, and gives it no PYTHONPATH.
        """
        below, home = self.places.venv_flink, self.folder / "flink"
        (home / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(below / "pyvenv.cfg", home / "pyvenv.cfg")
        python = home / "bin" / "python"
        if not python.exists():
            python.symlink_to((below / "bin" / "python").resolve())
        (installed,) = below.glob("lib/python3*/site-packages")
        own = home / installed.relative_to(below)
        own.mkdir(parents=True, exist_ok=True)
        (own / "mended.pth").write_text(f"{self.package}\nimport site; site.addsitedir({str(installed)!r})\n")
        return python

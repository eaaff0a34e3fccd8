"""The programs of the pipeline, run as a person would run them."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.demo.narration import Narrator
from stack.errors import StackError


@dataclass(frozen=True, slots=True)
class Programs:
    """Runs programs of one environment, with the settings of one stack.

    Args:
        folder: Where the programs are.
        directory: Where they are run.
        settings: What they find in their environment.
        narrator: Shows what is run.
    """

    folder: Path
    directory: Path
    settings: Mapping[str, str]
    narrator: Narrator

    def run(self, *command: str, **variables: str) -> None:
        """Show a command, run it, and let it print.

        Raises:
            StackError: It does not exist, or does not end with 0.
        """
        self.narrator.show(command)
        with self._errors(command[0]):
            code = subprocess.run(
                self._whole(command), env=self._environment(variables), cwd=self.directory, check=False
            ).returncode
        self._require_success(command, code)

    def run_briefly(self, *command: str) -> None:
        """Show a command, run it, and print the last line that it says; all of them where it fails.

        Raises:
            StackError: It does not exist, or does not end with 0.
        """
        self.narrator.show(command)
        done = self._listen(command, subprocess.STDOUT)
        lines = done.stdout.splitlines()
        for line in lines if done.returncode else lines[-1:]:
            self.narrator.say(line)
        self._require_success(command, done.returncode)

    @contextmanager
    def beside(self, *command: str) -> Iterator[None]:
        """Show a command and run it while something else is done.

        Raises:
            StackError: It does not exist, or does not end with 0.
        """
        self.narrator.show(command)
        with self._errors(command[0]):
            process = subprocess.Popen(
                self._whole(command), env=self._environment({}), cwd=self.directory, stdout=subprocess.DEVNULL
            )
        try:
            yield
        except BaseException:
            process.terminate()
            process.wait()
            raise
        self._require_success(command, process.wait())

    def ask(self, *command: str) -> Any:
        """Return what a command prints as JSON, or None where it ends with an error and prints none."""
        try:
            return json.loads(self._listen(command, subprocess.DEVNULL).stdout)
        except ValueError:
            return None

    def _listen(self, command: tuple[str, ...], errors: int) -> subprocess.CompletedProcess[str]:
        with self._errors(command[0]):
            return subprocess.run(
                self._whole(command),
                env=self._environment({}),
                cwd=self.directory,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                check=False,
            )

    def _whole(self, command: tuple[str, ...]) -> list[str]:
        return [str(self.folder / command[0]), *command[1:]]

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **self.settings, **variables}

    @contextmanager
    def _errors(self, program: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise StackError(f"{self.folder / program} does not exist: run `make setup`.") from None

    def _require_success(self, command: tuple[str, ...], code: int) -> None:
        if code != 0:
            raise StackError(f"`{' '.join(command[:2])}` ended with {code}; what it said is above.")

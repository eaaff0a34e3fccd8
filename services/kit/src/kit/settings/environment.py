"""Reads settings from the environment, and says what is wrong with them."""

import re
import sys
from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

S = TypeVar("S", bound=BaseSettings)

_FIELD = re.compile(r'field "(\w+)"')


class EnvironmentSettings(BaseSettings):
    """Base of all settings: read from environment variables of the same name, in capitals."""

    # Input is hidden, since a value may be a secret.
    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")


def load(kind: type[S], prefix: str = "") -> S:
    """Read settings from the environment variables of their names, each with `prefix` before it.

    Where they are incomplete or wrong, write one sentence per variable to standard error and exit with code 2.
    """
    try:
        return kind(_env_prefix=prefix)
    except ValidationError as error:
        for sentence in _sentences(error, prefix):
            sys.stderr.write(f"{sentence}\n")
    except SettingsError as error:
        # Raised where a structured setting is not JSON; it names the field, and not the value.
        field = _FIELD.search(str(error))
        variable = f"{prefix}{field.group(1)}".upper() if field else "The environment"
        sys.stderr.write(f"{variable} is wrong: it is not JSON.\n")
    raise SystemExit(2)


def _sentences(error: ValidationError, prefix: str) -> Iterator[str]:
    told: set[str] = set()
    for problem in error.errors(include_input=False, include_url=False):
        field, *inside = (str(part) for part in problem["loc"] or ("the environment",))
        variable = f"{prefix}{field}".upper()
        # What comes after a variable's first problem is often only its consequence.
        if variable in told:
            continue
        told.add(variable)
        where = f" at {'.'.join(inside)}" if inside else ""
        if problem["type"] == "missing" and not inside:
            yield f"{variable} is not set; set it in the environment (`stack env` prints every setting)."
        else:
            yield f"{variable} is wrong{where}: {problem['msg'].removeprefix('Value error, ')}."

"""Everything that is derived from the contracts. An emitter is a pure function of the catalog."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from codegen.emit import (
    dbt,
    derived,
    flink,
    grants,
    iceberg,
    k8s,
    kafka,
    labels,
    maintenance,
    normalize,
    openapi,
    package,
    pins,
    policies,
    postgres,
    providers,
    pydantic,
    wire,
)
from codegen.model import Catalog, GeneratedFile

Emitter = Callable[[Catalog], Iterator[GeneratedFile]]

EMITTERS: tuple[Emitter, ...] = (
    package.emit,
    pydantic.emit,
    pins.emit,
    wire.emit,
    kafka.emit,
    providers.emit,
    policies.emit,
    iceberg.emit,
    postgres.emit,
    grants.emit,
    maintenance.emit,
    openapi.emit,
    normalize.emit,
    flink.emit,
    dbt.emit,
    derived.emit,
    k8s.emit,
    labels.emit,
)


class EmissionError(Exception):
    """An emitter failed: a defect of codegen, or a contract that lint should have refused; the cause says what."""


def emit(catalog: Catalog) -> tuple[GeneratedFile, ...]:
    """Return every generated file, by path; the same contracts give the same bytes.

    Raises:
        EmissionError: An emitter failed, or two files have one path.
    """
    files: list[GeneratedFile] = []
    for emitter in EMITTERS:
        try:
            files += emitter(catalog)
        except Exception as error:
            raise EmissionError(f"{emitter.__module__}: {type(error).__name__}: {error}") from error
    twice = [path for path, count in Counter(file.path for file in files).items() if count > 1]
    if twice:
        raise EmissionError(f"two emitters give {', '.join(twice)}")
    return tuple(sorted(files, key=lambda file: file.path))

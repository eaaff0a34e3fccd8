"""Everything that is derived from the contracts. An emitter is a pure function of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from codegen.emit import dbt, docs, flink, iceberg, k8s, kafka, labels, normalize, openapi, package, providers, pydantic
from codegen.model import Catalog, GeneratedFile

Emitter = Callable[[Catalog], Iterator[GeneratedFile]]

EMITTERS: tuple[Emitter, ...] = (
    package.emit,
    pydantic.emit,
    kafka.emit,
    providers.emit,
    iceberg.emit,
    openapi.emit,
    normalize.emit,
    flink.emit,
    dbt.emit,
    k8s.emit,
    labels.emit,
    docs.emit,
)


def emit(catalog: Catalog) -> tuple[GeneratedFile, ...]:
    """Return every generated file, by path; the same contracts give the same bytes."""
    files = [file for emitter in EMITTERS for file in emitter(catalog)]
    return tuple(sorted(files, key=lambda file: file.path))

"""What brings a table's columns to its contract, and what stands against it. Pure.

Columns are found by name; their ids must be the contract's, because files name columns by id alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.schema import Schema
from pyiceberg.types import IcebergType, ListType, MapType, NestedField, StructType

Path = tuple[str, ...]


@dataclass(frozen=True)
class Evolution:
    """The steps from a table's columns to its contract's, by path.

    Attributes:
        additions: Columns to add, in the order of their ids.
        relaxations: Columns that may be null from now on.
        descriptions: Columns with another text, and the text.
        obstacles: Differences in words that no step can follow; then no step may be taken.
    """

    additions: Mapping[Path, NestedField]
    relaxations: Sequence[Path]
    descriptions: Mapping[Path, str]
    obstacles: Sequence[str]

    @property
    def changes(self) -> list[str]:
        """The steps in words."""
        steps: tuple[tuple[str, Sequence[Path]], ...] = (
            ("added", list(self.additions)),
            ("may be null:", self.relaxations),
            ("described", list(self.descriptions)),
        )
        return [f"{what} {', '.join(map('.'.join, paths))}" for what, paths in steps if paths]


def compare(present: Schema, wanted: Schema, *, last_id: int) -> Evolution:
    """Compare a table's columns with its contract's; `last_id` is the highest id that the table ever gave."""
    there, declared = dict(_columns(present.as_struct(), ())), dict(_columns(wanted.as_struct(), ()))
    missing = {
        path: field for path, field in declared.items() if path not in there and (path[:-1] in there or not path[1:])
    }
    additions = dict(sorted(missing.items(), key=lambda item: item[1].field_id))
    common = [(path, there[path], field) for path, field in declared.items() if path in there]
    return Evolution(
        additions=additions,
        relaxations=[path for path, old, new in common if old.required and new.optional],
        descriptions={path: new.doc for path, old, new in common if new.doc and old.doc != new.doc},
        obstacles=[
            *(f"column {'.'.join(path)} is not declared" for path in there if path not in declared),
            *(obstacle for path, old, new in common for obstacle in _contradictions(".".join(path), old, new)),
            *_unaddable(additions, last_id),
        ],
    )


def columns_up_to(schema: Schema, last_id: int) -> Schema:
    """Return a schema's columns that have an id up to `last_id`, those inside others too."""
    return Schema(*_up_to(schema.as_struct(), last_id).fields, identifier_field_ids=schema.identifier_field_ids)


def _up_to(struct: StructType, last_id: int) -> StructType:
    kept = (field for field in struct.fields if field.field_id <= last_id)
    return StructType(
        *(field.model_copy(update={"field_type": _inner_up_to(field.field_type, last_id)}) for field in kept)
    )


def _inner_up_to(kind: IcebergType, last_id: int) -> IcebergType:
    match kind:
        case StructType():
            return _up_to(kind, last_id)
        case ListType():
            return kind.model_copy(update={"element_type": _inner_up_to(kind.element_type, last_id)})
        case MapType():
            return kind.model_copy(update={"value_type": _inner_up_to(kind.value_type, last_id)})
        case _:
            return kind


def _columns(kind: IcebergType, above: Path) -> Iterator[tuple[Path, NestedField]]:
    """Yield the columns inside a type; those of a list and a map are called element, key and value."""
    match kind:
        case StructType(fields=fields):
            inside = tuple(fields)
        case ListType():
            inside = (kind.element_field,)
        case MapType():
            inside = (kind.key_field, kind.value_field)
        case _:
            inside = ()
    for field in inside:
        path = (*above, field.name)
        yield path, field
        yield from _columns(field.field_type, path)


def _contradictions(name: str, old: NestedField, new: NestedField) -> Iterator[str]:
    if _kind(old) != _kind(new):
        yield f"column {name} is {_kind(old)}, declared {_kind(new)}"
    if old.field_id != new.field_id:
        yield f"column {name} has the id {old.field_id}, declared {new.field_id}"
    if old.optional and new.required:
        yield f"column {name} may be null, declared required"


def _kind(field: NestedField) -> str:
    kind = field.field_type
    return str(kind) if kind.is_primitive else type(kind).__name__.removesuffix("Type").lower()


def _unaddable(additions: Mapping[Path, NestedField], last_id: int) -> Iterator[str]:
    following = last_id + 1
    for path, field in additions.items():
        name = ".".join(path)
        if field.required:
            yield f"column {name} is missing and required, and rows that are there have no value for it"
        if field.field_id != following:
            yield f"column {name} is missing and would get the id {following}, declared {field.field_id}"
        following += 1 + sum(1 for _ in _columns(field.field_type, path))

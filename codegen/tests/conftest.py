"""The contracts that tests look at: the project's own, and a small folder that uses the whole language."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from datetime import UTC, datetime
from decimal import Context
from decimal import Decimal as Exact
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import pytest
from codegen.avro import MAX_PRECISION, Array, Date, Decimal, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.avsc import Reader
from codegen.document import parse
from codegen.emit import emit
from codegen.loader import load
from codegen.model import RecordVersion
from hypothesis import strategies as st

from codegen import cli

from .repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from codegen.avro import AvroType, Field
    from codegen.model import Catalog

ROOT = Path(__file__).resolve().parents[2]
# The default context rounds to 28 digits.
WIDE = Context(prec=MAX_PRECISION)
GOLDEN = Path(__file__).resolve().parent / "golden"


def copied(folder: Path, case: str = "acme") -> Path:
    """Copy the small contracts to a folder, with a case's own on top, and the meta schemas of the real ones."""
    shutil.copytree(GOLDEN / "acme" / "contracts", folder)
    shutil.copytree(GOLDEN / case / "contracts", folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "contracts" / "meta", folder / "meta")
    return folder


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return copied(tmp_path / "contracts")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that copies a golden case's contracts to a new folder."""
    return lambda case: copied(tmp_path_factory.mktemp(case) / "contracts", case)


@pytest.fixture
def edit(contracts: Path) -> Callable[[str, str, str], None]:
    """Return a function that replaces a text, which must be there, in a contract."""

    def replace(file: str, old: str, new: str) -> None:
        path = contracts / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


@pytest.fixture
def run(
    contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["codegen", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return command


@pytest.fixture(scope="session")
def project() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load(copied(tmp_path_factory.mktemp("acme") / "contracts"))


@pytest.fixture(scope="session")
def generated(acme: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that imports a module generated from the small contracts, apart from the project's package."""
    folder = tmp_path_factory.mktemp("generated")
    for file in emit(acme):
        if file.path.startswith("python/payments_contracts/"):
            target = folder / file.path.removeprefix("python/").replace("payments_contracts", "golden_contracts")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content.replace(b"payments_contracts", b"golden_contracts"))
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"golden_contracts.{name}")
    sys.path.remove(str(folder))


INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001 - naive bounds are asked for
    lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000)
)


def values(kind: AvroType) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911, PLR0912 - one for each type
    match kind:
        case Primitive.BOOLEAN:
            return st.booleans()
        case Primitive.INT:
            return st.integers(-(2**31), 2**31 - 1)
        case Primitive.LONG:
            return st.integers(-(2**63), 2**63 - 1)
        case Primitive.DOUBLE:
            return st.floats(allow_nan=False)
        case Primitive.BYTES:
            return st.binary(max_size=20)
        case Primitive.STRING:
            return st.text(max_size=20)
        case TimestampMillis():
            return INSTANTS
        case Date():
            return st.dates()
        case Decimal(precision, scale):
            highest = 10**precision - 1
            return st.integers(-highest, highest).map(lambda unscaled: Exact(unscaled).scaleb(-scale, WIDE))
        case Array(items):
            return st.lists(values(items), max_size=3)
        case Map(inner):
            return st.dictionaries(st.text(max_size=5), values(inner), max_size=3)
        case Nullable(of):
            return st.none() | values(of)
        case Record(fields=fields):
            return st.fixed_dictionaries({field.name: field_values(field) for field in fields})
    assert_never(kind)


def field_values(field: Field) -> st.SearchStrategy[Any]:
    if field.allowed:
        return st.sampled_from([*field.allowed, *([None] if field.nullable else [])])
    return values(field.type)


@pytest.fixture(scope="session")
def rows() -> Callable[[Record], st.SearchStrategy[dict[str, Any]]]:
    """Return a function that gives a record's values, as a deserializer gives them."""
    return values


# Names that stand for something else in Python, Flink, Iceberg or Trino, and must do no harm.
NAMES = ["date", "decimal", "timestamp", "field", "literal", "key", "element", "items", "contract", "count", "value"]
PRIMITIVE_DEFAULTS: dict[str, st.SearchStrategy[Any] | None] = {
    "boolean": st.booleans(),
    "bytes": None,
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "string": st.text(max_size=5),
}


@st.composite
def contract_schemas(draw: st.DrawFn, *, naming: bool = True) -> dict[str, Any]:
    """Draw the schema of a record `shop.thing` over all that a contract may hold."""
    return {**Drawing(draw, naming=naming).record("thing", 0), "namespace": "shop"}


class Drawing:
    """Draws one schema; with `naming` the records drawn so far may be named again."""

    def __init__(self, draw: st.DrawFn, *, naming: bool) -> None:
        self._draw = draw
        self._naming = naming
        self._records: list[str] = []
        self._taken: set[str] = set()
        self._defaults: dict[str, st.SearchStrategy[Any] | None] = dict(PRIMITIVE_DEFAULTS)

    def record(self, name: str, depth: int) -> dict[str, Any]:
        names = self._draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
        members = [self._field(each, depth) for each in names]
        found = {each["name"]: self._defaults_of(each["type"], each.get("allowed_values")) for each in members}
        fits = all(strategy is not None for strategy in found.values())
        self._defaults[name] = st.fixed_dictionaries(found) if fits else None  # type: ignore[arg-type]  # none is None
        return {"type": "record", "name": name, "doc": "A thing.", "fields": members}

    def _field(self, name: str, depth: int) -> dict[str, Any]:
        kind = self._maybe_null(depth)
        field = {"name": name, "doc": "A fact.", "type": kind}
        if kind in ("string", ["null", "string"]) and self._draw(st.booleans()):
            texts = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3, unique=True)
            field["allowed_values"] = self._draw(texts)
        defaults = self._defaults_of(kind, field.get("allowed_values"))
        if isinstance(kind, list) or (defaults is not None and self._draw(st.booleans())):
            field["default"] = None if defaults is None else self._draw(defaults)
        return field

    def _maybe_null(self, depth: int) -> Any:
        kind = self._type(depth)
        return ["null", kind] if self._draw(st.booleans()) else kind

    def _type(self, depth: int) -> Any:
        shapes = ["primitive", "logical", *(["array", "map", "record"] if depth < 2 else [])]
        match self._draw(st.sampled_from([*shapes, *(["named"] if self._naming and self._records else [])])):
            case "primitive":
                return self._draw(st.sampled_from(sorted(PRIMITIVE_DEFAULTS)))
            case "logical":
                return self._logical()
            case "array":
                return {"type": "array", "items": self._maybe_null(depth + 1)}
            case "map":
                return {"type": "map", "values": self._maybe_null(depth + 1)}
            case "named":
                return self._draw(st.sampled_from(tuple(self._records)))
        name = self._draw(st.sampled_from(NAMES))
        name = name if name not in self._taken else f"{name}_{len(self._taken)}"
        self._taken.add(name)
        record = self.record(name, depth + 1)
        self._records.append(name)
        return record

    def _logical(self) -> dict[str, Any]:
        precision = self._draw(st.integers(1, MAX_PRECISION))
        scale = self._draw(st.integers(0, precision))
        decimal = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
        instant, day = {"type": "long", "logicalType": "timestamp-millis"}, {"type": "int", "logicalType": "date"}
        return dict(self._draw(st.sampled_from([decimal, instant, day])))

    def _defaults_of(self, kind: Any, allowed: list[str] | None = None) -> st.SearchStrategy[Any] | None:
        match kind:
            case ["null", _]:
                return st.none()
            case str():
                return st.sampled_from(allowed) if allowed else self._defaults[kind]
            case {"type": "array", "items": items}:
                inner = self._defaults_of(items)
                return None if inner is None else st.lists(inner, max_size=2)
            case {"type": "map", "values": items}:
                inner = self._defaults_of(items)
                return None if inner is None else st.dictionaries(st.text(max_size=3), inner, max_size=2)
            case {"type": "record", "name": name}:
                return self._defaults[name]
        return None


@pytest.fixture(scope="session")
def version_of() -> Callable[..., RecordVersion]:
    """Return a function that reads a schema as a version of the record `thing`."""

    def read(data: dict[str, Any], number: int = 1) -> RecordVersion:
        text = json.dumps(data)
        document = parse(f"avro/thing/v{number}.avsc", text)
        reader = Reader(document)
        record = reader.record()
        assert record is not None, reader.findings
        return RecordVersion("thing", number, record, text, document)

    return read


@pytest.fixture(scope="session")
def schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of schemas over all that a contract may hold."""
    return contract_schemas()


@pytest.fixture(scope="session")
def separable_schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of schemas whose fields do not need each other."""
    return contract_schemas(naming=False)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A git repository with the base contracts."""
    return Repository.with_contracts(tmp_path / "repository")


@pytest.fixture
def run_there(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `codegen` in that repository; give the exit code and what was printed and said."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(repository.root)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
        monkeypatch.setattr(sys, "argv", ["codegen", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return command

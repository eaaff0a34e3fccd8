"""What an import linter cannot see of the law, as functions of a work tree: each yields where the law is broken.

A finding is `path:line: what`. The work tree may be a copy into which a test has planted something.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from tests.architecture.literals import UNKNOWN, lists, texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codegen.model import Catalog

# From here on a list of columns is one that somebody has to keep up with the contract. What a program is about may need
# a few columns by name.
MOST_COLUMNS = 6
LONGEST_MODULE = 350
GENERATED_MAY_IMPORT = frozenset({"orjson", "payments_contracts", "pydantic", "pydantic_core"})
_PATTERN = re.compile(r"\.\*|(?:\[[^\]]*\]|\\w|\.)[*+]|(?<=\.)\*(?=\.)")
_REGISTERS = re.compile(r"auto\.register|/versions$")
_PROSE = {".md", ".lock", ".sha256", ".sum"}
# Written from the chart, which has links to what is generated, and from prose; tests compare them with their sources.
_RENDERED = ("infra/k8s", "infra/monitoring/dashboards/runbooks.json")


@dataclass(frozen=True)
class Tree:
    """A work tree, and the contracts that it has to keep to."""

    root: Path
    contracts: Catalog

    def files(self, *folders: str) -> list[Path]:
        """Return the files below some folders that belong to no test."""
        return [path for path in tracked(self.root, *folders) if "tests" not in path.relative_to(self.root).parts]

    def code(self, *folders: str) -> list[Path]:
        rendered = [self.root / each for each in _RENDERED]
        return [
            path
            for path in self.files(*folders)
            if path.suffix not in _PROSE and not any(path.is_relative_to(each) for each in rendered)
        ]

    def place(self, path: Path, line: int, what: str) -> str:
        return f"{path.relative_to(self.root).as_posix()}:{line}: {what}"

    @cached_property
    def topics(self) -> frozenset[str]:
        return frozenset(topic.name for topic in self.contracts.topics)

    @cached_property
    def tables(self) -> frozenset[str]:
        of_the_lake = {each.identifier for each in self.contracts.tables}
        derived = {each.identifier for each in self.contracts.derived}
        return frozenset(of_the_lake | derived | {each.name for each in self.contracts.database})

    @cached_property
    def columns(self) -> dict[str, frozenset[str]]:
        """Return the columns of each record version and derived table."""
        found = {
            f"{each.name} v{each.version}": frozenset(field.name for field in each.record.fields)
            for versions in self.contracts.records.values()
            for each in versions
        }
        return found | {
            table.identifier: frozenset(each.name for each in table.columns) for table in self.contracts.derived
        }

    @cached_property
    def documented(self) -> frozenset[str]:
        """Return every description of a field or column, with one space between words."""
        versions = [each for all_of in self.contracts.records.values() for each in all_of]
        docs = [field.doc for each in versions for field in each.record.fields]
        docs += [column.doc for table in self.contracts.derived for column in table.columns]
        return frozenset(_one_line(each) for each in docs if each)


def tracked(root: Path, *folders: str) -> list[Path]:
    """Return the files below some folders: what git knows or would add; all, where there is no git.

    What a link leads to is looked at where it is.
    """
    if not (root / ".git").exists():
        return [path for folder in folders for path in sorted((root / folder).rglob("*")) if path.is_file()]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    found = [root / line for line in listing.stdout.splitlines()]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def restated_names(tree: Tree) -> Iterator[str]:
    """Yield topics and tables that are named outside of the contracts, in whatever parts the name is put together.

    dbt names its models as their files are called, and tables by `source()`: there only topics are looked for.
    """
    for folder, names in (
        ("services", tree.topics | tree.tables),
        ("infra", tree.topics | tree.tables),
        ("codegen/src", tree.topics | tree.tables),
        ("codegen/catalogue/src", tree.topics | tree.tables),
        ("dbt", tree.topics),
    ):
        for path in tree.code(folder):
            text = path.read_text(encoding="utf-8", errors="ignore")
            if path.suffix == ".py":
                for literal in texts(text):
                    for name in sorted(names):
                        if _names(literal.value, name):
                            yield tree.place(path, literal.line, name)
            else:
                for number, line in enumerate(text.splitlines(), start=1):
                    yield from (tree.place(path, number, name) for name in sorted(names) if _holds(line, name))


def _names(text: str, name: str) -> bool:
    """Return whether a text holds a name, or gives it once what is computed is filled in."""
    # A pattern, such as Kafka takes in place of names, or a text with a star in the place of a part.
    text = _PATTERN.sub(UNKNOWN, text.replace("\\.", ".")).strip("^$")
    if UNKNOWN not in text:
        return _holds(text, name)
    known = text.split(UNKNOWN)
    # Of `payments.{provider}.raw` enough is written out; `{namespace}.{name}` says nothing of any name.
    segments = frozenset(name.split(".")) & {segment for part in known for segment in part.split(".")}
    form = r"[\w.-]+".join(map(re.escape, known))
    return bool(segments) and "." in text and re.fullmatch(form, name) is not None


def _holds(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", text) is not None


def restated_columns(tree: Tree) -> Iterator[str]:
    """Yield lists of more than a few of a record's columns: literals, SQL, members of a class, other files."""
    for path in tree.code("services", "infra"):
        text = path.read_text(encoding="utf-8", errors="ignore")
        if path.suffix == ".py":
            for line, words in lists(ast.parse(text)):
                yield from _columns(tree, path, line, words)
        elif path.suffix not in {".java", ".jinja"}:
            yield from _columns(tree, path, 1, frozenset(re.findall(r"\w+", text)))


def _columns(tree: Tree, path: Path, line: int, words: frozenset[str]) -> Iterator[str]:
    most = max(tree.columns, key=lambda name: len(tree.columns[name] & words), default=None)
    if most is not None and len(tree.columns[most] & words) > MOST_COLUMNS:
        yield tree.place(path, line, f"{len(tree.columns[most] & words)} columns of {most}")


def paths_into_contracts(tree: Tree) -> Iterator[str]:
    """Yield paths into the contracts folder that a service could open; sentences that name one for people are none."""
    for path in tree.files("services"):
        if path.suffix == ".py":
            for literal in texts(path.read_text(encoding="utf-8")):
                if re.fullmatch(r"\S*", literal.value) and "contracts" in re.split(r"[/\\]", literal.value):
                    yield tree.place(path, literal.line, literal.value.replace(UNKNOWN, "…"))


def registering(tree: Tree) -> frozenset[str]:
    """Return the modules of services that can register a schema; a test double of a registry belongs to no service."""
    found = set()
    for path in tree.files("services"):
        if path.suffix == ".py" and path.name != "testing.py":
            text = path.read_text(encoding="utf-8")
            clients = "confluent_kafka.schema_registry" in "\n".join(modules(ast.parse(text)))
            if clients or any(_REGISTERS.search(each.value) for each in texts(text)):
                found.add(path.relative_to(tree.root).as_posix())
    return frozenset(found)


def repeated_descriptions(tree: Tree) -> Iterator[str]:
    """Yield columns of dbt models that repeat the contract's words instead of referring to them."""
    for path in tree.files("dbt/models"):
        if path.suffix in {".yml", ".yaml"}:
            for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ()):
                for column in model.get("columns", ()):
                    if _one_line(column.get("description", "")) in tree.documented:
                        yield tree.place(path, 1, f"{model['name']}.{column['name']}")


def long_modules(tree: Tree) -> Iterator[str]:
    """Yield modules that nobody can keep in mind; tests count, generated code does not."""
    for path in tree.root.rglob("*.py"):
        top = path.relative_to(tree.root).parts[0]
        if top in {"codegen", "infra", "services", "tests"} and "mutants" not in path.parts:
            count = len(path.read_text(encoding="utf-8").splitlines())
            if count > LONGEST_MODULE:
                yield tree.place(path, count, f"{count} lines")


def foreign_imports(tree: Tree) -> Iterator[str]:
    """Yield what generated Python imports beside pydantic, a JSON parser and the standard library."""
    allowed = GENERATED_MAY_IMPORT | sys.stdlib_module_names
    for path in sorted((tree.root / "generated" / "python").rglob("*.py")):
        for line, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            if name not in allowed:
                yield tree.place(path, line, name)


def hidden_imports(tree: Tree) -> Iterator[str]:
    """Yield imports by name at run time of what the law is about: import-linter does not see them."""
    linted = frozenset(_linter(tree)["root_packages"])
    for path in tree.files("codegen/catalogue/src", "codegen/src", "infra", "services"):
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _callee(node) in {"import_module", "__import__"}:
                    for each in node.args:
                        if isinstance(each, ast.Constant) and str(each.value).split(".")[0] in linted:
                            yield tree.place(path, node.lineno, str(each.value))


def unlinted(tree: Tree) -> Iterator[str]:
    """Yield packages that import-linter does not look at, and services that one of its contracts leaves out."""
    services = {path.parent.name for path in tree.root.glob("services/*/src/*/__init__.py")}
    linter = _linter(tree)
    everything = services | {"catalogue", "codegen", "monitoring", "payments_contracts", "stack"}
    due = {
        "Services do not know each other": ("modules", services - {"kit"}),
        "Nobody imports codegen": ("source_modules", services | {"monitoring", "payments_contracts", "stack"}),
        "Nobody imports the catalogue": ("source_modules", everything - {"catalogue"}),
        "No cycles of imports": ("ancestors", everything),
        "Codegen and the catalogue know nothing of services": ("forbidden_modules", services),
        "The kit knows nothing of payments": ("forbidden_modules", (services | {"payments_contracts"}) - {"kit"}),
        "The stack starts programs, it imports none": ("forbidden_modules", services | {"payments_contracts"}),
    }
    contracts = {each["name"]: each for each in linter["contracts"]}
    listed = {name: (contracts.get(name, {}).get(key, []), names) for name, (key, names) in due.items()}
    for name, (names, wanted) in {**listed, "root_packages": (linter["root_packages"], everything)}.items():
        yield from (f"pyproject.toml:1: {name} leaves out {each}" for each in sorted(wanted - set(names)))


def imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the top package of each absolute import."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name.split(".")[0]) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]


def modules(module: ast.Module) -> Iterator[str]:
    """Yield the full name of all that a module imports."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _linter(tree: Tree) -> dict[str, Any]:
    settings = tomllib.loads((tree.root / "pyproject.toml").read_text(encoding="utf-8"))
    linter: dict[str, Any] = settings["tool"]["importlinter"]
    return linter


def _one_line(text: str) -> str:
    return " ".join(text.split())

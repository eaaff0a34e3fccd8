"""Small changes of a module: each one constant, comparison or connective of one function, class or constant of it."""

from __future__ import annotations
import __future__

import ast
import copy
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True, eq=False)
class Mutant:
    """A module with one place of one of its statements changed.

    Attributes:
        functions: Names of the functions that the change can be seen in, as far as the module tells.
        line: Where it is in the module.
        what: What is there, and what is there instead.
        is_of_words: Whether it changes a text for people.
    """

    functions: frozenset[str]
    line: int
    what: str
    is_of_words: bool
    _statement: ast.stmt
    _index: int

    @contextmanager
    def applied(self, module: ModuleType) -> Iterator[None]:
        """Change the module, and all that has taken something of it, until the `with` ends."""
        before = dict(vars(module))
        statement = copy.deepcopy(self._statement)
        _change(list(_places(statement))[self._index])
        code = compile(ast.Module([statement], []), module.__name__, "exec", __future__.annotations.compiler_flag)
        exec(code, vars(module))  # noqa: S102 - our own code
        changed = {name: value for name, value in before.items() if vars(module)[name] is not value}
        takers = [(each, name) for name in changed for each in _takers(name, changed[name])]
        for each, name in takers:
            each[name] = vars(module)[name]
        try:
            yield
        finally:
            for each, name in takers:
                each[name] = changed[name]
            vars(module).update(before)


def _takers(name: str, value: object) -> Iterator[dict[str, object]]:
    """Yield what modules hold that have imported a value under its name."""
    for each in list(sys.modules.values()):
        members = getattr(each, "__dict__", None)
        if isinstance(members, dict) and members.get(name) is value:
            yield members


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's functions, classes and constants, from top to bottom."""
    tree = ast.parse(source)
    readers: dict[str, set[str]] = {}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name):
                    readers.setdefault(node.id, set()).add(statement.name)
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name):
                functions = {name}
            case ast.ClassDef(name=name, decorator_list=[]):
                functions = readers.get(name, set())
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                # Nothing that runs reads it.
                continue
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                functions = readers.get(name, set())
            case _:
                continue
        yield from _of(statement, frozenset(functions))


def _of(statement: ast.stmt, functions: frozenset[str]) -> Iterator[Mutant]:
    for index, place in enumerate(_places(statement)):
        changed = copy.deepcopy(place)
        _change(changed)
        what = f"{ast.unparse(place)[:70]} → {ast.unparse(changed)[:70]}"
        words = isinstance(place, ast.Constant) and isinstance(place.value, str) and " " in place.value
        yield Mutant(functions, place.lineno, what, words, statement, index)


def _places(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield what can be changed; annotations and docstrings are left as they are."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns"}:
                continue
            todo += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST)]
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                todo.remove(docstring)
            case ast.Constant(value=str() | bool() | int()) | ast.BoolOp():
                yield node
            case ast.Compare(ops=[operator]) if type(operator) in _OPPOSITES:
                yield node


def _change(place: ast.expr) -> None:
    match place:
        case ast.Constant(value=bool(value)):
            place.value = not value
        case ast.Constant(value=int(value)):
            place.value = value + 1
        case ast.Constant(value=str(text)):
            place.value = f"{text}~"
        case ast.BoolOp(op=ast.And()):
            place.op = ast.Or()
        case ast.BoolOp():
            place.op = ast.And()
        case ast.Compare(ops=[operator]):
            place.ops = [_OPPOSITES[type(operator)]()]

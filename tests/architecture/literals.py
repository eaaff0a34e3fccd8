"""What a module of Python spells out: its texts, in whatever parts they are put together, and its lists."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

UNKNOWN = "\x00"
# `{}`, `{name}`, `{0.name!r:>8}`, and `%s`, `%(name)s`, `%5d`.
_FIELD = re.compile(r"{(?P<name>\w*)[^{}]*}")
_PLACE = re.compile(r"%(?:\((?P<name>\w+)\))?[-+ #0]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa]")


@dataclass(frozen=True)
class Text:
    """A literal text of a Python module with the line that it begins in; what is computed inside it is U+0000."""

    value: str
    line: int


def texts(source: str) -> Iterator[Text]:
    """Yield the texts of a module, those put together of literals as one; docstrings are prose."""
    module = ast.parse(source)
    inside: set[ast.AST] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(node.value)
        elif node not in inside and (text := _text(node)) is not None:
            inside |= set(ast.walk(node))
            yield Text(text, getattr(node, "lineno", 1))


def lists(module: ast.Module) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield the words of each literal, and the members of each class; a call fills what is generated."""
    for node in ast.walk(module):
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                yield node.lineno, _constants(items)
            case ast.Dict(keys=keys):
                yield node.lineno, _constants([key for key in keys if key is not None])
            case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
                yield node.lineno, frozenset(each.arg for each in keywords if each.arg)
            case ast.Call(args=arguments) if sum(isinstance(each, ast.Call) for each in arguments) > 1:
                yield node.lineno, _constants(arguments)
            case ast.Constant() | ast.JoinedStr() | ast.BinOp():
                yield node.lineno, _words(node)
            case ast.ClassDef(body=body):
                yield node.lineno, _members(body)


def _words(node: ast.expr) -> frozenset[str]:
    """Return the words of a text, and of lists that are added to each other."""
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.BitOr(), right=right):
            return _words(left) | _words(right)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return _constants(items)
    return frozenset(re.findall(r"\w+", _text(node) or ""))


def _constants(items: Iterable[ast.expr]) -> frozenset[str]:
    """Return the texts in a literal, and of each entry of its own, be it a pair, an object or a call, what names it."""
    return frozenset(text for each in items for text in _named(each))


def _named(item: ast.expr) -> Iterator[str]:
    match item:
        case ast.Constant(value=value):
            yield str(value)
        case ast.Tuple(elts=[first, *_]) | ast.List(elts=[first, *_]):
            yield from _named(first)
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            yield name
        case ast.Dict(values=values):
            yield from (str(each.value) for each in values if isinstance(each, ast.Constant))
        case ast.Call(args=arguments, keywords=keywords):
            given = (*arguments, *(each.value for each in keywords))
            yield from (each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _members(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Return the names of a class's members, and the texts that they are."""
    found: set[str] = set()
    for each in body:
        match each:
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found |= {name, *_named(value)}
    return frozenset(found)


def _text(node: ast.AST) -> str | None:  # noqa: PLR0911 - one for each way to write a text
    """Return the text that an expression gives, None where it gives none that is written here."""
    match node:
        case ast.Constant(value=str() as value):
            return value
        case ast.Constant(value=bytes() as value):
            return value.decode("utf-8", errors="replace")
        case ast.FormattedValue(value=value):
            return _text(value)
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or UNKNOWN for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            known = [_text(left), _text(right)]
            return None if known == [None, None] else "".join(each or UNKNOWN for each in known)
        case ast.BinOp(left=ast.Constant(value=str() as form), op=ast.Mod(), right=right):
            positional = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(_PLACE, form, positional, _entries(right))
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as form), attr="format")):
            return _filled(_FIELD, form, node.args, {each.arg or "": each.value for each in node.keywords})
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as joint), attr="join"), args=[items]):
            if isinstance(items, ast.List | ast.Tuple):
                return joint.join(_text(each) or UNKNOWN for each in items.elts)
            return joint
    return None


def _entries(node: ast.expr) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}


def _filled(field: re.Pattern[str], form: str, positional: list[ast.expr], named: dict[str, ast.expr]) -> str:
    """Return a form with its fields filled in, each by what is written for it, or as unknown."""
    following = iter(positional)

    def value(match: re.Match[str]) -> str:
        name = match["name"] or ""
        if name.isdecimal():
            given = positional[int(name)] if int(name) < len(positional) else None
        else:
            given = named.get(name) if name else next(following, None)
        return (given is not None and _text(given)) or UNKNOWN

    return field.sub(value, form)

"""YAML and JSON files as data that knows its line numbers."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml
from yaml.reader import Reader

from codegen.findings import ContractError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Place = tuple[str | int, ...]
_Marks = dict[Place, tuple[int, int]]

_ESCAPE = re.compile(r"\\(?:(?P<surrogate>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)")
_SYNTAX = "correct the file's syntax"
_BITS = 64
# Two readings have most of their files alike: of a commit and the one before it, of the many states in a test.
KEPT = 1024
_SMALLER = "write a smaller number; in an example, give the whole body as body_text"


class _Loader(yaml.CSafeLoader):
    """YAML with JSON's types only: a date or `yes` without quotes stays text."""


_Loader.yaml_implicit_resolvers = {}

_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"),
    list("-0123456789"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its path below the contracts folder, its text, data, line and column of each place in the data.

    Whoever reads the same text at the same path gets the same document, so nobody may change its data.
    """

    path: str
    text: str
    data: Any = field(compare=False)
    lines: Mapping[Place, int] = field(compare=False, repr=False)
    columns: Mapping[Place, int] = field(compare=False, repr=False, default_factory=dict)

    def line(self, *place: str | int) -> int:
        """Return the line (from 1) of a place in the data, or of its nearest ancestor that is there."""
        return self.position(place)[0]

    def position(self, place: Place) -> tuple[int, int]:
        """Return line and column (both from 1; 0 for a column that is not known) of a place or its nearest ancestor."""
        while place and place not in self.lines:
            place = place[:-1]
        return (self.lines[place], self.columns.get(place, 0)) if place else (1, 0)

    def place_of(self, text: str, place: Place) -> Place:
        """Return the first place at or below one that holds a text; the one itself where none does."""
        data = self.data
        for step in place:
            data = data[step]
        return next(_places(data, place, text), place)

    def finding(self, rule: str, place: Place, message: str, hint: str) -> Finding:
        """Return a finding about a place in this file."""
        line, column = self.position(place)
        return Finding(self.path, line, rule, message, hint, column)


def _places(data: Any, place: Place, text: str) -> Iterator[Place]:
    if data == text:
        yield place
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from _places(value, (*place, key), text)


def parse(path: str, text: str) -> Document:
    """Parse YAML, or JSON where the name ends in .json or .avsc; raises ContractError if it is neither.

    Of YAML only what JSON can say is allowed: no aliases, no tags, no number beyond 64 bits.
    """
    try:
        return _parse(path, text)
    except RecursionError as error:
        raise _broken(path, 1, "lists and objects are nested too deeply", "flatten it") from error


def compose(text: str) -> Any:
    """Return the nodes of YAML that has been parsed before, with the marks of where each begins and ends."""
    return yaml.compose(text, Loader=_Loader)


def line_after(node: yaml.Node) -> int:
    """Return the line after the last of a value; what is below it and belongs to nothing is not part of it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return line_after(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.line + (1 if node.end_mark.column else 0)


@lru_cache(KEPT)
def _parse(path: str, text: str) -> Document:
    is_json = path.endswith((".json", ".avsc"))
    values = _json(path, text) if is_json else None
    if is_json:
        text = _as_yaml(text)
    marks: _Marks = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        _refuse_aliases(path, text)
        data = None if node is None else _construct(path, node, (), marks)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, text, error) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        message = f"the character U+{ord(text[error.position]):04X} is not valid here"
        raise _broken(path, line, message, "remove it", column) from error
    except yaml.YAMLError as error:
        raise _broken(path, 1, f"this is not YAML: {error}") from error
    # YAML's nodes know their lines; JSON's values are JSON's, which reads pairs of surrogates as one character.
    lines, columns = ({place: mark[part] for place, mark in marks.items()} for part in (0, 1))
    return Document(path, text, values if is_json else data, lines, columns)


def _json(path: str, text: str) -> Any:
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _broken(path, 1, "a string has half of a surrogate pair") from error
    except ValueError as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 0)
        said = getattr(error, "msg", str(error))
        raise _broken(path, line, f"this is not JSON: {said}", _SYNTAX, column) from error
    return values


def _as_yaml(text: str) -> str:
    """Return JSON as YAML can read it, line by line: YAML has no surrogates and wants more characters escaped."""
    text = Reader.NON_PRINTABLE.sub("\ufffd", text)
    return _ESCAPE.sub(lambda found: "\\ufffd" if found["surrogate"] else found[0], text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not valid JSON")


def _broken(path: str, line: int, message: str, hint: str = _SYNTAX, column: int = 0) -> ContractError:
    return ContractError((Finding(path, line, "syntax", message, hint, column),))


def _not_yaml(path: str, text: str, error: yaml.MarkedYAMLError) -> ContractError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    written = text.splitlines()[line] if line < len(text.splitlines()) else ""
    if written[column : column + 1] == "\t" or "\t" in written[: len(written) - len(written.lstrip())]:
        return _broken(path, line + 1, "a tab is not valid here", "indent with spaces", column + 1)
    return _broken(path, line + 1, f"this is not YAML: {error.problem}", _SYNTAX, column + 1)


def _refuse_aliases(path: str, text: str) -> None:
    for event in yaml.parse(text, Loader=_Loader) if "*" in text else ():
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise _broken(path, line, f"the alias *{event.anchor} is not allowed", "write out what it stands for")


def _construct(path: str, node: yaml.Node, place: Place, marks: _Marks) -> Any:
    marks.setdefault(place, (node.start_mark.line + 1, node.start_mark.column + 1))
    match node:
        case yaml.MappingNode():
            return dict(_members(path, node, place, marks))
        case yaml.SequenceNode():
            return [_construct(path, child, (*place, index), marks) for index, child in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(path, node)
    raise AssertionError(node)


def _members(path: str, node: yaml.MappingNode, place: Place, marks: _Marks) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise _broken(path, line, "a key must be text")
        key = str(key_node.value)
        if key in seen:
            message = f"duplicate key {key!r}: it is in line {seen[key]}, too"
            raise _broken(path, line, message, "leave one of the two", key_node.start_mark.column + 1)
        seen[key] = line
        marks[(*place, key)] = (line, key_node.start_mark.column + 1)
        yield key, _construct(path, value_node, (*place, key), marks)


def _scalar(path: str, node: yaml.ScalarNode) -> Any:
    match node.tag:
        case "tag:yaml.org,2002:null":
            return None
        case "tag:yaml.org,2002:bool":
            return node.value == "true"
        case "tag:yaml.org,2002:int":
            return _whole(path, node)
        case "tag:yaml.org,2002:float":
            number = float(node.value)
            if math.isinf(number):
                raise _broken(path, node.start_mark.line + 1, f"the number {node.value} is beyond a double", _SMALLER)
            return number
        case "tag:yaml.org,2002:str" | "!":
            return str(node.value)
    raise _broken(path, node.start_mark.line + 1, f"the tag {node.tag} is not allowed")


def _whole(path: str, node: yaml.ScalarNode) -> int:
    # The digits are counted first: Python refuses to read very many of them. As in most JSON parsers, what is positive
    # needs no bit for its sign.
    number = int(node.value) if len(node.value) <= _BITS else None
    if number is None or not -(1 << _BITS - 1) <= number < 1 << _BITS:
        shown = node.value if len(node.value) <= _BITS else f"{node.value[:20]}…"
        raise _broken(path, node.start_mark.line + 1, f"the number {shown} has more than {_BITS} bits", _SMALLER)
    return number

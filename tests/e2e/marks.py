"""Card numbers, secrets and addresses that are found again wherever they get to, and webhooks full of them."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

import orjson
from codegen.language.parts import taken

from tests.contracts.personal import MARK, placed, spots

if TYPE_CHECKING:
    from codegen.language.model import Step
    from codegen.model import Example, Provider

_PLACEHOLDER: Final = re.compile(rf'{MARK}[^"]*?@example\.org')


def with_check_digit(digits: str) -> str:
    """Return digits and the one that makes a card number of them (ISO/IEC 7812-1, annex B)."""
    doubled = [int(each) * (2 if place % 2 == 0 else 1) for place, each in enumerate(reversed(digits))]
    return digits + str(-sum(each // 10 + each % 10 for each in doubled) % 10)


class Marks:
    """Gives marks, no two of them alike: in turn a card number, a secret of an API, an address.

    Args:
        run: Six digits that no other run has.
    """

    def __init__(self, run: str) -> None:
        assert re.fullmatch(r"\d{6}", run)
        self.given: list[str] = []
        self._run = run
        self._numbers = itertools.count()
        self.pattern: Final = re.compile(
            rf"45{run}\d{{8}}|sk_live_{run}[A-Za-z]\d{{6}}|{run}\.\d{{6}}@leak\.example".encode()
        )

    def take(self) -> str:
        """Return a new mark."""
        number = next(self._numbers)
        match number % 3:
            case 0:
                mark = with_check_digit(f"45{self._run}{number:07d}")
            case 1:
                mark = f"sk_live_{self._run}Q{number:06d}"
            case _:
                mark = f"{self._run}.{number:06d}@leak.example"
        self.given.append(mark)
        return mark

    def found_in(self, content: bytes) -> set[str]:
        """Return the marks that are in some bytes, as they are or as hexadecimal digits."""
        found = {match.decode() for match in self.pattern.findall(content)}
        for text in re.findall(rb"(?:[0-9a-f]{2}){16,}", content):
            found |= {match.decode() for match in self.pattern.findall(bytes.fromhex(text.decode()))}
        return found

    def fill(self, body: bytes) -> bytes:
        """Return a body with a mark in each place that is meant for one."""
        return _PLACEHOLDER.sub(lambda _: self.take(), body.decode()).encode()


def open_places(provider: Provider, example: Example) -> dict[str, Any]:
    """Return an example's body with a place for a mark in each field of personal data, and in undeclared ones.

    Fields that the mapping takes stay as they are: their columns say themselves what they may hold.
    """
    document = provider.payload.source.data
    (group,) = (each for each in provider.mapping.groups if example.event_type in each.events)
    mapped_ones = mapped(provider, group.name)
    body: dict[str, Any] = orjson.loads(example.body)
    for spot in spots(document, document["components"]["schemas"][group.payload]):
        if spot.steps not in mapped_ones:
            body = placed(body, spot)
    return body


def mapped(provider: Provider, group: str) -> set[tuple[Step, ...]]:
    """Return the places that a group of a mapping takes values from."""
    (found,) = (each for each in provider.mapping.groups if each.name == group)
    return {path.steps for field in found.fields.values() for path in taken(field)}


def everywhere(body: Any) -> Any:
    """Return a body with a place for a mark instead of each text."""
    if isinstance(body, dict):
        return {name: everywhere(value) for name, value in body.items()} | {"nobody_knows": f"{MARK}x@example.org"}
    if isinstance(body, list):
        return [everywhere(value) for value in body]
    return f"{MARK}x@example.org" if isinstance(body, str) else body

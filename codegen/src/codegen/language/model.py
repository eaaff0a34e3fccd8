"""Expressions of the mapping language. It is closed: a provider that needs more gets a new expression here."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Step = str | int
Value = str | int | bool
"""What a constant or a table may give: a text, a whole number, or true or false."""


class TimeFormat(enum.Enum):
    """How a payload writes an instant."""

    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"
    ISO8601 = "iso8601"
    ISO8601_UTC = "iso8601_utc"


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _step(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f'."{step}"'


@dataclass(frozen=True, slots=True)
class Path:
    """The value at a path of the payload; null where any step of it is absent or has another shape."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """Return the path as it is written in a mapping."""
        return "".join(map(_step, self.steps)).removeprefix(".")


@dataclass(frozen=True, slots=True)
class Const:
    """The same text, whole number or boolean for every event."""

    value: Value


@dataclass(frozen=True, slots=True)
class Null:
    """Null for every event: the provider does not tell, or the field makes no sense for the group."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A value that the gateway found and handed on: a text, such as the merchant, an instant, or `livemode`."""

    name: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a table gives for a text; a text that is not in it is a rejection, or has another value."""

    of: Expression
    table: Mapping[str, Value]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class Time:
    """The instant that a value denotes, as milliseconds since 1970 (UTC)."""

    of: Expression
    format: TimeFormat


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The first of several values that is not null."""

    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Concat:
    """Texts one after the other; null where any of them is null."""

    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Upper:
    """A text with its ASCII letters in upper case; a text with any other character stays as it is."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Lower:
    """A text with its ASCII letters in lower case; a text with any other character stays as it is."""

    of: Expression


@dataclass(frozen=True, slots=True)
class NullIf:
    """A value, or null where it is one of the given texts or whole numbers."""

    of: Expression
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Exponent:
    """The ISO 4217 exponent of a currency's code in either case; null where the value is not a code of the list.

    It refuses nothing itself: a currency that does not exist is reported once, by the rule on the currency.
    """

    of: Expression


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the minor unit of ISO 4217, from a provider that has a minor unit of its own for some currencies.

    `exponents` holds those alone. An amount that is not a whole number of ISO 4217's minor unit is a rejection. As with
    `Exponent`, a currency that does not exist is left to the rule on the currency.
    """

    of: Expression
    currency: Path
    exponents: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Decimal:
    """An amount in the minor unit of ISO 4217, from one in the major unit, written in decimals: a text or a number.

    An amount that is no whole number of the minor unit is a rejection. As with `Exponent`, a currency that does not
    exist is left to the rule on the currency.
    """

    of: Expression
    currency: Path


@dataclass(frozen=True, slots=True)
class Text:
    """A text, or the decimal digits of a whole number: an id that a provider writes as one."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, or one that a text holds in decimal digits."""

    of: Expression


@dataclass(frozen=True, slots=True)
class When:
    """One of two expressions: which, says the value at a path, by being one of some or not.

    `values` are texts, whole numbers and booleans; None among them is a value that is absent or null.
    """

    path: Path
    values: tuple[Value | None, ...]
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Sole:
    """The element of a list that has one; null where it has none or several. `of` is the place of its first."""

    of: Path

    @property
    def items(self) -> Path:
        """Return the path of the list."""
        return Path(self.of.steps[:-1])


@dataclass(frozen=True, slots=True)
class Condition:
    """Which elements of a list count: those whose value at a path is one of some, or the same as one of the payload.

    `path` leads through the list's first place, as all paths into its elements do.
    """

    path: Path
    values: tuple[Value, ...] = ()
    same_as: Path | None = None


@dataclass(frozen=True, slots=True)
class _Elements:
    """A value of each element of a list that counts; `of` leads to it through the list's first place."""

    items: Path
    of: Path
    where: Condition | None = None

    @property
    def inner(self) -> tuple[Step, ...]:
        """Return the steps from an element to its value."""
        return self.of.steps[len(self.items.steps) + 1 :]

    @property
    def deciding(self) -> tuple[Step, ...]:
        """Return the steps from an element to the value that decides whether it counts."""
        return () if self.where is None else self.where.path.steps[len(self.items.steps) + 1 :]


class Sum(_Elements):
    """The sum of whole numbers, one of each element of a list; null where there is no list.

    An element without the number counts nothing; one with anything else in its place is a rejection.
    """

    __slots__ = ()


class Pick(_Elements):
    """A value of the first element of a list that counts; null where none does, and where it lacks the value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class After:
    """What follows the first place of `text` in a text, up to the next `/`, `?` or `#`: of an address, one segment.

    Null where the text is not in it, or nothing follows.
    """

    of: Expression
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A whole number less another one; null where either is null."""

    of: tuple[Expression, Expression]


@dataclass(frozen=True, slots=True)
class Sign:
    """A text for a number below zero, and another one for any other number."""

    of: Expression
    negative: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Every declared field below a path that is neither mapped nor personal, as a map of texts.

    `keep` are paths that are mapped and stay in it: whoever reads them here has not moved yet.
    """

    root: Path
    keep: tuple[Path, ...] = ()


Expression = (
    Path
    | Const
    | Null
    | Envelope
    | Lookup
    | Time
    | Coalesce
    | Concat
    | Upper
    | Lower
    | NullIf
    | Exponent
    | Money
    | Decimal
    | Text
    | Whole
    | When
    | Sole
    | Sum
    | Pick
    | After
    | Difference
    | Sign
    | Rest
)


class LeafKind(enum.Enum):
    """What the payload's contract says of a value that goes to the rest."""

    SCALAR = "a text, number or boolean"
    SCALARS = "a list of scalars, kept as JSON text"
    MAP = "a map of scalars, one entry for each key that is allowed"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A declared value that goes to the rest under a key; of a map of free keys, those of `allowed` alone."""

    key: str
    path: Path
    kind: LeafKind
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Event types of a provider that share a payload and a mapping."""

    name: str
    payload: str
    events: tuple[str, ...]
    fields: Mapping[str, Expression]
    # Those of `fields` that stand once for all groups.
    shared: frozenset[str] = frozenset()

    def place(self, index: int, field: str) -> tuple[str | int, ...]:
        """Return where in the file the expression of a field is, this group being the one with the index."""
        return ("fields", field) if field in self.shared else ("groups", index, "fields", field)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A provider's whole mapping onto one version of a record."""

    provider: str
    record: str
    version: int
    event_type: Path | Envelope
    groups: tuple[Group, ...]

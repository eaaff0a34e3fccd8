"""The bodies of a run: equal seeds give equal bodies, save for the times in them."""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

from payments_contracts.examples import EXAMPLES

from tests.fuzz import fields, syntax
from tests.fuzz.body import Body, Material
from tests.fuzz.endpoint import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

MAKERS = {**fields.MAKERS, **syntax.MAKERS}
KINDS: Sequence[str] = tuple(MAKERS)
_CHUNKED = 0.1


def material(provider: str, now: datetime) -> Material:
    """Return what the contracts' examples give for a provider: every event of theirs that a gateway lets in."""
    events = (each.body for each in EXAMPLES if each.provider == provider and each.kind != "malformed")
    return Material(provider, PLAIN[provider].envelope, tuple(events), now)


def bodies(material: Material, seed: int, kinds: Sequence[str] = KINDS) -> Iterator[Body]:
    """Yield bodies without end, no two of which are equal."""
    dice = Random(f"{seed}:{material.name}")  # noqa: S311  # not for secrets
    weights = [MAKERS[kind][1] for kind in kinds]
    seen: set[bytes] = set()
    while True:
        (kind,) = dice.choices(kinds, weights)
        draft = MAKERS[kind][0](material, dice)
        is_chunked = dice.random() < _CHUNKED
        digest = sha256(draft.content).digest()
        if digest not in seen:
            seen.add(digest)
            yield Body(kind, draft.content, draft.claim, draft.headers, is_chunked)

"""How many webhooks of which kind a run has."""

import random
from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """What a webhook is made to be, and so what has to become of it."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    FORGED = "forged"


DEFAULT = "accepted=88,rejected=5,malformed=3,unsupported=2,forged=2"


def parse_mix(text: str) -> dict[Kind, float]:
    """Read weights like `accepted=88,rejected=12`; kinds that are left out do not occur.

    Raises:
        ValueError: A kind is unknown, a weight is not a positive number, or all are zero.
    """
    weights: dict[Kind, float] = {}
    for pair in text.split(","):
        name, _, number = pair.strip().partition("=")
        if name not in set(Kind):
            raise ValueError(f"{name!r} is not a kind of webhook; the kinds are {', '.join(Kind)}.")
        try:
            weight = float(number)
        except ValueError as error:
            raise ValueError(f"The weight of {name} is {number!r}; it has to be a number, as in {DEFAULT}.") from error
        if not 0 <= weight < float("inf"):
            raise ValueError(f"The weight of {name} is {number}; it has to be zero or more.")
        weights[Kind(name)] = weight
    if not any(weights.values()):
        raise ValueError("At least one weight has to be above zero.")
    return weights


def allot(count: int, weights: Mapping[Kind, float], dice: random.Random) -> list[Kind]:
    """Return `count` kinds in shuffled order, as close to the weights as whole numbers can be."""
    total = sum(weights.values())
    shares = {kind: count * weight / total for kind, weight in weights.items()}
    counts = {kind: int(share) for kind, share in shares.items()}
    by_remainder = sorted(shares, key=lambda kind: shares[kind] - counts[kind], reverse=True)
    for kind in by_remainder[: count - sum(counts.values())]:
        counts[kind] += 1
    kinds = [kind for kind, number in counts.items() for _ in range(number)]
    dice.shuffle(kinds)
    return kinds

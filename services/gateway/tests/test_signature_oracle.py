"""Verdicts on signatures, against those of the providers' own libraries.

Whatever is accepted here their libraries accept. What they accept and is refused here is of a class that is named
below, with its reason. Bodies are text here: what is not UTF-8 the libraries do not take.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Final, NamedTuple

import pytest
import stripe
from gateway.errors import Forged
from gateway.secrets import EndpointSecret
from gateway.signature import Verifier, verifier
from payments_contracts.providers import PROVIDERS
from square.utils.webhooks_helper import verify_signature

from .signature_cases import Case, T, square_case, stripe_case

STRIPE_CASES: Final = 20_000
SQUARE_CASES: Final = 10_000
# Of these, as many are accepted on both sides, at least: a comparison of refusals alone would say little.
STRIPE_ACCEPTED: Final = 4_500
SQUARE_ACCEPTED: Final = 3_500


class Stricter(NamedTuple):
    """A class of what is refused here alone: what it is refused for, and which cases are of it."""

    reason_code: str
    holds: Callable[[Case], bool]


class Comparison(NamedTuple):
    """How often there were two verdicts, how often both accepted, and what the library alone accepted, by class."""

    compared: int
    accepted: int
    stricter: Counter[str]


def compare(
    cases: Sequence[Case],
    judge: Callable[[Case], Verifier],
    library: Callable[[Case], bool],
    classes: Mapping[str, Stricter],
) -> Comparison:
    """Judge all cases twice; fail where the library refuses what is accepted here, or is laxer for no known reason."""
    compared = accepted = 0
    stricter: Counter[str] = Counter()
    for case in cases:
        verdict = judge(case).verify([case.header], case.body.encode(), case.now)
        theirs = library(case)
        compared += 1
        if not isinstance(verdict, Forged):
            assert theirs, f"the library refuses {case}"
            accepted += 1
        elif theirs:
            known = [
                name for name, each in classes.items() if each.reason_code == verdict.reason_code and each.holds(case)
            ]
            assert known, f"refused for no known reason: {verdict}, {case}"
            stricter.update(known)
    return Comparison(compared, accepted, stricter)


def secrets(keys: Sequence[str]) -> list[EndpointSecret]:
    return [
        EndpointSecret.model_validate({"id": str(at), "secret": key, "merchant_id": "m"}) for at, key in enumerate(keys)
    ]


def stripe_accepts(case: Case) -> bool:
    for key in case.keys:
        try:
            if stripe.WebhookSignature.verify_header(case.body, case.header, key, tolerance=300):
                return True
        except (stripe.SignatureVerificationError, TypeError):
            # It fails with a TypeError at a signature that is not ASCII, which amounts to a refusal.
            continue
    return False


def values(case: Case, wanted: str) -> list[str]:
    """Return what a header has under a key."""
    pairs = (pair.partition("=") for pair in case.header.split(","))
    return [value for key, _, value in pairs if key == wanted]


def has_plain_time(case: Case) -> bool:
    # The first is the one that theirs takes.
    first = values(case, "t")[0]
    return first.isascii() and first.isdigit() and not first.startswith("0") and len(first) <= 15


# In what we are stricter, and why.
STRICTER_THAN_STRIPE: Final[Mapping[str, Stricter]] = {
    # Theirs takes a signature from any time to come: one made by a clock that went wrong could be replayed for years.
    "in the future": Stricter(
        "signature_expired", lambda case: has_plain_time(case) and int(values(case, "t")[0]) - case.now > 60
    ),
    # Theirs signs the number, whatever it is written like: what a header says would not be what is signed.
    "time not in plain digits": Stricter("signature_malformed", lambda case: not has_plain_time(case)),
    # Who reads the first and who reads the last would come to different verdicts.
    "time twice": Stricter("signature_malformed", lambda case: len(values(case, "t")) > 1),
    # Theirs looks no further than the second equals sign: what follows is passed over.
    "signature with a further equals sign": Stricter(
        "signature_mismatch", lambda case: any("=" in each for each in values(case, "v1"))
    ),
    # Theirs fails at such a signature before a true one, and passes over it behind one.
    "header beyond ascii": Stricter("signature_malformed", lambda case: not case.header.isascii()),
    # A signature of nothing vouches for nothing, and no event is empty.
    "empty body": Stricter("signature_mismatch", lambda case: not case.body),
}


def square_accepts(case: Case) -> bool:
    return any(
        verify_signature(
            request_body=case.body, signature_header=case.header, signature_key=key, notification_url=case.url
        )
        for key in case.keys
    )


def test_is_never_laxer_than_stripes_own_library_and_stricter_for_known_reasons_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(time=lambda: T)
    monkeypatch.setattr("stripe._webhook.time", clock)
    random = Random("stripe")  # noqa: S311 - not for secrets
    contract = PROVIDERS["stripe"].signature

    def library(case: Case) -> bool:
        clock.time = lambda: case.now
        return stripe_accepts(case)

    comparison = compare(
        [stripe_case(random) for _ in range(STRIPE_CASES)],
        lambda case: verifier(contract, secrets(case.keys)),
        library,
        STRICTER_THAN_STRIPE,
    )
    assert comparison.compared == STRIPE_CASES
    assert comparison.accepted >= STRIPE_ACCEPTED
    assert comparison.stricter.keys() == STRICTER_THAN_STRIPE.keys()


def test_accepts_what_squares_own_library_accepts_and_nothing_else() -> None:
    random = Random("square")  # noqa: S311 - not for secrets
    contract = PROVIDERS["square"].signature
    comparison = compare(
        [square_case(random) for _ in range(SQUARE_CASES)],
        lambda case: verifier(contract, secrets(case.keys), case.url),
        square_accepts,
        {},
    )
    assert comparison.compared == SQUARE_CASES
    assert comparison.accepted >= SQUARE_ACCEPTED

"""Composes the webhooks of a run."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

import orjson
from payments_contracts.examples import Example
from payments_contracts.identity import event_id, malformed_event_id
from payments_contracts.providers import Path, Provider

from simulator.forgery import Forgery, Sign, forgeries
from simulator.mix import Kind, allot
from simulator.places import find
from simulator.settings import EndpointSecret
from simulator.signing import Signer
from simulator.variation import is_variable, vary

T = TypeVar("T")

_SECONDS_PER_DAY = 86_400
_STATUS: Mapping[Kind, HTTPStatus] = {
    Kind.ACCEPTED: HTTPStatus.OK,
    Kind.REJECTED: HTTPStatus.OK,
    Kind.UNSUPPORTED: HTTPStatus.OK,
    Kind.MALFORMED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.FORGED: HTTPStatus.UNAUTHORIZED,
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook, and what has to become of it.

    `answer_reason_code` is what the gateway has to say where it refuses; `expected_reason_codes` is what the
    dead-letter record has to say, and `expected_event_type` the unified event's type where there is to be one.
    """

    n: int
    kind: Kind
    example: str
    event_type: str | None
    provider_event_id: str | None
    account: str | None
    merchant_id: str
    event_id: str
    body: bytes
    headers: Mapping[str, str]
    sign: Sign
    status: HTTPStatus
    answer_reason_code: str | None
    expected_reason_codes: tuple[str, ...]
    expected_event_type: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run consists of. Equal plans give equal webhooks, save for times."""

    run: str
    count: int
    seed: int
    merchants: int
    days: float
    mix: Mapping[Kind, float]


def compose(
    plan: Plan,
    provider: Provider,
    examples: Sequence[Example],
    secret: EndpointSecret,
    now: datetime,
    *,
    notification_url: str,
) -> Iterator[Webhook]:
    """Yield a run's webhooks in the order in which they are to be sent.

    Raises:
        ValueError: The mix asks for a kind of which the contracts have no usable example, the secret is not written
            as the provider's contract says, or events would be older than it takes.
    """
    oldest = provider.envelope.max_event_age_seconds
    if oldest is not None and plan.days * _SECONDS_PER_DAY > oldest:
        raise ValueError(
            f"Events of the last {plan.days:g} days are asked for, and the contract of {provider.name} takes those of "
            f"the last {math.floor(oldest / _SECONDS_PER_DAY * 100) / 100:g} days."
        )
    # The tag is part of the seed: two runs never send the same event, unless all of it is the same.
    dice = random.Random(f"{plan.seed}:{plan.run}:{provider.name}")  # noqa: S311  # not for secrets
    genuine = Signer(provider.signature, secret.secret, notification_url, provider.envelope.items)
    ways = itertools.cycle(_shuffled(forgeries(provider, secret.secret, notification_url, dice), dice))
    decks = {kind: itertools.cycle(_deck(kind, provider, examples, dice)) for kind in plan.mix}
    owner = _owner(provider)
    for n, kind in enumerate(allot(plan.count, plan.mix, dice)):
        example = next(decks[kind])
        # Where no event names its merchant, all are the secret's.
        merchant = f"acct_{plan.run}_{dice.randrange(plan.merchants):02d}" if owner else secret.merchant_id
        body, headers = vary(
            example,
            created=int(now.timestamp() - dice.random() * plan.days * _SECONDS_PER_DAY),
            created_at=provider.envelope.created_at,
            # What lacks its merchant on purpose stays without.
            owner=None if kind is Kind.MALFORMED else owner,
            account=merchant,
            dice=dice,
        )
        forgery = next(ways) if kind is Kind.FORGED else None
        yield _webhook(n, kind, example, (body, headers), provider, merchant, secret, genuine.deliver, forgery)


def _webhook(  # noqa: PLR0917  # one caller
    n: int,
    kind: Kind,
    example: Example,
    written: tuple[bytes, Mapping[str, str]],
    provider: Provider,
    merchant: str,
    secret: EndpointSecret,
    sign: Sign,
    forgery: Forgery | None,
) -> Webhook:
    malformed = kind is Kind.MALFORMED
    places = provider.envelope
    body, headers = written
    provider_event_id = None if malformed else str(find(orjson.loads(body), places.event_id, headers))
    # A body that holds its signature is another once it is signed.
    received = body if provider.signature.field is None else sign(body, 0, headers).body
    account = merchant if places.account is not None else None
    return Webhook(
        n=n,
        kind=kind,
        example=example.name,
        event_type=example.event_type,
        provider_event_id=provider_event_id,
        account=None if malformed else account,
        # Of a malformed body only the secret's merchant is known.
        merchant_id=secret.merchant_id if malformed else merchant,
        event_id=(
            malformed_event_id(received)
            if provider_event_id is None
            else event_id(provider.name, account, provider_event_id)
        ),
        body=body,
        headers=headers,
        sign=sign if forgery is None else forgery.sign,
        status=_STATUS[kind],
        answer_reason_code=forgery.reason_code if forgery else (example.reason_codes[0] if malformed else None),
        expected_reason_codes=() if forgery else example.reason_codes,
        expected_event_type=str(example.event["event_type"]) if example.event and not forgery else None,
    )


def _deck(kind: Kind, provider: Provider, examples: Sequence[Example], dice: random.Random) -> list[Example]:
    # A forged webhook would be accepted, were it not for its signature.
    wanted = Kind.ACCEPTED if kind is Kind.FORGED else kind
    own = (each for each in examples if each.provider == provider.name)
    deck = [each for each in own if each.kind == wanted.value and is_variable(each)]
    if not deck:
        raise ValueError(f"The contracts of {provider.name} have no {wanted} example that can be varied.")
    return _shuffled(deck, dice)


def _owner(provider: Provider) -> Path | None:
    places = provider.envelope
    return places.account or next(iter(places.merchant_id), None)


def _shuffled(items: Sequence[T], dice: random.Random) -> list[T]:
    return dice.sample(items, len(items))

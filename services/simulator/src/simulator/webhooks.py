"""Composes the webhooks of a run."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import TypeVar

from payments_contracts.examples import Example
from payments_contracts.forms import content_of
from payments_contracts.identity import event_id, malformed_event_id
from payments_contracts.lifecycles import Life
from payments_contracts.pins.simulator import LedgerEntry
from payments_contracts.providers import Path, Provider

from simulator.expectation import NOTHING, Expectation, expected_of
from simulator.forgery import Forgery, Sign, forgeries
from simulator.keys import PrivateKey
from simulator.lives import choose, span, tell
from simulator.mix import Kind, allot
from simulator.places import find
from simulator.settings import EndpointSecret
from simulator.signing import Signer
from simulator.variation import Varied, is_variable, vary

T = TypeVar("T")

_SECONDS_PER_DAY = 86_400
_UNSENT = datetime.fromtimestamp(0, UTC)
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

    `entry` is its line of the ledger but for the answer. `answer_reason_code` is what the gateway has to say where it
    refuses, and `expectation` what the unified event has to where there is to be one.
    """

    entry: LedgerEntry
    body: bytes
    headers: Mapping[str, str]
    sign: Sign
    status: HTTPStatus
    answer_reason_code: str | None
    expectation: Expectation | None

    @property
    def n(self) -> int:
        """Its number in the run, from 0."""
        return self.entry.n

    @property
    def kind(self) -> Kind:
        """What it was made to be."""
        return Kind(self.entry.kind)

    @property
    def example(self) -> str:
        """What its body is made from."""
        return self.entry.example

    @property
    def event_id(self) -> str:
        """The id by which all parts of the pipeline know the event."""
        return self.entry.event_id


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run consists of. Equal plans give equal webhooks, save for times.

    `lives` is the share of the accepted webhooks that tell lives of payments, `disorder` the share of those lives that
    are not told in order, and `repeats` the share of the accepted webhooks that are sent twice.
    """

    run: str
    count: int
    seed: int
    merchants: int
    days: float
    mix: Mapping[Kind, float]
    lives: float = 0
    disorder: float = 0
    repeats: float = 0


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a webhook is made of."""

    kind: Kind
    example: str
    event_type: str | None
    varied: Varied
    merchant_id: str
    reason_codes: tuple[str, ...]
    expectation: Expectation | None


def compose(
    plan: Plan,
    provider: Provider,
    examples: Sequence[Example],
    secret: EndpointSecret,
    now: datetime,
    *,
    notification_url: str,
    lives: Sequence[Life] = (),
    key: PrivateKey | None = None,
) -> Iterator[Webhook]:
    """Yield a run's webhooks in the order in which they are to be sent; `key` is the provider's own, where it has one.

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
    genuine = Signer(
        provider.signature, secret.secret, notification_url, provider.envelope.items, key, provider.envelope.form
    )
    ways = itertools.cycle(_shuffled(forgeries(provider, secret.secret, notification_url, dice, key), dice))
    kinds = allot(plan.count, plan.mix, dice)
    accepted = kinds.count(Kind.ACCEPTED)
    own = [
        life for life in lives if life.provider == provider.name and (oldest is None or span(life, provider) < oldest)
    ]
    told = [_lived(plan, provider, life, secret, now, dice) for life in choose(own, round(accepted * plan.lives), dice)]
    repeats = min(round(accepted * plan.repeats), accepted - sum(map(len, told)))
    alone = _without(kinds, Kind.ACCEPTED, sum(map(len, told)) + repeats)
    subjects = _mixed(list(_singles(plan, provider, examples, alone, secret, now, dice)), told, plan.disorder, dice)
    for n, subject in enumerate(_repeated(subjects, repeats, dice)):
        forgery = next(ways) if subject.kind is Kind.FORGED else None
        yield _webhook(plan.run, n, subject, provider, secret, genuine.deliver, forgery)


def _lived(  # noqa: PLR0917  # one caller
    plan: Plan, provider: Provider, life: Life, secret: EndpointSecret, now: datetime, dice: random.Random
) -> list[_Subject]:
    owner = _owner(provider)
    # Merchants of their own: what Gold says of them is what these lives come to.
    merchant = f"acct_{plan.run}_l{dice.randrange(plan.merchants):02d}" if owner else secret.merchant_id
    return [
        _Subject(Kind.ACCEPTED, each.example, each.event_type, each.varied, merchant, (), each.expectation)
        for each in tell(life, provider, owner, merchant, now, plan.days * _SECONDS_PER_DAY, dice)
    ]


def _singles(  # noqa: PLR0917  # one caller
    plan: Plan,
    provider: Provider,
    examples: Sequence[Example],
    kinds: Sequence[Kind],
    secret: EndpointSecret,
    now: datetime,
    dice: random.Random,
) -> Iterator[_Subject]:
    decks = {kind: itertools.cycle(_deck(kind, provider, examples, dice)) for kind in plan.mix}
    owner = _owner(provider)
    for kind in kinds:
        example = next(decks[kind])
        # Where no event names its merchant, all are the secret's.
        merchant = f"acct_{plan.run}_{dice.randrange(plan.merchants):02d}" if owner else secret.merchant_id
        varied = vary(
            example,
            created=int(now.timestamp() - dice.random() * plan.days * _SECONDS_PER_DAY),
            created_at=provider.envelope.created_at,
            # What lacks its merchant on purpose stays without.
            owner=None if kind is Kind.MALFORMED else owner,
            account=merchant,
            dice=dice,
            form=provider.envelope.form,
        )
        expectation = expected_of(example, varied.factor) if kind is Kind.ACCEPTED else None
        codes = () if kind is Kind.FORGED else example.reason_codes
        yield _Subject(kind, example.name, example.event_type, varied, merchant, codes, expectation)


def _without(kinds: Sequence[Kind], kind: Kind, count: int) -> list[Kind]:
    """Return kinds without the first so many of one of them."""
    kept: list[Kind] = []
    for each in kinds:
        if each is kind and count:
            count -= 1
        else:
            kept.append(each)
    return kept


def _mixed(
    singles: Sequence[_Subject], lives: Sequence[Sequence[_Subject]], disorder: float, dice: random.Random
) -> list[_Subject]:
    """Return all webhooks in the order in which they go: lives among each other, most of them in their order."""
    placed = [(dice.random(), single) for single in singles]
    for life in lives:
        places = [dice.random() for _ in life]
        if dice.random() >= disorder:
            places.sort()
        placed += zip(places, life, strict=True)
    return [subject for _, subject in sorted(placed, key=lambda each: each[0])]


def _repeated(subjects: Sequence[_Subject], count: int, dice: random.Random) -> list[_Subject]:
    """Return webhooks of which some of the accepted come again, at any later time."""
    again = dice.sample([n for n, each in enumerate(subjects) if each.kind is Kind.ACCEPTED], count)
    placed = [(float(n), subject) for n, subject in enumerate(subjects)]
    placed += [(n + dice.random() * (len(subjects) - n), subjects[n]) for n in again]
    return [subject for _, subject in sorted(placed, key=lambda each: each[0])]


def _webhook(  # noqa: PLR0917  # one caller
    run: str,
    n: int,
    subject: _Subject,
    provider: Provider,
    secret: EndpointSecret,
    sign: Sign,
    forgery: Forgery | None,
) -> Webhook:
    malformed = subject.kind is Kind.MALFORMED
    places = provider.envelope
    body, headers = subject.varied.body, subject.varied.headers
    provider_event_id = None if malformed else str(find(content_of(body, places.form), places.event_id, headers))
    # A body that holds its signature is another once it is signed.
    received = body if provider.signature.field is None else sign(body, 0, headers).body
    whole = provider.signature.field is None and places.items is None
    account = subject.merchant_id if places.account is not None else None
    told = subject.expectation or NOTHING
    entry = LedgerEntry(
        run=run,
        n=n,
        provider=provider.name,
        provider_event_id=provider_event_id,
        account=None if malformed else account,
        # Of a malformed body only the secret's merchant is known.
        merchant_id=secret.merchant_id if malformed else subject.merchant_id,
        event_id=(
            malformed_event_id(received)
            if provider_event_id is None
            else event_id(provider.name, account, provider_event_id)
        ),
        kind=subject.kind.value,
        example=subject.example,
        event_type=subject.event_type,
        body_sha256=sha256(body).hexdigest() if whole else None,
        http_status=0,
        sent_at=_UNSENT,
        expected_reason_codes=list(subject.reason_codes),
        expected_event_type=told.event_type,
        expected_status=told.status,
        expected_amount_cents=told.amount_cents,
        expected_currency=told.currency,
        expected_livemode=told.livemode,
        step=told.step,
        payment=told.payment,
    )
    return Webhook(
        entry=entry,
        body=body,
        headers=headers,
        sign=sign if forgery is None else forgery.sign,
        status=_STATUS[subject.kind],
        answer_reason_code=forgery.reason_code if forgery else (subject.reason_codes[0] if malformed else None),
        expectation=subject.expectation,
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

"""Floods the running gateways with bodies and holds the answers, and then Kafka, against what was due."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

from payments_contracts.topics import INGESTION_DLQ, raw_topic

from tests.fuzz.bodies import KINDS, bodies, material
from tests.fuzz.delivery import Answer, Delivery, send_all
from tests.fuzz.endpoint import PLAIN, Endpoint
from tests.fuzz.ledger import Finding, Ledger, entry
from tests.fuzz.oracle import verdict
from tests.fuzz.services import gateway
from tests.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.processes import Process

_FORGED = 0.03


@dataclass(frozen=True, slots=True)
class Flood:
    """What is sent: until each gateway got `malformed` authentic malformed bodies, with others between them."""

    malformed: int
    seed: int
    concurrency: int = 32
    kinds: Sequence[str] = KINDS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a flood: a ledger for each provider, how many records Kafka holds by topic, what is wrong."""

    ledgers: Mapping[str, Ledger]
    records: Mapping[str, int]
    findings: Sequence[Finding]


def flood(
    plan: Flood, stack: Mapping[str, str], started: Mapping[str, Process], advance: Callable[[str, int], None]
) -> Outcome:
    """Send a flood; `advance` is told how many malformed bodies a provider's gateway has answered."""
    topics = [INGESTION_DLQ, *map(raw_topic, PLAIN)]
    with ExitStack() as open_:
        tails = {topic.name: open_.enter_context(closing(Tail(stack, topic))) for topic in topics}
        ledgers = {name: Ledger(name, verdict) for name in PLAIN}
        asyncio.run(_send(plan, ledgers, started, advance))
        records = [entry(name, record) for name, tail in tails.items() for _key, record in tail.fresh()]
    findings = [finding for ledger in ledgers.values() for finding in (*ledger.findings, *ledger.balance(records))]
    held = {topic.name: sum(each.topic == topic.name for each in records) for topic in topics}
    return Outcome(ledgers, held, findings)


async def _send(
    plan: Flood, ledgers: Mapping[str, Ledger], started: Mapping[str, Process], advance: Callable[[str, int], None]
) -> None:
    async def to(ledger: Ledger, name: str) -> None:
        endpoint = Endpoint.of(name)

        def note(delivery: Delivery, answer: Answer) -> None:
            ledger.note(delivery, answer)
            advance(name, ledger.malformed)

        await send_all(
            f"{started[gateway(name)].url}{endpoint.path}",
            _deliveries(plan, endpoint, ledger),
            lambda delivery: endpoint.signed(delivery.body.content, delivery.forgery),
            note,
            plan.concurrency,
        )

    async with asyncio.TaskGroup() as group:
        for name, ledger in ledgers.items():
            group.create_task(to(ledger, name))


def _deliveries(plan: Flood, endpoint: Endpoint, ledger: Ledger) -> Iterator[Delivery]:
    name = endpoint.provider.name
    dice = Random(f"{plan.seed}:forgeries:{name}")  # noqa: S311  # not for secrets
    forgeries = endpoint.forgeries(dice)
    for body in bodies(material(name, datetime.now(UTC)), plan.seed, plan.kinds):
        if ledger.malformed >= plan.malformed:
            return
        # An empty body is refused for being empty, however it is signed.
        is_forged = dice.random() < _FORGED and body.content
        yield Delivery(body, dice.choice(forgeries) if is_forged else None)

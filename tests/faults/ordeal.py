"""Kills the processes of a running stack one after the other while webhooks come in, and says what is left of them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import psycopg
from kit.kafka import RegistryClient
from kit.lake.catalog import load_catalog
from kit.settings import LakeSettings
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import NORMALIZED, raw_topic
from simulator.mix import Kind
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, Webhook, compose
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from tests.faults.balance import Found, faults
from tests.faults.census import TopicCensus, count_bronze, count_database, list_workflows
from tests.faults.delivery import Delivery
from tests.faults.victims import NotBackError, Victims
from tests.performance.chain.watch import watch_bronze

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyiceberg.catalog import Catalog
    from stack.session import Session

_MERCHANTS = 5
_DAYS = 3
# How long one webhook is sent again, and for how long nothing may arrive before waiting ends.
_PATIENCE_SECONDS = 300.0
_STEP_SECONDS = 1.0
# The part of a kill's webhooks that is sent before it.
_BEFORE = 0.3

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plans:
    """How many webhooks come in at which rate a second, and who is killed in which order."""

    webhooks: int
    rate: float
    kills: Sequence[str]
    tag: str


def received(stack: Mapping[str, str]) -> list[str]:
    """Return the providers whose webhooks the stack receives."""
    return sorted(stack["GATEWAY_PROVIDERS"].split(","))


def choose(victims: Sequence[str], number: int | None, seed: int) -> list[str]:
    """Return a number of victims, or all, in an order that the seed decides."""
    order = sorted(victims)
    random.Random(seed).shuffle(order)  # noqa: S311 - not for secrets
    return order[:number]


def endure(stack: Mapping[str, str], session: Session, plans: Plans, say: Say) -> list[str]:
    """Go through with it; return a sentence for each thing that is wrong in the end."""
    ordeal = _Ordeal(stack, session, plans, say)
    try:
        return ordeal.run()
    finally:
        ordeal.close()


class _Ordeal:
    def __init__(self, stack: Mapping[str, str], session: Session, plans: Plans, say: Say) -> None:
        self._stack = stack
        self._plans = plans
        self._say = say
        self._victims = Victims(session)
        self._problems: list[str] = []
        self._webhooks = _webhooks(stack, plans)
        self._sent: set[str] = set()
        with ExitStack() as open_:
            servers = stack["KAFKA_BOOTSTRAP_SERVERS"]
            self._raw = [TopicCensus(servers, raw_topic(provider)) for provider in received(stack)]
            self._normalized = TopicCensus(servers, NORMALIZED)
            settings = LakeSettings.model_validate({name.lower(): value for name, value in stack.items()})
            self._catalog: Catalog = load_catalog(settings)
            self._bronze_before = count_bronze(self._catalog)
            self._lake = watch_bronze(session, stack)
            open_.callback(self._lake.close)
            self._database_before = count_database(stack["POSTGRES_DSN"])
            addresses = {name: f"{stack[f'GATEWAY_{name.upper()}_URL']}/webhooks/{name}" for name in received(stack)}
            self._delivery = Delivery(addresses, _PATIENCE_SECONDS)
            open_.callback(self._delivery.close)
            self._open = open_.pop_all()

    def run(self) -> list[str]:
        shares = len(self._plans.kills) + 1
        for number, name in enumerate(self._plans.kills):
            self._kill(name, self._webhooks[number::shares])
        self._deliver(self._webhooks[shares - 1 :: shares])
        self._wait_for_the_rest()
        return self._problems + list(self._balance())

    def close(self) -> None:
        self._open.close()

    def _kill(self, name: str, share: Sequence[tuple[str, Webhook]]) -> None:
        self._sent |= {webhook.event_id for _, webhook in share}
        delivered = self._delivery.send(share, self._plans.rate)
        time.sleep(len(share) / self._plans.rate * _BEFORE)
        before = set(self._delivery.tries)
        killed = self._victims.kill(name)
        began = time.monotonic()
        try:
            self._victims.wait_until_back(name, killed)
        except NotBackError as error:
            self._problems.append(str(error))
        ready = time.monotonic() - began
        later = {webhook.event_id for _, webhook in share} - before
        self._wait(lambda: not later or bool(later & self._lake.rows().keys()), f"rows after the end of {name}")
        flowing = time.monotonic() - began
        delivered.result()
        self._say(
            f"{name} killed: ready again after {ready:.1f} s, rows of later webhooks after {flowing:.1f} s; "
            f"{len(self._delivery.acknowledged)} of {len(self._sent)} webhooks acknowledged"
        )

    def _deliver(self, share: Sequence[tuple[str, Webhook]]) -> None:
        self._sent |= {webhook.event_id for _, webhook in share}
        self._delivery.send(share, self._plans.rate).result()

    def _wait_for_the_rest(self) -> None:
        """Wait until all is where it belongs and no workflow is open, as long as anything moves."""

        def arrived() -> bool:
            acknowledged = self._delivery.acknowledged.keys()
            database = count_database(self._stack["POSTGRES_DSN"]) - self._database_before
            if self._lake.rows().keys() >= acknowledged and database.keys() >= acknowledged:
                states = self._workflows()
                return not any(WorkflowExecutionStatus.RUNNING in states.get(event, ()) for event in self._sent)
            return False

        self._wait(arrived, "all acknowledged webhooks and the end of their workflows")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something, while servers may be away; note it as a problem where nothing arrives for minutes."""
        since, last = time.monotonic(), -1
        while True:
            rows = last
            try:
                if condition():
                    return
                rows = self._lake.new_rows
            except (OSError, psycopg.Error, RuntimeError, RPCError):
                # Whoever was killed may not be back for everybody yet.
                pass
            if rows != last:
                since, last = time.monotonic(), rows
            if time.monotonic() - since > _PATIENCE_SECONDS:
                self._problems.append(f"nothing arrived for {_PATIENCE_SECONDS:g} s while waiting for {what}")
                return
            time.sleep(_STEP_SECONDS)

    def _workflows(self) -> Mapping[str, list[WorkflowExecutionStatus]]:
        return asyncio.run(list_workflows(self._stack["TEMPORAL_ADDRESS"], self._stack["TEMPORAL_NAMESPACE"]))

    def _balance(self) -> Sequence[str]:
        with RegistryClient(self._stack["SCHEMA_REGISTRY_URL"]) as registry:
            raw = Counter(chain.from_iterable(census.count(registry).elements() for census in self._raw))
            normalized = self._normalized.count(registry)
        found = Found(
            raw,
            normalized,
            count_bronze(self._catalog) - self._bronze_before,
            count_database(self._stack["POSTGRES_DSN"]) - self._database_before,
            self._workflows(),
        )
        delivery = self._delivery
        tried_again = sum(tries > 1 for tries in delivery.tries.values())
        self._say(
            f"{len(delivery.acknowledged)} of {len(self._sent)} webhooks acknowledged, {tried_again} after more than "
            f"one try, {sum(number > 1 for number in raw.values())} of them in the raw topics more than once"
        )
        refused = [f"{event} was refused with {status}" for event, status in delivery.refused.items()]
        return [*refused, *faults(delivery.acknowledged.keys(), self._sent, found)]


def _webhooks(stack: Mapping[str, str], plans: Plans) -> list[tuple[str, Webhook]]:
    """Return webhooks of all providers, which take turns."""
    decks: list[list[tuple[str, Webhook]]] = []
    providers = received(stack)
    for number, provider in enumerate(providers):
        url = f"{stack[f'GATEWAY_{provider.upper()}_URL']}/webhooks/{provider}"
        secret = EndpointSecret.model_validate(json.loads(stack[f"GATEWAY_{provider.upper()}_SECRETS"])[0])
        share = len(range(number, plans.webhooks, len(providers)))
        plan = Plan(plans.tag, share, 1, _MERCHANTS, _DAYS, {Kind.ACCEPTED: 1.0})
        made = compose(plan, PROVIDERS[provider], EXAMPLES, secret, datetime.now(UTC), notification_url=url)
        decks.append([(provider, webhook) for webhook in made])
    return [decks[n % len(decks)][n // len(decks)] for n in range(plans.webhooks)]

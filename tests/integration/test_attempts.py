"""Which attempt has failed, on the real Temporal and Postgres: by what the provider dates earlier, never by arrival."""

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from kit.errors import Fault, Transient
from operations.database import apply_database
from orchestrator.database import PostgresStore
from payments_contracts.database import PAYMENT_EVENTS, TABLES
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from psycopg import sql
from pydantic import SecretStr

from tests.integration.operational import database, dsn, payment
from tests.integration.workflows import NOON, Orchestrator, World, event, failed_event

__all__ = ["database", "dsn"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

Database = psycopg.Connection[dict[str, Any]]


@pytest.fixture
async def store(dsn: SecretStr) -> AsyncIterator[PostgresStore]:
    list(apply_database(dsn, TABLES))
    store = PostgresStore(dsn)
    yield store
    await store.close()


@dataclass
class Kept(World):
    """A world whose rows are in the real database."""

    store: PostgresStore | None = None

    async def put(self, payment: ScoredPayment) -> None:
        assert self.store is not None
        await self.store.put(payment)

    async def attempts(self, event: PaymentEvent) -> int | None:
        assert self.store is not None
        self.looked_up.append(event.event_id)
        return await self.store.attempts(event)


def at(minute: int, **changes: object) -> dict[str, object]:
    return {"provider_created_at": NOON + timedelta(minutes=minute), **changes}


def told(world: World, events: Sequence[PaymentEvent]) -> list[tuple[object, object]]:
    rows = [world.rows[each.event_id] for each in events]
    return [(row["attempt"], row["attempt_source"]) for row in rows]


async def see_through(orchestrator: Orchestrator, world: World, events: Sequence[PaymentEvent]) -> None:
    async with orchestrator.at_work(world):
        for each in events:
            await (await orchestrator.start(each)).result()


async def test_a_payment_that_fails_twice_and_then_succeeds_had_attempts_one_and_two(
    orchestrator: Orchestrator, store: PostgresStore
) -> None:
    first, second = failed_event(**at(0)), failed_event(**at(10))
    succeeded = event(**at(20))
    world = Kept(store=store)
    await see_through(orchestrator, world, [first, second, succeeded])
    assert told(world, [first, second, succeeded]) == [(1, "history"), (2, "history"), (None, None)]
    assert [request.attempt_count for request in world.asked] == [1, 2]
    assert world.looked_up == [first.event_id, second.event_id]


@pytest.mark.parametrize(
    ("provider", "key", "kind"),
    [
        ("square", "order_id", "payment.failed"),
        ("razorpay", "order_id", "payment.failed"),
        ("paypal", "supplementary_data.related_ids.order_id", "charge.failed"),
    ],
)
async def test_payments_of_one_order_are_attempts_at_it_each_once_however_often_it_is_told(
    store: PostgresStore, provider: str, key: str, kind: str
) -> None:
    of_order = {"provider": provider, "event_type": kind, "metadata": {key: "o1"}}
    rows = [
        payment(**of_order | changes, **at(minute, provider_object_id=object_id))
        for minute, object_id, changes in (
            *((0, "p1", {}), (1, "p1", {}), (10, "p2", {}), (15, "p3", {"event_type": "payment.succeeded"})),
            *((20, "p4", {"metadata": {key: "o2"}}), (30, "p5", {"metadata": {}}), (40, "p6", {})),
        )
    ]
    for row in rows:
        await store.put(row)
    told = [await store.attempts(as_event(row)) for row in rows if row.event_type == kind]
    assert told == [1, 1, 2, 1, None, 3]


async def test_an_order_whose_id_postgres_cannot_hold_is_found_again(store: PostgresStore) -> None:
    same = {"provider": "square", "metadata": {"order_id": "o\x00"}}
    rows = [payment(**same, **at(minute, provider_object_id=f"p{minute}")) for minute in (0, 1)]
    for row in rows:
        await store.put(row)
    assert [await store.attempts(as_event(row)) for row in rows] == [1, 2]


async def test_a_payment_that_says_not_what_it_is_an_attempt_at_has_no_number(
    orchestrator: Orchestrator, store: PostgresStore
) -> None:
    """Each attempt is a payment of its own: counted by itself, every one would be the first."""
    events = [
        failed_event(provider=provider, metadata={"merchantReference": "o"}, **at(minute, provider_object_id="p"))
        for minute, provider in enumerate(("square", "square", "adyen"))
    ]
    world = Kept(store=store)
    await see_through(orchestrator, world, events)
    assert told(world, events) == [(None, None)] * 3
    assert [request.attempt_count for request in world.asked] == [None] * 3


async def test_a_charge_without_a_payment_has_a_number_only_as_one_of_an_invoice(store: PostgresStore) -> None:
    charge = {"event_type": "charge.failed", "status": "failed", "related_payment_id": None}
    events = [
        payment(**charge, **at(minute, provider_object_id=f"ch_{minute}", related_invoice_id=invoice))
        for minute, invoice in enumerate((None, None, "in_1", "in_1"))
    ]
    for row in events:
        await store.put(row)
    assert [await store.attempts(as_event(row)) for row in events] == [None, None, 1, 2]


async def test_attempts_of_two_providers_and_of_others_payments_are_apart(
    orchestrator: Orchestrator, store: PostgresStore
) -> None:
    events = [
        failed_event(provider=provider, provider_object_id=each, metadata={"order_id": each}, **at(minute))
        for minute, (provider, each) in enumerate(itertools.product(("stripe", "square"), ("one", "two")))
    ]
    world = Kept(store=store)
    await see_through(orchestrator, world, events)
    assert told(world, events) == [(1, "history")] * 4


async def test_an_event_that_comes_again_is_the_attempt_that_it_was(
    orchestrator: Orchestrator, store: PostgresStore
) -> None:
    first, second = failed_event(**at(0)), failed_event(**at(10))
    world = Kept(store=store)
    await see_through(orchestrator, world, [first, second, second, first])
    assert told(world, [first, second]) == [(1, "history"), (2, "history")]
    # Also where Temporal has forgotten it, so that it is looked up once more.
    assert [await store.attempts(each) for each in (second, first, second)] == [2, 1, 2]


async def test_what_comes_late_counts_by_its_own_time(orchestrator: Orchestrator, store: PostgresStore) -> None:
    first, second, third = (failed_event(**at(minute)) for minute in (0, 10, 20))
    world = Kept(store=store)
    await see_through(orchestrator, world, [third, first, second])
    # Of the third no earlier one was known when it came; of the others all were.
    assert told(world, [first, second, third]) == [(1, "history"), (2, "history"), (1, "history")]
    assert [await store.attempts(each) for each in (first, second, third)] == [1, 2, 3]


async def test_whatever_the_order_of_the_rows_the_numbers_are_the_same(
    store: PostgresStore, database: Database
) -> None:
    rows = [payment(**at(minute, event_id=f"e{minute}", attempt_number=None)) for minute in (0, 0, 10)]
    rows[1] = rows[1].model_copy(update={"event_id": "e0b"})
    for order in itertools.permutations(rows):
        database.execute("TRUNCATE payment_events")
        for row in (*order, *order):
            await store.put(row)
        assert [await store.attempts(as_event(row)) for row in rows] == [1, 2, 3]


def as_event(row: ScoredPayment) -> PaymentEvent:
    return PaymentEvent.model_validate(row.model_dump(include=set(PaymentEvent.model_fields)))


async def test_a_payment_whose_versions_are_dated_is_one_attempt_however_often_its_failure_is_told(
    store: PostgresStore,
) -> None:
    """Square tells of a payment that failed once more with each change, and makes another for another attempt."""
    same = {"provider": "square", "related_invoice_id": "in_1"}
    told = [payment(**same, **at(n, provider_object_id="p", object_updated_at=NOON + timedelta(n))) for n in range(3)]
    second = payment(**same, **at(5, provider_object_id="q", object_updated_at=NOON))
    for row in (*told, second):
        await store.put(row)
    assert [await store.attempts(as_event(row)) for row in (*told, second)] == [1, 1, 1, 2]


async def test_an_invoice_fails_as_often_as_it_has_versions_that_failed(store: PostgresStore) -> None:
    same = {"provider": "square", "event_type": "invoice.payment_failed", "status": "open", "attempt_number": None}
    told = [
        payment(**same, **at(minute, provider_object_id="in_1", object_version=version))
        for minute, version in enumerate((4, 4, 7))
    ]
    for row in told:
        await store.put(row)
    assert [await store.attempts(as_event(row)) for row in told] == [1, 1, 2]


async def test_what_did_not_fail_and_what_is_no_payment_is_no_attempt(store: PostgresStore) -> None:
    for change in (
        {"event_type": "payment.created", "status": "pending"},
        {"event_type": "payment.canceled", "status": "canceled"},
        {"event_type": "charge.failed", "related_payment_id": "pi_1", "provider_object_id": "ch_1"},
    ):
        await store.put(payment(**at(0), **change))
    assert await store.attempts(failed_event(**at(5))) == 1


async def test_attempts_at_an_invoice_are_counted_over_its_payments(store: PostgresStore) -> None:
    for minute, object_id in enumerate(("pi_a", "pi_b")):
        await store.put(payment(**at(minute, provider_object_id=object_id, related_invoice_id="in_1")))
    third = failed_event(**at(5, provider_object_id="pi_c", related_invoice_id="in_1"))
    assert await store.attempts(third) == 3
    assert await store.attempts(failed_event(**at(5, provider_object_id="pi_c", related_invoice_id="in_2"))) == 1


async def test_an_invoice_that_counts_its_attempts_knows_of_more_than_is_stored(store: PostgresStore) -> None:
    invoice = {"event_type": "invoice.payment_failed", "status": "open", "provider_object_id": "in_1"}
    await store.put(payment(**at(0, **invoice, attempt_number=4)))
    assert await store.attempts(failed_event(**at(1, related_invoice_id="in_1"))) == 4
    assert await store.attempts(failed_event(**at(-1, related_invoice_id="in_1"))) == 1


async def test_failures_of_an_invoice_that_counts_none_are_counted(store: PostgresStore) -> None:
    invoice = {"event_type": "invoice.payment_failed", "status": "open", "provider_object_id": "inv:0-1"}
    same = {"provider": "square", "attempt_number": None, **invoice}
    await store.put(payment(**at(0, **same)))
    assert await store.attempts(event(**at(5, **same))) == 2


@pytest.mark.parametrize("bad", ["\x00", chr(0xD800)])
async def test_an_object_whose_id_postgres_cannot_hold_is_found_again(store: PostgresStore, bad: str) -> None:
    for minute in (0, 1):
        await store.put(payment(**at(minute, provider_object_id=f"pi{bad}")))
    assert await store.attempts(failed_event(**at(2, provider_object_id=f"pi{bad}"))) == 3


async def test_an_event_of_no_object_has_no_number(store: PostgresStore) -> None:
    assert await store.attempts(failed_event(provider_object_id=None)) is None


@pytest.mark.parametrize(
    ("changes", "index"),
    [
        ({"provider_object_id": "pi_77"}, "payment_events_by_object"),
        ({"provider": "square", "metadata": {"order_id": "o77"}}, "payment_events_by_order"),
        (
            {"provider": "paypal", "metadata": {"supplementary_data.related_ids.order_id": "o77"}},
            "payment_events_by_related_order",
        ),
    ],
)
async def test_a_look_up_goes_by_the_index_and_does_not_grow_with_the_table(
    store: PostgresStore, database: Database, changes: dict[str, Any], index: str
) -> None:
    present = failed_event(**at(5) | {"provider_object_id": "pi_new"} | changes)
    key = next(iter(present.metadata), "")
    await store.put(payment(**at(0, provider=present.provider, metadata={key: "o"} if key else {})))
    copied = [each.name for each in PAYMENT_EVENTS.columns if each.name != "event_id"]
    columns = sql.SQL(", ").join(map(sql.Identifier, copied))
    made = {
        "provider_object_id": sql.SQL("'pi_' || n"),
        "metadata": sql.SQL("jsonb_build_object({}::text, 'o' || n)").format(sql.Literal(key)),
    }
    values = sql.SQL(", ").join(made.get(name, sql.Identifier(name)) for name in copied)
    copy = sql.SQL("INSERT INTO payment_events (event_id, {}) SELECT 'e' || n, {} FROM payment_events, {} AS n")
    database.execute(copy.format(columns, values, sql.SQL("generate_series(2, 20000)")))
    database.execute("ANALYZE payment_events")
    (question,) = store._history.questions(present)
    statement = question.statement
    for number, value in reversed(list(enumerate(question.parameters, 1))):
        statement = statement.replace(f"${number}", sql.Literal(value).as_string())
    plan = database.execute(f"EXPLAIN {statement}".encode()).fetchall()
    text = "\n".join(str(line) for row in plan for line in row.values())
    assert index in text
    assert "Seq Scan" not in text
    assert await store.attempts(present) == 2


async def test_a_role_that_may_not_select_is_a_fault_at_start_and_costs_no_event_its_advice(
    orchestrator: Orchestrator, store: PostgresStore, database: Database
) -> None:
    database.execute("REVOKE SELECT ON payment_events FROM CURRENT_USER")
    database.execute("GRANT SELECT (event_id) ON payment_events TO CURRENT_USER")
    with pytest.raises(Fault, match="grant the role of this service INSERT and SELECT"):
        await store.check()
    started = failed_event()
    world = Kept(store=store)
    await see_through(orchestrator, world, [started])
    assert told(world, [started]) == [(None, None)]
    assert [request.attempt_count for request in world.asked] == [None]
    # A role that may not look does not get leave to by being asked again.
    assert world.looked_up == [started.event_id]


async def test_a_database_that_is_away_is_transient() -> None:
    away = PostgresStore(SecretStr("postgresql://nobody@127.0.0.1:9/none"))
    with pytest.raises(Transient, match="away"):
        await away.attempts(failed_event())
    await away.close()

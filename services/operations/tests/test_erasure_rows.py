"""Which rows of the lake a customer's erasure takes, asked of a database that runs its conditions."""

import sqlite3
from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from kit.kafka import AvroEncoder
from operations.erasure.bodies import Condition
from operations.erasure.run import Plan
from operations.erasure.subject import MOST_IDS, Kind, Known, Subject, portions_of
from payments_contracts.examples import EXAMPLES
from payments_contracts.normalize import Normalized, normalize
from payments_contracts.pins.operations import Erasure
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, STRIPE_RAW

RAW, LETTERS = "bronze.provider_events", "bronze.quarantine"
BRONZE, HISTORY = "bronze.payment_events", "silver.payment_history"
TABLES = {
    RAW: "event_id provider payload schema_version",
    LETTERS: "event_id provider payload source_topic schema_version",
    BRONZE: "event_id provider customer_id",
    HISTORY: "event_id provider customer_id payment_id",
    "silver.payments_quarantine": "event_id provider",
}
WEBHOOK = next(each for each in EXAMPLES if each.kind == "accepted" and b"payment_intent.succeeded" in each.body)
AT = datetime(2026, 3, 1, tzinfo=UTC)


class Tables:
    """The lake's tables in memory; deletes nothing more after `fails_at` was to be erased."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.create_function("strpos", 2, lambda text, part: None if text is None else text.find(part) + 1)
        self._database.create_function("from_utf8", 1, lambda value: value and value.decode(errors="replace"))
        self._database.create_function("to_hex", 1, lambda value: value and value.hex().upper())
        self._database.create_function("concat", 2, lambda one, other: None if one is None else one + other)
        for layer in ("bronze", "silver"):
            self._database.execute(f"attach ':memory:' as {layer}")
        for table, columns in TABLES.items():
            self._database.execute(f"create table {table} ({', '.join(columns.split())})")
        self.fails_at = ""

    def put(self, table: str, *rows: tuple[object, ...]) -> None:
        self._database.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608  # ours

    def left(self, table: str) -> list[str]:
        return [row[0] for row in self._database.execute(f"select event_id from {table} order by 1")]  # noqa: S608  # ours

    def columns(self, table: str) -> Collection[str]:
        return TABLES[table].split()

    def count(self, table: str, rows: Condition) -> int:
        found = self._database.execute(f"select count(*) from {table} where {rows.text}", rows.values)  # noqa: S608  # ours
        return int(found.fetchone()[0])

    def values(self, table: str, column: str, rows: Condition) -> list[str]:
        found = self._database.execute(f"select distinct {column} from {table} where {rows.text}", rows.values)  # noqa: S608  # ours
        return [row[0] for row in found]

    def erase(self, table: str, *rows: Condition) -> None:
        if table == self.fails_at:
            raise KeyboardInterrupt
        for each in rows:
            assert len(each.values) <= MOST_IDS + 10, "one statement may not become longer"
            self._database.execute(f"delete from {table} where {each.text}", each.values)  # noqa: S608  # ours


class Nothing:
    """An operational database without rows."""

    def count(self, rows: Condition) -> int:
        return 0

    def erase(self, *rows: Condition) -> None:
        pass

    def record(self, erasure: Erasure) -> None:
        pass


def erase(tables: Tables, customer: str, provider: str | None = None) -> dict[str, int]:
    counts = Plan(Subject(Kind.CUSTOMER, customer, provider), tables, Nothing(), TABLES).execute("ann")
    return {table: count for table, count in counts.items() if count}


def avro(customer: str | None, provider: str = "stripe") -> bytes:
    """Return a normalized event as it lies in Kafka."""
    outcome = normalize("stripe", WEBHOOK.body, WEBHOOK.merchant_id, livemode=True, received_at=0)
    assert isinstance(outcome, Normalized)
    stamps = {"event_id": "e", "received_at": AT, "processed_at": AT, "schema_version": NORMALIZED.version}
    event = outcome.event | stamps | {"customer_id": customer, "provider": provider}
    return AvroEncoder(schema(NORMALIZED.record, NORMALIZED.version), 7).encode(event)


def letter(event_id: str, payload: bytes, provider: str | None = "stripe") -> tuple[object, ...]:
    return (event_id, provider, payload, NORMALIZED.name, 1)


@pytest.mark.parametrize("customer", ["cus_1", "käufer", "c" * 63, "c" * 64, "c" * 200])
def test_a_dead_letter_that_holds_the_event_as_avro_is_the_customers_and_no_longer_id_is(customer: str) -> None:
    tables = Tables()
    longer, before = avro(f"{customer}2"), avro(f"2{customer}")
    tables.put(LETTERS, letter("theirs", avro(customer)), letter("anothers", longer), letter("2", before))
    tables.put(LETTERS, letter("nobodys", avro(None)), ("gateways", "stripe", None, None, 1))
    assert erase(tables, customer) == {LETTERS: 1}
    assert tables.left(LETTERS) == ["2", "anothers", "gateways", "nobodys"]


def test_bytes_that_only_look_like_avro_are_no_events_of_ours() -> None:
    tables = Tables()
    # Of five letters the length is a line feed.
    tables.put(LETTERS, ("text", "stripe", b"a list:\ncus_12\ncus_13", STRIPE_RAW.name, 1))
    assert erase(tables, "cus_1") == {}


def test_a_letter_without_a_provider_is_the_customers_of_the_provider_that_its_bytes_name() -> None:
    tables = Tables()
    for provider in ("unknown", "", None):
        tables.put(LETTERS, letter(f"stripes {provider}", avro("cus_1"), provider))
        tables.put(LETTERS, letter(f"squares {provider}", avro("cus_1", "square"), provider))
    # One that could not even be read as a letter is its bytes.
    tables.put(LETTERS, ("unread", None, b"\x00\x00letter" + avro("cus_1"), None, 0))
    assert erase(tables, "cus_1", "stripe") == {LETTERS: 4}
    assert tables.left(LETTERS) == ["squares ", "squares None", "squares unknown"]


def test_a_form_s_field_is_the_customers_by_its_whole_value() -> None:
    tables = Tables()
    theirs = {
        "last": urlencode({"id": "e", "customer": "cus 1/é"}),
        "first": urlencode({"customer": "cus 1/é", "id": "e"}),
        "spaces": "customer=cus%201%2F%C3%A9&id=e",
        "lower": "customer=cus+1%2f%c3%a9",
        "bare": "customer=cus%201/%C3%A9",
        "json": urlencode({"data": '{"customer":"cus 1/é"}'}),
    }
    others = {"longer": urlencode({"customer": "cus 1/é2"}), "ends alike": urlencode({"customer": "2cus 1/é"})}
    for name, body in (theirs | others).items():
        tables.put(RAW, (name, "stripe", body.encode(), 2))
    assert erase(tables, "cus 1/é") == {RAW: len(theirs)}
    assert tables.left(RAW) == sorted(others)


def test_what_a_raw_body_tells_to_be_theirs_is_found_in_the_letters_by_its_id() -> None:
    tables = Tables()
    tables.put(RAW, ("e1", "stripe", b'{"customer": "cus_1"}', 2), ("e2", "stripe", b'{"customer": "cus_12"}', 2))
    tables.put(LETTERS, letter("e1", b"\x07 no event"), letter("e2", b"\x07 no event"))
    tables.put("silver.payments_quarantine", ("e1", "stripe"), ("e2", "stripe"))
    assert erase(tables, "cus_1") == {RAW: 1, LETTERS: 1, "silver.payments_quarantine": 1}
    assert {table: tables.left(table) for table in (RAW, LETTERS)} == {RAW: ["e2"], LETTERS: ["e2"]}


@pytest.mark.parametrize("stops_at", [RAW, BRONZE, HISTORY])
def test_a_run_that_was_stopped_is_completed_by_the_next(stops_at: str) -> None:
    tables = Tables()
    tables.put(HISTORY, ("e1", "stripe", "cus_1", "p1"), ("refund", "stripe", None, "p1"), ("x", "stripe", "y", "p2"))
    tables.put(BRONZE, ("e1", "stripe", "cus_1"), ("refund", "stripe", None), ("x", "stripe", "y"))
    tables.put(RAW, ("refund", "stripe", b"{}", 2), ("e2", "stripe", b'"cus_1"', 2), ("x", "stripe", b"{}", 2))
    tables.put(LETTERS, letter("e2", b"\x07"), letter("x", b"\x07"))
    tables.fails_at = stops_at
    with pytest.raises(KeyboardInterrupt):
        erase(tables, "cus_1")
    tables.fails_at = ""
    erase(tables, "cus_1")
    assert [tables.left(table) for table in (HISTORY, BRONZE, RAW, LETTERS)] == [["x"]] * 4


def test_a_customer_with_more_events_than_one_statement_names_is_erased_and_each_row_counted_once() -> None:
    tables, number = Tables(), MOST_IDS + 500
    events = [f"e{each}" for each in range(number)]
    tables.put(HISTORY, *((each, "stripe", "cus_1", f"p{each}") for each in events), ("x", "stripe", "cus_12", "px"))
    # Some of the payments were refunded, of which nothing names the customer.
    refunds = [f"r{each}" for each in events[-600:]]
    tables.put(HISTORY, *((each, "stripe", None, f"p{each[1:]}") for each in refunds))
    tables.put(BRONZE, *((each, "stripe", "cus_1") for each in events), *((each, "stripe", None) for each in refunds))
    tables.put(RAW, *((each, "stripe", b'{"customer":"cus_1"}', 2) for each in events))
    tables.put(RAW, *((each, "stripe", None, 2) for each in refunds), ("x", "stripe", b"{}", 2))
    everything = len(events) + len(refunds)
    assert erase(tables, "cus_1", "stripe") == {HISTORY: everything, BRONZE: everything, RAW: everything}
    assert (tables.left(HISTORY), tables.left(BRONZE), tables.left(RAW)) == (["x"], [], ["x"])


def test_a_portion_names_no_more_ids_than_it_may_and_what_leads_to_others_is_in_the_last() -> None:
    known = Known(("e1", "e2", "e3"))
    portions = portions_of(Subject(Kind.CUSTOMER, "c"), {"event_id", "customer_id"}, known, most=2)
    own = "(customer_id = ?)"
    assert portions == (
        Condition(f"(event_id in (?, ?)) and not coalesce({own}, false)", ("e1", "e2", "c")),
        Condition(f"(event_id in (?)) and not coalesce({own}, false)", ("e3", "c")),
        Condition(own, ("c",)),
    )
    assert portions_of(Subject(Kind.CUSTOMER, "c"), {"day"}, known) == ()

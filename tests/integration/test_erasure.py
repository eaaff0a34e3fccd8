"""Personal data is erased from the real lake and database while the archiver writes, until no object has it."""

import gzip
import io
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import fastavro
import psycopg
import pyarrow.parquet as pq
import pytest
from kit.kafka import AvroEncoder
from operations.erasure.bodies import Condition
from operations.erasure.lake import LakeErasure, TrinoStatements
from operations.erasure.run import Plan
from operations.erasure.store import TABLE, DatabaseErasure
from operations.erasure.subject import Kind, Subject
from operations.errors import UnavailableError
from operations.settings import OperationsSettings
from payments_contracts.normalize import Normalized, normalize
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ, raw_topic
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from pyarrow.fs import FileSelector
from pydantic import SecretStr

from tests.integration.archiving import NAMESPACE, QUARANTINE, RAW, Archiving, archiving, raw_records
from tests.integration.auditing import example
from tests.integration.operational import administrator

__all__ = ["administrator", "archiving"]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

STRIPE = raw_topic("stripe")


@pytest.fixture
def lake(stack: Mapping[str, str], archiving: Archiving) -> LakeErasure:
    settings = OperationsSettings.model_validate({name.lower(): value for name, value in stack.items()})
    statements = TrinoStatements(settings.trino, settings.trino_catalog)
    return LakeErasure(statements, archiving.catalog)


@pytest.fixture
def database(stack: Mapping[str, str]) -> DatabaseErasure:
    return DatabaseErasure(SecretStr(stack["POSTGRES_DSN"]))


def steps(stack: Mapping[str, str], subject: str) -> list[dict[str, Any]]:
    with psycopg.connect(stack["POSTGRES_DSN"], row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM erasures WHERE subject = %s ORDER BY at", [subject]).fetchall()


def stored_payloads(archiving: Archiving, name: str) -> Iterator[bytes]:
    """Yield the payloads in every data file of a table that is in the object store, named by a snapshot or not."""
    table = archiving.catalog.load_table(archiving.table(name))
    files: Any = table.io
    bucket, _, _ = table.location().removeprefix("s3://").partition("/")
    store = files.fs_by_scheme("s3", bucket)
    for each in store.get_file_info(FileSelector(table.location().removeprefix("s3://"), recursive=True)):
        if each.path.endswith(".parquet"):
            found = pq.read_table(each.path, filesystem=store, columns=None)
            if "payload" in found.column_names:
                yield from found.column("payload").to_pylist()


def objects_that_tell(archiving: Archiving, marker: str) -> set[str]:
    """Return the objects of the whole bucket in which a text is, in their bytes or in what they are packed from."""
    table = archiving.catalog.load_table(archiving.table(RAW))
    bucket, _, _ = table.location().removeprefix("s3://").partition("/")
    files: Any = table.io
    store = files.fs_by_scheme("s3", bucket)
    told = set()
    for each in store.get_file_info(FileSelector(bucket, recursive=True)):
        # Other tests' tables come and go meanwhile.
        if not each.is_file or (NAMESPACE in each.path and archiving.name not in each.path):
            continue
        try:
            with store.open_input_stream(each.path, compression=None) as stream:
                content = stream.read()
        except FileNotFoundError:
            # Of another test, or a second look: what is gone tells nothing.
            continue
        if marker.encode() in content or marker.encode() in unpacked(each.path, content):
            told.add(each.path.rpartition("/")[2])
    return told


def unpacked(path: str, content: bytes) -> bytes:
    """Return the values in a file of rows, manifest or metadata, as one text."""
    if path.endswith(".parquet"):
        return (
            repr(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
            + repr(pq.read_metadata(io.BytesIO(content))).encode()
        )
    if path.endswith(".avro"):
        return repr(list(fastavro.reader(io.BytesIO(content)))).encode()
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else b""


def test_after_the_cleaning_no_object_of_the_bucket_tells_anything_of_whom_was_erased(
    stack: Mapping[str, str], archiving: Archiving, lake: LakeErasure, database: DatabaseErasure
) -> None:
    gone, stay = f"gone{archiving.name}", f"stay{archiving.name}"
    archiving.start()
    for number in (3, 6, 9):
        mixed = [*raw_records(2, merchant_id=gone, payload=f"of {gone}".encode()), *raw_records(1, merchant_id=stay)]
        archiving.produce(STRIPE, mixed)
        archiving.produce(VALIDATION_DLQ, [failure(f"of {gone}".encode()) | {"merchant_id": gone}])
        archiving.wait_for_rows(RAW, number)
        archiving.wait_for_rows(QUARANTINE, number // 3)
    tables = [".".join(archiving.table(name)) for name in (RAW, QUARANTINE)]
    # As the maintenance merges them: the files before it stay for a day.
    for table in tables:
        lake._statements.ask(f"alter table {table} execute optimize")
    before = objects_that_tell(archiving, gone)
    assert {name.rpartition(".")[2] for name in before} == {"parquet", "avro"}
    assert Plan(Subject(Kind.MERCHANT, gone), lake, database, tables).execute("ann")
    for table in tables:
        lake._statements.ask(f"alter table {table} execute expire_snapshots(retention_threshold => '0s')")
        lake._statements.ask(f"alter table {table} execute remove_orphan_files(retention_threshold => '0s')")
    assert objects_that_tell(archiving, gone) == set()
    assert objects_that_tell(archiving, stay), "the others' rows are there"


def test_a_merchants_rows_are_erased_up_to_the_last_object_and_that_is_recorded(
    stack: Mapping[str, str], archiving: Archiving, lake: LakeErasure, database: DatabaseErasure
) -> None:
    gone, stay = f"gone_{archiving.name}", f"stay_{archiving.name}"
    for merchant in (gone, stay):
        archiving.produce(STRIPE, raw_records(6, merchant_id=merchant, payload=f"of {merchant}".encode()))
    archiving.start()
    archiving.wait_for_rows(RAW, 12)
    more = raw_records(3, merchant_id=gone, payload=f"of {gone}".encode())
    archiving.produce(STRIPE, more)
    archiving.wait_for_rows(RAW, 15)
    tables = [".".join(archiving.table(name)) for name in (RAW, QUARANTINE)]
    plan = Plan(Subject(Kind.MERCHANT, gone), lake, database, tables)
    expected = {TABLE: 0, tables[0]: 9, tables[1]: 0}
    assert plan.counts() == expected
    assert steps(stack, gone) == []
    assert len(archiving.rows(RAW)) == 15
    assert plan.execute("ann") == expected
    assert Counter(row["merchant_id"] for row in archiving.rows(RAW)) == {stay: 6}
    assert set(stored_payloads(archiving, RAW)) == {f"of {stay}".encode()}
    begun, done = steps(stack, gone)
    assert (begun["step"], done["step"], done["requested_by"], done["rows"]) == ("begun", "done", "ann", expected)
    # The archiver goes on, from positions that no snapshot tells any more.
    archiving.produce(STRIPE, raw_records(2, merchant_id=stay))
    archiving.wait_for_rows(RAW, 8)
    assert Counter(row["merchant_id"] for row in archiving.rows(RAW)) == {stay: 8}
    assert Plan(Subject(Kind.MERCHANT, gone), lake, database, tables).counts() == dict.fromkeys(expected, 0)


def test_a_customers_raw_bytes_are_found_by_what_the_bodies_say(
    stack: Mapping[str, str], archiving: Archiving, lake: LakeErasure, database: DatabaseErasure
) -> None:
    customer = f"cus_{archiving.name}"
    theirs = b'{"id": "evt", "data": {"object": {"customer": "%s", "note": "\xff"}}}' % customer.encode()
    anothers = b'{"id": "evt", "data": {"object": {"customer": "%s2"}}}' % customer.encode()
    archiving.produce(STRIPE, [*raw_records(2, payload=theirs), *raw_records(3, payload=anothers)])
    archiving.produce(VALIDATION_DLQ, [failure(theirs), failure(anothers)])
    archiving.start()
    archiving.wait_for_rows(RAW, 5)
    archiving.wait_for_rows(QUARANTINE, 2)
    tables = [".".join(archiving.table(name)) for name in (RAW, QUARANTINE)]
    plan = Plan(Subject(Kind.CUSTOMER, customer, "stripe"), lake, database, tables)
    assert plan.execute("ann") == {TABLE: 0, tables[0]: 2, tables[1]: 1}
    for name in (RAW, QUARANTINE):
        assert set(stored_payloads(archiving, name)) == {anothers}
    assert [step["step"] for step in steps(stack, customer)] == ["begun", "done"]


def test_a_customers_dead_letters_are_found_in_the_events_that_they_hold_as_avro(
    stack: Mapping[str, str], archiving: Archiving, lake: LakeErasure, database: DatabaseErasure
) -> None:
    customer = f"cus_{archiving.name}"
    theirs, anothers = normalized_event(customer), normalized_event(f"{customer}2")
    unread = normalized_event(customer, provider="square")
    letters = [failure(each) | {"source_topic": NORMALIZED.name} for each in (theirs, anothers)]
    unknown = [letters[0] | {"provider": "unknown"}, letters[0] | {"provider": "unknown", "payload": unread}]
    archiving.produce(VALIDATION_DLQ, [*letters, *unknown])
    form = b"id=evt&customer=%s" % customer.encode()
    archiving.produce(STRIPE, [*raw_records(1, payload=form), *raw_records(1, payload=form + b"2")])
    archiving.start()
    archiving.wait_for_rows(RAW, 2)
    archiving.wait_for_rows(QUARANTINE, 4)
    tables = [".".join(archiving.table(name)) for name in (RAW, QUARANTINE)]
    plan = Plan(Subject(Kind.CUSTOMER, customer, "stripe"), lake, database, tables)
    assert plan.execute("ann") == {TABLE: 0, tables[0]: 1, tables[1]: 2}
    assert set(stored_payloads(archiving, QUARANTINE)) == {anothers, unread}
    assert set(stored_payloads(archiving, RAW)) == {form + b"2"}


def normalized_event(customer: str, provider: str = "stripe") -> bytes:
    """Return a normalized event as it lies in Kafka, which the orchestrator dead-letters as it is."""
    webhook = example("accepted")
    outcome = normalize("stripe", webhook.body, webhook.merchant_id, livemode=True, received_at=0)
    assert isinstance(outcome, Normalized)
    stamps = {"event_id": "e", "processed_at": datetime.now(UTC), "schema_version": NORMALIZED.version}
    event = outcome.event | stamps | {"customer_id": customer, "provider": provider}
    return AvroEncoder(schema(NORMALIZED.record, NORMALIZED.version), 7).encode(event)


@pytest.mark.parametrize("may_vacuum", [False, True])
def test_a_role_that_may_not_vacuum_is_told_of(administrator: str, *, may_vacuum: bool) -> None:
    role = f"eraser_{uuid.uuid4().hex[:8]}"
    name = sql.Identifier(role)
    with psycopg.connect(administrator, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret'").format(name))
        owner.execute(sql.SQL("GRANT SELECT, DELETE ON payment_events TO {}").format(name))
        try:
            if may_vacuum:
                owner.execute(sql.SQL("GRANT MAINTAIN ON payment_events TO {}").format(name))
            database = DatabaseErasure(SecretStr(make_conninfo(administrator, user=role, password="secret")))
            database.erase(Condition("merchant_id = ?", (role,)))
            assert bool(database.unreclaimed) is not may_vacuum, database.unreclaimed
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {0}").format(name))
            owner.execute(sql.SQL("DROP ROLE {0}").format(name))


def failure(payload: bytes) -> dict[str, Any]:
    at = datetime.now(UTC).replace(microsecond=0)
    return {
        "event_id": "failed",
        "provider": "stripe",
        "provider_event_id": "evt_1",
        "provider_event_type": "charge.succeeded",
        "merchant_id": "merch_1",
        "reason_codes": ["missing"],
        "reasons": ["currency: is missing"],
        "payload": payload,
        "source_topic": STRIPE.name,
        "source_partition": 3,
        "source_offset": 77,
        "received_at": at,
        "failed_at": at,
        "schema_version": 1,
    }


def test_what_failed_after_its_delete_is_completed_while_the_archiver_commits(
    stack: Mapping[str, str], archiving: Archiving, lake: LakeErasure, database: DatabaseErasure
) -> None:
    gone, stay = f"gone_{archiving.name}", f"stay_{archiving.name}"
    mixed = [*raw_records(3, merchant_id=gone, payload=b"gone"), *raw_records(3, merchant_id=stay, payload=b"stay")]
    archiving.produce(STRIPE, mixed, partition=0)
    archiving.start()
    archiving.wait_for_rows(RAW, 6)
    over, sent = threading.Event(), []

    def write() -> None:
        while not over.wait(0.3):
            archiving.produce(STRIPE, raw_records(2, merchant_id=stay, payload=b"stay"))
            sent.append(2)

    class Interrupted(LakeErasure):
        def _insist(self, statement: str, values: Sequence[str] = ()) -> None:
            if "optimize" in statement:
                raise UnavailableError("Trino does not answer.")
            super()._insist(statement, values)

    table = ".".join(archiving.table(RAW))
    subject = Subject(Kind.MERCHANT, gone)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        interrupted = Interrupted(lake._statements, archiving.catalog)
        with pytest.raises(UnavailableError):
            Plan(subject, interrupted, database, [table]).execute("ann")
        assert b"gone" in set(stored_payloads(archiving, RAW)), "the delete hides rows and leaves their files"
        Plan(subject, lake, database, [table]).execute("ann")
    finally:
        over.set()
        writer.join()
    assert set(stored_payloads(archiving, RAW)) == {b"stay"}
    assert [step["step"] for step in steps(stack, gone)] == ["begun", "failed", "begun", "done"]
    archiving.wait_for_rows(RAW, 3 + sum(sent))
    assert Counter(row["merchant_id"] for row in archiving.rows(RAW)) == {stay: 3 + sum(sent)}

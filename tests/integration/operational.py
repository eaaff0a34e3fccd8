"""A schema of the operational database for each test, and payments of every kind that the contract's model allows."""

import math
import random
import types
import typing
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import annotated_types
import psycopg
import pytest
from hypothesis import strategies as st
from operations.database import apply_database
from orchestrator.database import PostgresStore
from payments_contracts.database import TABLES
from payments_contracts.pins.orchestrator import ScoredPayment
from payments_contracts.topics import NORMALIZED
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import AwareDatetime, BaseModel, SecretStr
from stack import secrets

from tests.conftest import places

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def dsn(stack: Mapping[str, str]) -> Iterator[SecretStr]:
    """The address of an empty schema in the operational database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(stack["POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        yield SecretStr(f"{stack['POSTGRES_DSN']}?options=-csearch_path%3D{name}")
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


@pytest.fixture
def administrator(stack: Mapping[str, str]) -> str:
    """The address of the operational database for who may make roles in it."""
    text = (file := places().secrets).read_text(encoding="utf-8")
    password = secrets.parse(text, file).postgres_password.get_secret_value()
    return make_conninfo(stack["POSTGRES_DSN"], user="postgres", password=password)


@pytest.fixture
def database(dsn: SecretStr) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection to that schema, for a look at it."""
    with psycopg.connect(dsn.get_secret_value(), autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("SET timezone = 'UTC'")
        yield connection


@pytest.fixture
def address(dsn: SecretStr) -> SecretStr:
    """The address of a schema with the tables of the contracts."""
    list(apply_database(dsn, TABLES))
    return dsn


@pytest.fixture
async def store(address: SecretStr) -> AsyncIterator[PostgresStore]:
    """The store of scored payments in that schema."""
    store = PostgresStore(address)
    yield store
    await store.close()


def payment(**changes: object) -> ScoredPayment:
    plain: dict[str, object] = {
        "event_id": str(uuid.uuid4()),
        "provider": "stripe",
        "provider_event_id": "evt_1",
        "event_type": "payment.failed",
        "merchant_id": "merch_1",
        "customer_id": "cus_1",
        "amount_cents": 5_000,
        "currency": "USD",
        "payment_method_type": "card",
        "card_brand": "visa",
        "card_last_four": "4242",
        "status": "failed",
        "failure_code": "insufficient_funds",
        "failure_message": "Not enough money.",
        "metadata": {"livemode": "false"},
        "provider_created_at": NOON,
        "processed_at": NOON,
        "rule_violations": ["merchant_blocked"],
        "fraud_score": 0.25,
        "fraud_risk_level": "low",
        "fraud_score_source": "model",
        "retry_strategy": {"should_retry": True, "delay_seconds": 60, "max_attempts": 4},
        "retry_strategy_source": "model",
        "scored_at": NOON,
        "schema_version": NORMALIZED.version,
        "currency_exponent": 2,
        "provider_object_id": "pi_1",
        "attempt_number": 1,
        "related_payment_id": None,
    }
    return ScoredPayment.model_validate(plain | changes)


def incompressible(length: int, seed: int = 1) -> str:
    return "".join(chr(code) for code in random.Random(seed).choices(range(0x21, 0x3000), k=length))  # noqa: S311 - no secret


# With U+0000 and halves of surrogate pairs, which JSON cannot bring and Python can; some too long for an index.
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.text(st.sampled_from("\x00\ud800\ufffd\\u0'\"{}é😀")),
    st.builds(incompressible, st.sampled_from([900, 3_000, 20_000]), st.integers(0, 9)),
)


def values(annotation: Any, metadata: typing.Sequence[Any] = ()) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return for each type
    """Return a strategy of all that a field of a generated model takes."""
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is typing.Annotated:
        inner = [*arguments[1:], *(each for one in arguments[1:] for each in getattr(one, "metadata", ()))]
        return values(arguments[0], inner)
    if origin in {typing.Union, types.UnionType}:
        return st.one_of([st.none() if each is types.NoneType else values(each) for each in arguments])
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return models(annotation).map(lambda each: each.model_dump())
    if annotation is AwareDatetime or annotation is datetime:
        return st.datetimes(timezones=st.just(UTC))
    if annotation is int:
        bounds = {type(each): each for each in metadata}
        return st.integers(bounds[annotated_types.Ge].ge, bounds[annotated_types.Le].le)
    return {str: TEXTS, bool: st.booleans(), float: st.floats()}[annotation]


def models(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Return a strategy of all that a generated model allows."""
    fields = {name: values(field.annotation, field.metadata) for name, field in model.model_fields.items()}
    return st.fixed_dictionaries(fields).map(model.model_validate)


def mended(value: Any) -> Any:
    """Return a value as the database is to hold it; NaN as None, since it equals nothing."""
    match value:
        case str():
            return "".join("\ufffd" if each == "\x00" or "\ud800" <= each <= "\udfff" else each for each in value)
        case float() if math.isnan(value):
            return None
        case list():
            return [mended(each) for each in value]
        case dict():
            return {mended(key): mended(each) for key, each in value.items()}
    return value

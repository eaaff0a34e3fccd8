"""The bodies themselves, which need no server."""

import gzip
import json
from datetime import UTC, datetime
from itertools import islice

import pytest
from codegen.gateway import FORM_REASONS
from payments_contracts.rules import INGESTION_REASON_CODES

from tests.fuzz.bodies import KINDS, bodies, material
from tests.fuzz.body import Body
from tests.fuzz.endpoint import PLAIN
from tests.fuzz.oracle import verdict

# Deeper than this Python's own parser gives up, however it is written.
SHALLOW = 500
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def some(provider: str, count: int = 1500, *kinds: str, seed: int = 7) -> list[Body]:
    return list(islice(bodies(material(provider, NOW), seed, kinds or KINDS), count))


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def test_equal_seeds_give_equal_bodies() -> None:
    assert some("stripe", 300) == some("stripe", 300)
    assert some("stripe", 300) != some("stripe", 300, seed=8)


def test_no_two_bodies_are_equal() -> None:
    found = some("stripe")
    assert len({body.content for body in found}) == len(found)


@pytest.mark.parametrize("provider", PLAIN)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_body_is_what_its_maker_claims(provider: str, kind: str) -> None:
    for body in some(provider, 12, kind):
        refused = verdict(provider, body.content, NOW).reason_code is not None
        assert body.claim == "either" or (body.claim == "malformed") == refused, body.content[:500]


@pytest.mark.parametrize("provider", PLAIN)
def test_every_reason_of_the_contracts_is_met(provider: str) -> None:
    reasons = {verdict(provider, body.content, NOW).reason_code for body in some(provider)}
    # None of these providers sends forms.
    assert reasons >= {None, *INGESTION_REASON_CODES} - {*FORM_REASONS}


@pytest.mark.parametrize("provider", PLAIN)
def test_what_another_parser_refuses_is_refused(provider: str) -> None:
    refused = 0
    for body in some(provider, 1000):
        if body.content.count(b"[") + body.content.count(b"{") > SHALLOW:
            continue
        try:
            json.loads(body.content.decode(), parse_constant=refuse_constant)
        except ValueError:
            refused += 1
            assert verdict(provider, body.content, NOW).reason_code is not None, body.content[:500]
    assert refused > 100


def test_a_gzip_bomb_is_small_and_becomes_large() -> None:
    for body in some("stripe", 6, "gzip bomb"):
        assert len(gzip.decompress(body.content)) > 500 * len(body.content)


def test_bodies_reach_the_limit_and_go_beyond_it() -> None:
    limit = PLAIN["stripe"].envelope.max_body_bytes
    sizes = {len(body.content) for body in some("stripe", 60, "at the limit", "over the limit")}
    assert {limit, limit + 1} <= sizes


def test_nesting_reaches_from_a_few_levels_to_a_hundred_thousand() -> None:
    levels = [body.content.count(b"[") + body.content.count(b"{") for body in some("stripe", 200, "deep nesting")]
    assert min(levels) < 50
    assert max(levels) > 80_000

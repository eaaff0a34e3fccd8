"""A version is rolled out in the wrong order at each step: each is refused or told, nothing is lost, and the right
order mends it, as docs/rollout.md says.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.extensibility.added_field import FIELD, FORMER, LATTER
from tests.rollout.pipeline import (
    ENOUGH,
    agrees,
    bronze,
    database,
    dead_letters,
    deploy_what_holds_data,
    newest,
    start,
    start_orchestrator,
)
from tests.rollout.release import Release, until
from tests.rollout.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_each_step_before_its_turn_is_refused_or_told_and_nothing_is_lost(
    releases: tuple[Release, Release], settings: Mapping[str, str]
) -> None:
    former, latter = releases
    deploy_what_holds_data(former)
    gateway, normalizer, orchestrator = start(former, settings)
    inference = former.running[0]

    with Traffic(f"{gateway.url}/webhooks/stripe", settings["GATEWAY_STRIPE_SECRETS"]) as traffic:
        until("rows of the former version", lambda: newest(settings)[FORMER] >= ENOUGH)

        # A producer before the registry is refused, and the former job goes on.
        told = latter.start("normalizer", NORMALIZER_PROVIDER="stripe").last_words()
        assert f"version {LATTER}, is not registered" in told
        assert "make register" in told
        held = newest(settings)[FORMER]
        until("rows by the former job, that nobody has ended", lambda: newest(settings)[FORMER] >= held + ENOUGH)

        # A producer before the consumer: a few dead letters, and the consumer stops at the rest.
        latter.run("payments", "schemas", "register")
        normalizer.stop()
        latter.start("normalizer", NORMALIZER_PROVIDER="stripe").wait_until_ready()
        assert "version_unknown" in orchestrator.last_words()
        letters = dead_letters(settings)
        assert letters > 0

        # A consumer before the database is refused.
        told = start_orchestrator(latter, inference).last_words()
        assert f"lacks {FIELD}: run `payments database apply`" in told
        latter.run("payments", "database", "apply")

        # A consumer before the lake: its rows wait, and the log says for what.
        consumer = start_orchestrator(latter, inference)
        until("word of what rows wait for", lambda: "until `payments tables apply` has added it" in consumer.log())
        assert newest(settings)[LATTER] == 0
        latter.run("payments", "tables", "apply")
        until("rows of the latter version", lambda: newest(settings)[LATTER] >= ENOUGH)

    latter.run("payments", "quarantine", "redrive", "--reason", "version_unknown", "--execute")
    until("all rows", lambda: newest(settings).total() >= len(traffic.sent))
    until("all rows of the database", lambda: len(database(settings)) >= len(traffic.sent))

    assert Counter(each.status for each in traffic.sent) == {200: len(traffic.sent)}
    assert dead_letters(settings) == letters
    for rows in (bronze(settings), database(settings)):
        agrees(traffic.sent, rows)

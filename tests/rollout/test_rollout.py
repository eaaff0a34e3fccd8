"""A version of the unified event is rolled out under traffic, step by step as docs/rollout.md says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.extensibility.added_field import FORMER, LATTER
from tests.rollout.pipeline import (
    ENOUGH,
    agrees,
    bronze,
    database,
    dead_letters,
    deploy_what_holds_data,
    newest,
    silver,
    start,
    start_orchestrator,
)
from tests.rollout.release import Release, until
from tests.rollout.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def build_silver(release: Release) -> None:
    folders = ("--project-dir", str(release.folder / "dbt"), "--profiles-dir", str(release.folder / "dbt"))
    release.run("dbt", "deps", *folders)
    release.run("dbt", "run", *folders, "--select", "stg_payments", "payments_cleaned")


def test_a_version_is_rolled_out_under_traffic(releases: tuple[Release, Release], settings: Mapping[str, str]) -> None:
    former, latter = releases
    deploy_what_holds_data(former)
    gateway, normalizer, orchestrator = start(former, settings)
    inference = former.running[0]

    with Traffic(f"{gateway.url}/webhooks/stripe", settings["GATEWAY_STRIPE_SECRETS"]) as traffic:
        until("rows of the former version", lambda: newest(settings)[FORMER] >= ENOUGH)

        # 1 to 3: the registry, the lake and the database, while the former programs run.
        deploy_what_holds_data(latter)
        held = newest(settings)[FORMER]
        until("rows into tables that have gained a column", lambda: newest(settings)[FORMER] >= held + ENOUGH)

        # 4: consumers.
        orchestrator.stop()
        start_orchestrator(latter, inference).wait_until_ready()
        held = newest(settings)[FORMER]
        until("rows of the former version, by the latter consumer", lambda: newest(settings)[FORMER] >= held + ENOUGH)

        # 5: producers.
        normalizer.stop()
        latter.start("normalizer", NORMALIZER_PROVIDER="stripe").wait_until_ready()
        until("rows of the latter version", lambda: newest(settings)[LATTER] >= ENOUGH)
        # A run of the former models in between knows nothing of the column, and leaves it out of these rows.
        build_silver(former)

    until("all rows", lambda: newest(settings).total() >= len(traffic.sent))
    until("all rows of the database", lambda: len(database(settings)) >= len(traffic.sent))
    # 6: what is made of the tables.
    build_silver(latter)

    assert Counter(each.status for each in traffic.sent) == {200: len(traffic.sent)}
    assert dead_letters(settings) == 0
    for rows in (bronze(settings), database(settings), silver(settings)):
        agrees(traffic.sent, rows)

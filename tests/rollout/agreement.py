"""What webhooks said, held against what has come of them."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

from tests.extensibility.added_field import FORMER, LATTER
from tests.rollout.change import BROUGHT, PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.rollout.traffic import Sent


def agrees(sent: Sequence[Sent], rows: Sequence[Mapping[str, Any]]) -> None:
    """Each webhook is there once, and what it said is in the fields of the latter version or where it was before."""
    webhooks = {(each.provider, each.id): each for each in sent}
    assert Counter((row["provider"], row["provider_event_id"]) for row in rows) == Counter(webhooks.keys())
    assert {(row["provider"], row["schema_version"]) for row in rows} == set(product(PROVIDERS, (FORMER, LATTER)))
    for row in rows:
        told = webhooks[row["provider"], row["provider_event_id"]].told
        is_new = row["schema_version"] == LATTER
        assert {each.name: row[each.name] for each in BROUGHT} == {
            each.name: told.get(each.name) if is_new else None for each in BROUGHT
        }
        for each in BROUGHT:
            if each.provider == row["provider"]:
                assert row["metadata"][each.key] == each.in_metadata(told[each.name]), "its readers find it as before"

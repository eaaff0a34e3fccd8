"""What has to become of a body, by the contracts and by nothing that a gateway runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path as File
from typing import TYPE_CHECKING

import orjson
from codegen.envelope import refusal
from codegen.loader import load
from payments_contracts.identity import event_id, malformed_event_id
from payments_contracts.normalize.values import iso8601_millis
from simulator.places import find

from tests.fuzz.endpoint import PLAIN

if TYPE_CHECKING:
    from datetime import datetime

    from codegen.webhooks import Envelope
    from payments_contracts.providers import Envelope as Places

CONTRACTS = File(__file__).resolve().parents[2] / "contracts"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer that is due. `event_id` is that of the record in Kafka, None where there must be none."""

    status: HTTPStatus
    reason_code: str | None
    event_id: str | None


@cache
def _envelopes() -> dict[str, Envelope]:
    return {provider.name: provider.envelope for provider in load(CONTRACTS).providers}


def verdict(provider: str, content: bytes, now: datetime) -> Verdict:
    """Return what a body that a provider signed has to be answered with."""
    places = PLAIN[provider].envelope
    if len(content) > places.max_body_bytes:
        return Verdict(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", None)
    if not content:
        # Where the URL alone is signed with it, anybody could have caught the signature of nothing.
        return Verdict(HTTPStatus.UNAUTHORIZED, "signature_mismatch", None)
    reason_code = refusal(_envelopes()[provider], content)
    if reason_code is not None:
        return Verdict(HTTPStatus.UNPROCESSABLE_ENTITY, reason_code, malformed_event_id(content))
    event = orjson.loads(content)
    if is_stale(places, find(event, places.created_at), now):
        return Verdict(HTTPStatus.FORBIDDEN, "event_too_old", None)
    account = None if places.account is None else find(event, places.account)
    if account in places.null_values:
        account = None
    return Verdict(HTTPStatus.OK, None, event_id(provider, account, find(event, places.event_id)))


def is_stale(places: Places, written: object, now: datetime) -> bool:
    """Tell whether an event is too old; one whose time cannot be read is not."""
    if places.max_event_age_seconds is None or not isinstance(written, str):
        return False
    millis = iso8601_millis(written)
    return millis is not None and 0 <= millis < (now.timestamp() - places.max_event_age_seconds) * 1000

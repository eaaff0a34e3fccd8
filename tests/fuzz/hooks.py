"""What schemathesis asks: signs requests as providers do, and has the contracts' examples of webhooks sent."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson
import schemathesis
from payments_contracts.examples import EXAMPLES
from simulator.places import find

from tests.fuzz.body import date, plain, put
from tests.fuzz.endpoint import PLAIN, Endpoint
from tests.fuzz.oracle import is_stale

if TYPE_CHECKING:
    import requests
    from payments_contracts.providers import Envelope

_ENDPOINTS = {endpoint.path: endpoint for endpoint in map(Endpoint.of, PLAIN)}
# Of so many requests one is signed wrongly, chosen by its body, so that a case repeats itself.
_FORGED_ONE_IN = 16


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    endpoint = _ENDPOINTS.get(case.operation.path)
    if endpoint is None:
        return
    if isinstance(case.body, dict):
        case.body = _as_the_contract_says_in_words(endpoint.provider.envelope, case.body)
    # Called by requests when the body's bytes are what they will be on the wire.
    kwargs["auth"] = lambda request: _signed(endpoint, request)


@schemathesis.hook
def before_add_examples(context: schemathesis.HookContext, examples: list[schemathesis.Case[Any]]) -> None:
    operation = context.operation
    if operation is None or (endpoint := _ENDPOINTS.get(operation.path)) is None:
        return
    made_up = examples[0]
    for each in EXAMPLES:
        if each.provider == endpoint.provider.name and each.kind != "malformed":
            body = orjson.loads(each.body)
            # What was made up is marked as data that is to be accepted, and so are these.
            examples.append(operation.Case(body=body, media_type=made_up.media_type, _meta=made_up.meta))


def _as_the_contract_says_in_words(places: Envelope, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what its schema lets through and the contract refuses all the same."""
    changed = copy.deepcopy(body)
    now = datetime.now(UTC)
    if is_stale(places, find(changed, plain(places.created_at)), now):
        date(changed, plain(places.created_at), now)
    for path, kinds in places.required:
        value = find(changed, path)
        # To a schema 1.0 is an integer; the contract wants one to be written without a fraction.
        if "integer" in kinds and isinstance(value, float) and value.is_integer():
            put(changed, path, int(value))
    return changed


def _signed(endpoint: Endpoint, request: requests.PreparedRequest) -> requests.PreparedRequest:
    body = request.body or b""
    content = body if isinstance(body, bytes) else body.encode()
    digest = crc32(content)
    forgeries = endpoint.forgeries(Random(digest))  # noqa: S311  # not for secrets
    forgery = forgeries[digest // _FORGED_ONE_IN % len(forgeries)] if digest % _FORGED_ONE_IN == 0 else None
    request.headers.pop(str(endpoint.provider.signature.header), None)
    request.headers.update(endpoint.signed(content, forgery))
    return request

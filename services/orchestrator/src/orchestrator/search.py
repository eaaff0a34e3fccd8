"""What workflows are found by in Temporal: merchant, provider, the payment's status, and how they ended.

Set at the start and, the outcome, once more at the end: every change in between would be written to the visibility
store, which is most of what a workflow costs the database. https://docs.temporal.io/search-attribute
"""

from typing import Literal

import structlog
from kit.errors import Fault
from payments_contracts.pins.orchestrator import PaymentEvent
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.messages import DEAD_LETTERED, Completion
from orchestrator.row import storable
from orchestrator.temporal import PASSING, RPC_TIMEOUT

Result = Literal["under_way", "scored", "fallback", "not_scored", "dead_lettered"]
"""How a workflow ended: with a row, by where its fraud score came from, or without one."""

MERCHANT = SearchAttributeKey.for_keyword("Merchant")
PROVIDER = SearchAttributeKey.for_keyword("Provider")
STATUS = SearchAttributeKey.for_keyword("PaymentStatus")
OUTCOME = SearchAttributeKey.for_keyword("Outcome")
KEYS = (MERCHANT, PROVIDER, STATUS, OUTCOME)

_LONGEST = 255
"""Characters that Temporal's visibility store takes of a keyword: what is longer would never be written."""
_log = structlog.get_logger(__name__)


def at_start(event: PaymentEvent) -> TypedSearchAttributes:
    """Return what a workflow is found by from its start on."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(MERCHANT, _keyword(event.merchant_id)),
            SearchAttributePair(PROVIDER, _keyword(event.provider)),
            SearchAttributePair(STATUS, _keyword(event.status)),
            SearchAttributePair(OUTCOME, "under_way"),
        ]
    )


def at_end(completion: Completion) -> SearchAttributeUpdate[str]:
    """Return what changes at a workflow's end."""
    return OUTCOME.value_set(_result(completion))


async def register(client: Client, namespace: str) -> None:
    """Add to the namespace what it lacks of the attributes; an installation that lets nobody do so has added them.

    Raises:
        RPCError: Temporal is away, or refuses the question.
        Fault: They are missing and may not be added, or one of the names is taken by another kind.
    """
    operator, question = client.operator_service, ListSearchAttributesRequest(namespace=namespace)
    held = await operator.list_search_attributes(question, timeout=RPC_TIMEOUT)
    kind = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    wrong = [key.name for key in KEYS if held.custom_attributes.get(key.name, kind) != kind]
    if wrong:
        raise Fault(f"Temporal's namespace {namespace} has {', '.join(wrong)} as another kind than Keyword.")
    missing = [key.name for key in KEYS if key.name not in held.custom_attributes]
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=namespace, search_attributes=dict.fromkeys(missing, kind))
    try:
        await operator.add_search_attributes(request, timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return
        if error.status in PASSING:
            raise
        raise Fault(
            f"Temporal's namespace {namespace} lacks the search attributes {', '.join(missing)}, of kind Keyword, and "
            f"they cannot be added: {error.message}. Add them with `temporal operator search-attribute create`."
        ) from error
    _log.info("search_attributes_added", namespace=namespace, names=missing)


def _result(completion: Completion) -> Result:
    if DEAD_LETTERED in {completion.lake, completion.database}:
        return "dead_lettered"
    source = completion.fraud_score_source
    return "scored" if source == "model" else source


def _keyword(text: str) -> str:
    return storable(text)[:_LONGEST]

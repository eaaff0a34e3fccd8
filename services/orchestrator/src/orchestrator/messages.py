"""What workflows and their activities hand each other, beside the records of the contracts."""

from typing import Literal

from kit.lake import Outcome
from payments_contracts.records import ScoredPaymentV2
from pydantic import BaseModel, ConfigDict

from orchestrator.scoring import ScoreSource, Source

Stored = Literal["stored", "switched_off"]


class PersistRequest(BaseModel):
    """A row for Bronze, and whether an earlier round of attempts may have written it."""

    model_config = ConfigDict(frozen=True)

    payment: ScoredPaymentV2
    repeated: bool = False


class Completion(BaseModel):
    """How a workflow ended."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    rule_violations: list[str]
    fraud_score_source: ScoreSource
    retry_strategy_source: Source | None
    lake: Outcome
    database: Stored | Literal["failed"]

"""What workflows and their activities hand each other, beside the records of the contracts."""

from datetime import datetime
from typing import Literal

from kit.lake import Outcome
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from pydantic import BaseModel, ConfigDict

from orchestrator.scoring import ScoreSource, Source

Stored = Literal["stored", "switched_off"]
START_MEMO = "start"
"""Name of a workflow's memo that holds its Start."""
DEAD_LETTERED: Literal["dead_lettered"] = "dead_lettered"


class Verdicts(BaseModel):
    """What the business rules said of an event, as codes.

    Attributes:
        broken: Rules that it breaks.
        undecided: Rules that lacked what they compare with; None where nobody looked.
    """

    model_config = ConfigDict(frozen=True)

    broken: list[str]
    undecided: list[str] | None = None


class Position(BaseModel):
    """Where an event was read, and when it was written there, if that is known."""

    model_config = ConfigDict(frozen=True)

    topic: str
    partition: int
    offset: int
    written_at: datetime | None = None

    def __str__(self) -> str:
        """Return the place as messages tell it."""
        return f"{self.topic}/{self.partition}@{self.offset}"


class Start(BaseModel):
    """How a workflow was started.

    What a later program adds is absent where an earlier one started it, whose history has to go on as it began. A patch
    of Temporal's would do as well, and cost each workflow a marker and a search attribute.

    Attributes:
        position: Where its event was read.
        token: What the process that started it knows it by, if that process has a worker and a committer too.
        repeated: Whether an earlier workflow of the event, one that ended without success, may have written its row.
        counts_attempts: Whether it looks up the attempts before one that failed.
        fails_without_row: Whether it fails where a row was refused, once the dead letter is durable: what has failed
            may be started again, what has completed may not.
        tells_outcome: Whether it was started with the search attributes, and sets that of its outcome at its end.
    """

    model_config = ConfigDict(frozen=True)

    position: Position | None = None
    token: str | None = None
    repeated: bool = False
    counts_attempts: bool = False
    fails_without_row: bool = False
    tells_outcome: bool = False


class PersistRequest(BaseModel):
    """A row for Bronze, whether an earlier attempt may have written it, and what is known of its workflow's start.

    Attributes:
        payment: The row.
        repeated: See Start.
        token: See Start.
        written_at: When its event was written to the topic, if that is known.
    """

    model_config = ConfigDict(frozen=True)

    payment: ScoredPayment
    repeated: bool = False
    token: str | None = None
    written_at: datetime | None = None


class DeadLetter(BaseModel):
    """An event that something refuses, with the reason for machines and in words."""

    model_config = ConfigDict(frozen=True)

    event: PaymentEvent
    position: Position | None
    reason_code: str
    reason: str


Step = Literal["scoring", "bronze", "database", "ended"]


class State(BaseModel):
    """How far a workflow is: what it is at, since when, and what it has found by now.

    Attributes:
        step: What it does, or waits for.
        since: When it began with that.
        fraud_score_source: Where the score came from; None before there is one.
        retry_strategy_source: Where the advice came from; None before, and where none was asked for.
        rule_violations: Business rules that the event breaks; None before they were looked at.
    """

    model_config = ConfigDict(frozen=True)

    step: Step
    since: datetime
    fraud_score_source: ScoreSource | None = None
    retry_strategy_source: Source | None = None
    rule_violations: list[str] | None = None


class Completion(BaseModel):
    """How a workflow ended: with a row, or with a dead letter."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    rule_violations: list[str]
    fraud_score_source: ScoreSource
    retry_strategy_source: Source | None
    lake: Outcome | Literal["dead_lettered"]
    database: Stored | Literal["dead_lettered"]

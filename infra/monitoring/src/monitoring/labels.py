"""What a label of our metrics may hold: never a payload, a secret, a person, or what a sender can choose at will."""

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "answer": "how Temporal answered: `accepted`, `was_there`, `accepted_again`",
    "asked": "what the operational database is asked: `terms`, `subject` or `customer`",
    "currency": "a code of ISO 4217",
    "event_type": "a provider's own type; odd ones and those after the first hundred are `other`",
    "fate": "what the table said of a commit in doubt",
    "group": "a consumer group of ours",
    "hop": "a hop of the audit",
    "kind": "`retention` or `reset`",
    "layer": "`bronze`, `silver` or `gold`",
    "mount": "a folder whose file system is watched, by the name that its setting gives it",
    "model": "`fraud` or `retry`; of a circuit `fraud_score` or `retry_strategy`",
    "outcome": "a closed set of each metric, named in its meaning",
    "part": "a server that is asked whether it answers",
    "phase": "`build`, `put` or `post`",
    "provider": "a provider of the contracts (`payments_contracts.labels.PROVIDERS`)",
    "reason": "a closed set: reason codes of the contracts (`INGESTION_REASONS`, `VALIDATION_REASONS`), or of the code",
    "reason_code": "a reason code of the contracts (`VALIDATION_REASONS`)",
    "secret_id": "the id that an installation gave a secret, never the secret",
    "source": "who counts attempts: `provider`, `history`, `nobody`",
    "state": "`running`, `stuck`, or `lost` (ended without success within the hour)",
    "table": "a table of the contracts (`TABLES`)",
    "topic": "a topic of the contracts (`TOPICS`)",
    "verdict": "a verdict of a model, or which of them a fallback stands for",
}

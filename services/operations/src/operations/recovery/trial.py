"""What today's contract makes of an event. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from payments_contracts.normalize import Normalized, Outcome, Rejected, Unsupported, normalize
from payments_contracts.providers import PROVIDERS

from operations.recovery.events import Failure, RawEvent

Verdict = Literal["passes", "fails", "unsupported"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A verdict, and where it is not `passes` the reasons, as codes and in words without values of the payload."""

    verdict: Verdict
    reason_codes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Tell whether the normalizer would take the event today."""
        return self.verdict == "passes"


PASSES = Trial("passes")


def try_raw(event: RawEvent) -> Trial:
    """Put an event's original bytes through today's contract, as the normalizer does."""
    record = event.record
    created = record.provider_created_at
    return _trial(
        record.provider,
        record.payload,
        record.merchant_id,
        record.provider_event_id,
        record.provider_event_type,
        _milliseconds(record.received_at),
        None if created is None else _milliseconds(created),
        record.livemode,
    )


def try_refused(failure: Failure) -> Trial:
    """Put a body that the gateway refused through today's contract; it says what of the body itself is wrong.

    What the gateway finds (ids, merchant) is not known: a body that passes has still to come in by the gateway.
    """
    return _trial(failure.provider, failure.record.payload, failure.merchant_id or "")


def _trial(provider: str, *found: Any) -> Trial:
    if provider not in PROVIDERS:
        # Its name may be anything, of any length.
        return Trial("fails", ("record_invalid",), ("provider: the contracts know no such provider",))
    try:
        outcome: Outcome = normalize(provider, *found)
    except Exception as error:  # noqa: BLE001  # a defect of one mapping must not hide what is said of all other events
        return Trial("fails", ("mapping_failed",), (f"the mapping of {provider} fails: {type(error).__name__}",))
    match outcome:
        case Normalized():
            return PASSES
        case Unsupported(event_type):
            return Trial("unsupported", ("unsupported",), (f"no mapping for the event type {event_type}",))
        case Rejected(rejections):
            return Trial(
                "fails",
                tuple(dict.fromkeys(each.code for each in rejections)),
                tuple(f"{each.field}: {each.message}" if each.field else each.message for each in rejections),
            )


def count_reasons(trials: Iterable[Trial]) -> list[tuple[str, int]]:
    """Count the codes of those that do not pass, the most frequent first; each code counts once for an event."""
    counts = Counter(code for trial in trials if not trial.passes for code in dict.fromkeys(trial.reason_codes))
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

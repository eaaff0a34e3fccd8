"""What the gateway measures. No label holds anything that a sender can choose."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final, get_args

from kit.metrics import LATENCY_BUCKETS
from payments_contracts.labels import INGESTION_REASONS
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.errors import BodyReason, DefectReason, RequestReason, SignatureReason, UnavailableReason

_BOUNDS: Final = (*map(str, LATENCY_BUCKETS), "+Inf")
Reason = SignatureReason | BodyReason | RequestReason | UnavailableReason | DefectReason
REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "accepted": ("",),
    "malformed": INGESTION_REASONS,
    "forged": get_args(SignatureReason),
    "refused": get_args(RequestReason),
    "unavailable": get_args(UnavailableReason),
    "failed": get_args(DefectReason),
}
"""What may become of a webhook, and why."""


class GatewayMetrics(Collector):
    """The metrics of one provider's gateway, shown in a registry of the caller's.

    Counted in plain numbers, since all of it happens in one thread: a lock for each of the four that a webhook changes
    would take as long as reading its JSON.
    """

    def __init__(self, provider: str, registry: CollectorRegistry) -> None:
        self._provider = provider
        # A series that appears with its first webhook has not grown for `rate`.
        begun = [(outcome, reason) for outcome, reasons in REASONS.items() for reason in reasons]
        self._webhooks: Counter[tuple[str, str]] = Counter(dict.fromkeys(begun, 0))
        self._secrets: Counter[str] = Counter()
        self._reloads: Counter[str] = Counter(taken=0, refused=0)
        self._fetches: Counter[str] = Counter(fetched=0, failed=0)
        self._acknowledged = [0] * len(_BOUNDS)
        self._seconds = 0.0
        registry.register(self)

    def count(self, outcome: str, reason: Reason) -> None:
        """Count a webhook that was not accepted."""
        self._webhooks[outcome, reason] += 1

    def count_reload(self, outcome: str) -> None:
        """Count a change of the file of secrets: `taken`, or `refused`."""
        self._reloads[outcome] += 1

    def count_key_fetch(self, outcome: str) -> None:
        """Count a try to get the keys that a provider publishes: `fetched`, or `failed`."""
        self._fetches[outcome] += 1

    def count_secret(self, secret_id: str) -> None:
        """Count a use of a secret."""
        self._secrets[secret_id] += 1

    def note_accepted(self, seconds: float) -> None:
        """Count an accepted webhook and the time until Kafka's acknowledgement."""
        self._webhooks["accepted", ""] += 1
        self._acknowledged[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Yield what was counted, for the registry."""
        webhooks = CounterMetricFamily(
            "gateway_webhooks",
            "Webhooks by what became of them; the reason is empty where they were accepted.",
            labels=["provider", "outcome", "reason"],
        )
        # Copied, since this runs in another thread than the counting.
        for (outcome, reason), count in self._webhooks.copy().items():
            webhooks.add_metric([self._provider, outcome, reason], count)
        yield webhooks
        secrets = CounterMetricFamily(
            "gateway_secret_uses",
            "Authentic webhooks by the secret that signed them.",
            labels=["provider", "secret_id"],
        )
        for secret_id, count in self._secrets.copy().items():
            secrets.add_metric([self._provider, secret_id], count)
        yield secrets
        reloads = CounterMetricFamily(
            "gateway_secret_reloads",
            "Changes of the file of secrets that were taken over, or refused.",
            labels=["provider", "outcome"],
        )
        for outcome, count in self._reloads.copy().items():
            reloads.add_metric([self._provider, outcome], count)
        yield reloads
        fetches = CounterMetricFamily(
            "gateway_key_fetches",
            "Tries to get the set of keys that a provider publishes.",
            labels=["provider", "outcome"],
        )
        for outcome, count in self._fetches.copy().items():
            fetches.add_metric([self._provider, outcome], count)
        yield fetches
        acknowledgement = HistogramMetricFamily(
            "gateway_acknowledgement_seconds",
            "From the request's head to Kafka's acknowledgement.",
            labels=["provider"],
        )
        counts = accumulate(self._acknowledged.copy())
        acknowledgement.add_metric([self._provider], list(zip(_BOUNDS, counts, strict=True)), self._seconds)
        yield acknowledgement

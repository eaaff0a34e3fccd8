"""What the gateway measures. No label holds anything that a sender can choose."""

from functools import cache

from kit.metrics import LATENCY_BUCKETS
from prometheus_client import CollectorRegistry, Counter, Histogram


class GatewayMetrics:
    """The metrics of one provider's gateway, in a registry of the caller's."""

    def __init__(self, provider: str, registry: CollectorRegistry) -> None:
        webhooks = Counter(
            "gateway_webhooks",
            "Webhooks by what became of them; the reason is empty where they were accepted.",
            ["provider", "outcome", "reason"],
            registry=registry,
        )
        secrets = Counter(
            "gateway_secret_uses",
            "Authentic webhooks by the secret that signed them.",
            ["provider", "secret_id"],
            registry=registry,
        )
        self._reloads = Counter(
            "gateway_secret_reloads",
            "Changes of the file of secrets that were taken over, or refused.",
            ["provider", "outcome"],
            registry=registry,
        )
        acknowledgement = Histogram(
            "gateway_acknowledgement_seconds",
            "From the request's head to Kafka's acknowledgement.",
            ["provider"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._provider = provider
        # Looked up once: with its labels a counter takes three times as long.
        self._webhooks = cache(lambda outcome, reason: webhooks.labels(provider, outcome, reason))
        self._secrets = cache(lambda secret_id: secrets.labels(provider, secret_id))
        self._accepted = self._webhooks("accepted", "")
        self._acknowledgement = acknowledgement.labels(provider)

    def count(self, outcome: str, reason: str) -> None:
        """Count a webhook that was not accepted."""
        self._webhooks(outcome, reason).inc()

    def count_secret(self, secret_id: str) -> None:
        """Count a use of a secret."""
        self._secrets(secret_id).inc()

    def count_reload(self, outcome: str) -> None:
        """Count a change of the file of secrets: `taken`, or `refused`."""
        self._reloads.labels(self._provider, outcome).inc()

    def note_accepted(self, seconds: float) -> None:
        """Count an accepted webhook and the time until Kafka's acknowledgement."""
        self._accepted.inc()
        self._acknowledgement.observe(seconds)

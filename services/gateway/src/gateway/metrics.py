"""What the gateway measures. No label holds anything that a sender can choose."""

from kit.metrics import LATENCY_BUCKETS
from prometheus_client import CollectorRegistry, Counter, Histogram


class GatewayMetrics:
    """The metrics of one gateway, in a registry of the caller's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.webhooks = Counter(
            "gateway_webhooks",
            "Webhooks by what became of them; the reason is empty where they were accepted.",
            ["provider", "outcome", "reason"],
            registry=registry,
        )
        self.secrets = Counter(
            "gateway_secret_uses",
            "Authentic webhooks by the secret that signed them.",
            ["provider", "secret_id"],
            registry=registry,
        )
        self.acknowledgement = Histogram(
            "gateway_acknowledgement_seconds",
            "From the request's head to Kafka's acknowledgement.",
            ["provider"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )

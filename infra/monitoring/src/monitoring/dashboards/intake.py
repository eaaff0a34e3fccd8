"""The pages of what takes events in: gateways and normalizers."""

from typing import Final

from monitoring.dashboards.model import (
    INTERVAL,
    OF_PROVIDER,
    PROVIDER,
    RAW_TOPICS,
    Dashboard,
    Limit,
    Panel,
    Query,
    Section,
    Shape,
    Unit,
    quantile,
    quantiles,
    rate,
)
from monitoring.dashboards.overview import limit

_JOBS: Final = f'job=~"normalizer-{PROVIDER}"'
# Flink writes `_` for `-` in the name of a job.
_FLINK: Final = f'job_name=~"normalizer_({PROVIDER})"'

GATEWAY: Final = Dashboard(
    "gateway",
    "Payments: gateway",
    "Webhooks of the providers until Kafka has acknowledged them.",
    (
        Section(
            "Webhooks",
            (
                Panel(
                    "Webhooks by provider",
                    "All that came, whatever became of them, per second.",
                    Unit.PER_SECOND,
                    (rate("gateway_webhooks_total", "{{provider}}", "provider", OF_PROVIDER),),
                    Shape.STACKED,
                ),
                Panel(
                    "Webhooks by outcome",
                    "Accepted ones are in Kafka. Malformed ones are answered 422 and dead-lettered, forged ones 401, "
                    "unavailable is 503 and failed 500: the provider sends again.",
                    Unit.PER_SECOND,
                    (rate("gateway_webhooks_total", "{{outcome}}", "outcome", OF_PROVIDER),),
                    Shape.STACKED,
                ),
                Panel(
                    "Why webhooks are not accepted",
                    "By reason. A provider that changes its secret shows as signature_mismatch.",
                    Unit.PER_SECOND,
                    (
                        rate(
                            "gateway_webhooks_total",
                            "{{outcome}}: {{reason}}",
                            "outcome, reason",
                            f'{OF_PROVIDER}, outcome!="accepted"',
                        ),
                    ),
                ),
                Panel(
                    "Share that is turned away",
                    "Forged, refused and malformed of all, over ten minutes. From a half on somebody is called, where "
                    "it stays so.",
                    Unit.SHARE,
                    (
                        Query(
                            "sum by (provider) (increase(gateway_webhooks_total"
                            f'{{{OF_PROVIDER}, outcome=~"forged|refused|malformed"}}[10m]))'
                            f" / sum by (provider) (increase(gateway_webhooks_total{{{OF_PROVIDER}}}[10m]))",
                            "{{provider}}",
                        ),
                    ),
                    limit=Limit(0.5),
                    alerts=("WebhooksMostlyRefused", "WebhooksRefused"),
                    width=6,
                ),
                Panel(
                    "Time to Kafka's acknowledgement",
                    "From the request's head. The objective: 99 % within 50 ms.",
                    Unit.SECONDS,
                    quantiles("gateway_acknowledgement_seconds", where=OF_PROVIDER),
                    limit=limit("acknowledgement"),
                    alerts=("ErrorBudgetBurnsFast", "ErrorBudgetBurnsSlowly"),
                    width=6,
                ),
                Panel(
                    "Time to acknowledgement by provider, p99",
                    "The same, for each gateway by itself.",
                    Unit.SECONDS,
                    (quantile(0.99, "gateway_acknowledgement_seconds", "{{provider}}", "provider", OF_PROVIDER),),
                    limit=limit("acknowledgement"),
                    width=6,
                ),
                Panel(
                    "Secrets in use",
                    "Authentic webhooks by the id of the secret that signed them. One that is not used any more "
                    "can go.",
                    Unit.PER_SECOND,
                    (
                        rate(
                            "gateway_secret_uses_total",
                            "{{provider}} {{secret_id}}",
                            "provider, secret_id",
                            OF_PROVIDER,
                        ),
                    ),
                    width=6,
                ),
            ),
        ),
    ),
)

NORMALIZER: Final = Dashboard(
    "normalizer",
    "Payments: normalizer",
    "Raw events into the unified form, one Flink job for each provider.",
    (
        Section(
            "Events",
            (
                Panel(
                    "Normalized",
                    "Events that came out unified, per second.",
                    Unit.PER_SECOND,
                    (rate("normalizer_normalized_total", "{{job}}", "job", _JOBS),),
                    Shape.STACKED,
                ),
                Panel(
                    "Quarantined, by reason",
                    "One event may have several reasons. `payments quarantine list` shows the events.",
                    Unit.PER_SECOND,
                    (rate("normalizer_rejections_total", "{{reason_code}}", "reason_code", _JOBS),),
                    Shape.STACKED,
                    alerts=("QuarantineRateHigh",),
                ),
                Panel(
                    "Share that is quarantined",
                    "Of the events with a mapping, over a quarter of an hour. From 5 % on somebody is called.",
                    Unit.SHARE,
                    (
                        Query(
                            f"sum by (job) (increase(normalizer_rejected_total{{{_JOBS}}}[15m])) / sum by (job)"
                            f" (increase(normalizer_rejected_total{{{_JOBS}}}[15m])"
                            f" + increase(normalizer_normalized_total{{{_JOBS}}}[15m]))",
                            "{{job}}",
                        ),
                    ),
                    limit=Limit(0.05),
                    alerts=("QuarantineRateHigh",),
                ),
                Panel(
                    "Not mapped",
                    "Events whose type is left unmapped on purpose; of those whose type is unknown the "
                    "contract may want a mapping.",
                    Unit.PER_SECOND,
                    (
                        rate("normalizer_unmapped_total", "on purpose: {{event_type}}", "event_type", _JOBS),
                        rate("normalizer_unsupported_total", "unknown: {{event_type}}", "event_type", _JOBS),
                    ),
                ),
                Panel(
                    "Webhook to normalized record",
                    "As its reader sees it, the checkpoint that commits it included; all providers. The "
                    "objective: 99 % within 250 ms.",
                    Unit.SECONDS,
                    quantiles("orchestrator_webhook_to_normalized_seconds"),
                    limit=limit("normalization"),
                    alerts=("ErrorBudgetBurnsFast",),
                ),
                Panel(
                    "Records that wait in the raw topic",
                    "Between what the job has committed and the end of its topic.",
                    Unit.COUNT,
                    (
                        Query(
                            f'sum by (topic) (watch_consumer_lag_records{{group="normalizer", {RAW_TOPICS}}})',
                            "{{topic}}",
                        ),
                    ),
                    limit=Limit(1000),
                    alerts=("ConsumerLagHigh",),
                ),
            ),
        ),
        Section(
            "Jobs",
            (
                Panel(
                    "Ready",
                    "1 while the job does its work and its output can be read.",
                    Unit.COUNT,
                    (Query(f"normalizer_job_ready{{{_JOBS}}}", "{{job}}"),),
                    limit=Limit(1, is_floor=True),
                    alerts=("NormalizerNotReady",),
                    width=6,
                ),
                Panel(
                    "Checkpoints",
                    "Completed per second. Readers see what is written with the next one.",
                    Unit.PER_SECOND,
                    (Query(f"sum by (job) (rate(normalizer_job_checkpoints{{{_JOBS}}}[{INTERVAL}]))", "{{job}}"),),
                    width=6,
                ),
                Panel(
                    "Time of a checkpoint",
                    "The newest one of each job, in seconds.",
                    Unit.SECONDS,
                    (Query(f"flink_jobmanager_job_lastCheckpointDuration{{{_FLINK}}} / 1000", "{{job_name}}"),),
                    width=6,
                ),
                Panel(
                    "Restarts, and transactions that are lost",
                    "Of each job since it was submitted. A lost transaction is loss of data behind the raw topic.",
                    Unit.COUNT,
                    (
                        Query(f"flink_jobmanager_job_numRestarts{{{_FLINK}}}", "{{job_name}} restarts"),
                        Query(f"normalizer_job_lost_transactions{{{_JOBS}}}", "{{job}} lost transactions"),
                    ),
                    alerts=("NormalizerRestarts", "TransactionsLost"),
                    width=6,
                ),
            ),
        ),
    ),
)

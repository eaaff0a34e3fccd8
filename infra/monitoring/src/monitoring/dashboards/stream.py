"""The pages of what carries events on: Kafka and the orchestrator."""

from typing import Final

from monitoring.dashboards.model import (
    INTERVAL,
    OF_PROVIDER,
    RAW_TOPICS,
    Dashboard,
    Limit,
    Panel,
    Query,
    Section,
    Shape,
    Unit,
    number,
    quantile,
    quantiles,
    rate,
)
from monitoring.dashboards.overview import limit

KAFKA: Final = Dashboard(
    "kafka",
    "Payments: Kafka",
    "How much is written to each topic, and how far its readers are behind.",
    (
        Section(
            "Topics and their readers",
            (
                number(
                    "Kafka answers",
                    "1 while it answers `payments watch`.",
                    Unit.COUNT,
                    'max(watch_part_up{part="kafka"})',
                    limit=Limit(1, is_floor=True),
                    alerts=("PartDown",),
                ),
                number(
                    "Largest lag",
                    "Of any group in any topic.",
                    Unit.COUNT,
                    "max(sum by (group, topic) (watch_consumer_lag_records))",
                    limit=Limit(1000),
                    alerts=("ConsumerLagHigh",),
                ),
                number(
                    "Written",
                    "Records to all topics that are read here, per second; markers of transactions count.",
                    Unit.PER_SECOND,
                    f"sum(rate(watch_topic_end_offsets[{INTERVAL}]))",
                ),
                number(
                    "Records gone before they were archived",
                    "Gaps since the archiver started.",
                    Unit.COUNT,
                    "sum(archive_gaps_total)",
                    limit=Limit(1),
                    alerts=("ArchiveGap",),
                ),
            ),
        ),
        Section(
            "By topic",
            (
                Panel(
                    "Written by topic",
                    "Records per second. In normalized and dead-letter topics each transaction adds a marker.",
                    Unit.PER_SECOND,
                    (
                        Query(
                            f"sum by (topic) (rate(watch_topic_end_offsets{{{RAW_TOPICS}}}[{INTERVAL}]))"
                            f' or sum by (topic) (rate(watch_topic_end_offsets{{topic!~".*[.]raw"}}[{INTERVAL}]))',
                            "{{topic}}",
                        ),
                    ),
                ),
                Panel(
                    "Lag by group and topic",
                    "From offsets that groups have committed, so one that does not run is seen, too.",
                    Unit.COUNT,
                    (Query("sum by (group, topic) (watch_consumer_lag_records)", "{{group}}: {{topic}}"),),
                    limit=Limit(1000),
                    alerts=("ConsumerLagHigh",),
                ),
                Panel(
                    "Archived by topic",
                    "Records per second that the archiver commits.",
                    Unit.PER_SECOND,
                    (rate("archive_rows_total", "{{topic}}", "topic"),),
                ),
                Panel(
                    "Written by the gateways",
                    "Accepted webhooks per second: each is a record of its provider's raw topic.",
                    Unit.PER_SECOND,
                    (rate("gateway_webhooks_total", "{{provider}}", "provider", f'{OF_PROVIDER}, outcome="accepted"'),),
                ),
                Panel(
                    "Time of the gateways' producers, p99",
                    "Until every in-sync replica has the record, from the request's head.",
                    Unit.SECONDS,
                    (quantile(0.99, "gateway_acknowledgement_seconds", "{{provider}}", "provider", OF_PROVIDER),),
                    limit=limit("acknowledgement"),
                ),
                Panel(
                    "Lag of the archiver",
                    "Records that it has not read yet, as it sees it itself.",
                    Unit.COUNT,
                    (Query("sum by (topic) (archive_consumer_lag_records)", "{{topic}}"),),
                ),
            ),
        ),
    ),
)

ORCHESTRATOR: Final = Dashboard(
    "orchestrator",
    "Payments: orchestrator",
    "One durable workflow for each event: rules, scores, advice, the row.",
    (
        Section(
            "Workflows",
            (
                Panel(
                    "Started, by Temporal's answer",
                    "Per second. `was_there` are events that came again, `accepted_again` workflows that had "
                    "ended without a row.",
                    Unit.PER_SECOND,
                    (rate("orchestrator_workflow_starts_total", "{{answer}}", "answer"),),
                    Shape.STACKED,
                ),
                Panel(
                    "Ended",
                    "Per second; a workflow that wrote a dead letter has failed.",
                    Unit.PER_SECOND,
                    (
                        rate("temporal_workflow_completed_total", "completed"),
                        Query(
                            f"sum(rate(temporal_workflow_failed_total[{INTERVAL}])) or vector(0)",
                            "failed",
                        ),
                    ),
                ),
                Panel(
                    "Open",
                    "Workflows that run, by Temporal and by this process. None runs for more than ten minutes "
                    "while all is well.",
                    Unit.COUNT,
                    (
                        Query("sum by (state) (watch_workflows)", "{{state}}"),
                        Query("sum(orchestrator_open_workflows)", "of this process"),
                        Query("sum(orchestrator_open_workflows_allowed)", "allowed in this process"),
                        Query("sum(orchestrator_starts_in_flight)", "being started"),
                    ),
                    alerts=("WorkflowsStuck", "WorkflowsLost"),
                ),
                Panel(
                    "Normalized record to row in Bronze",
                    "The objective: 95 % within 2 s.",
                    Unit.SECONDS,
                    quantiles("orchestrator_normalized_to_bronze_seconds"),
                    limit=limit("workflow_duration"),
                    alerts=("ErrorBudgetBurnsFast", "BronzeStale"),
                ),
                Panel(
                    "Time to start a workflow",
                    "Until its start is durable, retries included.",
                    Unit.SECONDS,
                    quantiles("orchestrator_workflow_start_seconds"),
                ),
                Panel(
                    "Failed tries to start",
                    "Per second; each is tried again for as long as it takes.",
                    Unit.PER_SECOND,
                    (rate("orchestrator_workflow_start_failures_total", "tries"),),
                ),
            ),
        ),
        Section(
            "Models, rules and stores",
            (
                Panel(
                    "Verdicts of the models",
                    "Per second.",
                    Unit.PER_SECOND,
                    (rate("inference_answers_total", "{{model}}: {{verdict}}", "model, verdict"),),
                    Shape.STACKED,
                ),
                Panel(
                    "Time of a verdict, p95",
                    "As the models measure it.",
                    Unit.SECONDS,
                    (quantile(0.95, "inference_seconds", "{{model}}", "model"),),
                ),
                Panel(
                    "Fallbacks and breakers",
                    "Rows per second that carry a fallback, and 1 while a model is not asked.",
                    Unit.COUNT,
                    (
                        rate("orchestrator_fallbacks_total", "{{verdict}} fallbacks", "verdict"),
                        Query("max by (model) (orchestrator_inference_circuit_open)", "{{model}} breaker is open"),
                    ),
                    alerts=("BreakerOpen",),
                ),
                Panel(
                    "Dead letters, by reason",
                    "Within a quarter of an hour: events and records that the orchestrator could not use.",
                    Unit.COUNT,
                    (Query("sum by (reason) (increase(orchestrator_dead_letters_total[15m]))", "{{reason}}"),),
                    Shape.BARS,
                    alerts=("DeadLetters",),
                ),
                Panel(
                    "Rows of the operational database",
                    "Per second; `unchanged` were there before.",
                    Unit.PER_SECOND,
                    (
                        rate("orchestrator_database_rows_total", "{{outcome}}", "outcome"),
                        rate("orchestrator_database_rows_rejected_total", "rejected"),
                    ),
                ),
                Panel(
                    "Records that wait for the orchestrator",
                    "In the normalized topic, behind what it has committed.",
                    Unit.COUNT,
                    (Query('sum by (topic) (watch_consumer_lag_records{group="orchestrator"})', "{{topic}}"),),
                    limit=Limit(1000),
                    alerts=("ConsumerLagHigh",),
                ),
            ),
        ),
    ),
)

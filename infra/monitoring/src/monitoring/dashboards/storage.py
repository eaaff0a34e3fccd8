"""The pages of what keeps events, and of how those that stopped come back: lake, analytics, recovery."""

from typing import Final

from monitoring.dashboards.model import (
    INTERVAL,
    PROVIDER,
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

_CHANGED: Final = "watch_layer_changed_timestamp_seconds"


def _behind(upper: str, lower: str) -> str:
    built, came = (f'max({_CHANGED}{{layer="{layer}"}})' for layer in (upper, lower))
    return f"(time() - {built}) * ({came} > bool {built})"


LAKE: Final = Dashboard(
    "lake",
    "Payments: lake",
    "Commits of the committers to Bronze and to the archive, and the room that is left.",
    (
        Section(
            "Commits",
            (
                Panel(
                    "Time of a commit",
                    "Look-ups, conflicts and outages included.",
                    Unit.SECONDS,
                    quantiles("lake_commit_seconds"),
                ),
                Panel(
                    "Phases of a commit, p95",
                    "Files in memory, objects, the catalog.",
                    Unit.SECONDS,
                    (quantile(0.95, "lake_commit_phase_seconds", "{{phase}}", "phase"),),
                ),
                Panel(
                    "Rows by what became of them",
                    "Per second; `already_there` came again.",
                    Unit.PER_SECOND,
                    (rate("lake_rows_total", "{{table}} {{outcome}}", "table, outcome"),),
                ),
                Panel(
                    "Rows of a commit",
                    "The mean.",
                    Unit.COUNT,
                    (
                        Query(
                            f"sum by (table) (rate(lake_commit_rows_sum[{INTERVAL}]))"
                            f" / sum by (table) (rate(lake_commit_rows_count[{INTERVAL}]))",
                            "{{table}}",
                        ),
                    ),
                ),
                Panel(
                    "Rows that wait",
                    "For a commit, or in one. They stay while the lake is away.",
                    Unit.COUNT,
                    (Query("sum by (table) (lake_waiting_rows)", "{{table}}"),),
                    alerts=("BronzeStale",),
                ),
                Panel(
                    "Conflicts, retries, doubts",
                    "Commits per second that another writer forestalled, steps that are repeated, commits "
                    "without a usable answer.",
                    Unit.PER_SECOND,
                    (
                        rate("lake_commit_conflicts_total", "conflicts"),
                        rate("lake_commit_retries_total", "retries: {{reason}}", "reason"),
                        rate("lake_commit_doubts_total", "doubts: {{fate}}", "fate"),
                    ),
                ),
            ),
        ),
        Section(
            "Tables and room",
            (
                Panel(
                    "Manifests",
                    "In the list of the newest snapshot. Maintenance keeps them few.",
                    Unit.COUNT,
                    (Query("max by (table) (lake_manifests)", "{{table}}"),),
                ),
                Panel(
                    "Look-ups of keys, p95",
                    "Time of looking a group's keys up in the whole table.",
                    Unit.SECONDS,
                    (quantile(0.95, "lake_look_up_seconds", "{{table}}", "table"),),
                ),
                Panel(
                    "Snapshots dropped",
                    "By the committers, for fast commits; per second.",
                    Unit.PER_SECOND,
                    (rate("lake_snapshots_expired_total", "{{table}}", "table"),),
                ),
                Panel(
                    "Archived",
                    "Bytes of Kafka records per second.",
                    Unit.BYTES_PER_SECOND,
                    (rate("archive_bytes_total", "{{table}}", "table"),),
                ),
                Panel(
                    "Age of the oldest record that is not archived yet",
                    "Read, and not committed.",
                    Unit.SECONDS,
                    (Query("max by (table) (archive_waiting_seconds)", "{{table}}"),),
                    alerts=("ArchiveGap",),
                ),
                Panel(
                    "Room that is left",
                    "Share of each file system that is watched.",
                    Unit.SHARE,
                    (Query("watch_disk_free_bytes / watch_disk_size_bytes", "{{mount}}"),),
                    limit=Limit(0.1, is_floor=True),
                    alerts=("DiskLow", "DiskAlmostFull"),
                ),
            ),
        ),
    ),
)

ANALYTICS: Final = Dashboard(
    "analytics",
    "Payments: analytics",
    "Silver and Gold: how far they are behind, and whether all of it balances.",
    (
        Section(
            "Layers",
            (
                number(
                    "Silver behind Bronze",
                    "How long ago Silver got rows, while Bronze has newer ones. Built hourly.",
                    Unit.SECONDS,
                    _behind("silver", "bronze"),
                    limit=Limit(3600),
                    alerts=("SilverStale",),
                ),
                number(
                    "Gold behind Silver",
                    "How long ago Gold got rows, while Silver has newer ones. Built daily.",
                    Unit.SECONDS,
                    _behind("gold", "silver"),
                    limit=Limit(90000),
                    alerts=("GoldStale",),
                ),
                number(
                    "Trino answers",
                    "1 while it answers `payments watch`.",
                    Unit.COUNT,
                    'max(watch_part_up{part="trino"})',
                    limit=Limit(1, is_floor=True),
                    alerts=("PartDown",),
                ),
                number(
                    "Dagster answers",
                    "1 while its web server answers and its daemons are healthy.",
                    Unit.COUNT,
                    'max(watch_part_up{part="dagster"})',
                    limit=Limit(1, is_floor=True),
                    alerts=("PartDown",),
                ),
                number(
                    "Last standing audit",
                    "How long ago it ended. It runs every hour.",
                    Unit.SECONDS,
                    "time() - max(watch_audit_finished_timestamp_seconds)",
                    limit=Limit(7200),
                    alerts=("AuditLate",),
                ),
                number(
                    "Open differences",
                    "That the standing audit follows.",
                    Unit.COUNT,
                    "sum(watch_audit_open_differences)",
                    limit=Limit(1),
                    alerts=("AuditDifferences",),
                ),
            ),
        ),
        Section(
            "Over time",
            (
                Panel(
                    "Age of each layer",
                    "How long ago it got rows.",
                    Unit.SECONDS,
                    (Query(f"time() - max by (layer) ({_CHANGED})", "{{layer}}"),),
                    alerts=("BronzeStale", "SilverStale", "GoldStale"),
                ),
                Panel(
                    "Webhook to Bronze",
                    "The objective: 99 % within 30 s.",
                    Unit.SECONDS,
                    quantiles("orchestrator_webhook_to_bronze_seconds"),
                    limit=limit("freshness"),
                    alerts=("ErrorBudgetBurnsFast",),
                ),
                Panel(
                    "Differences by hop",
                    "What the standing audit has open.",
                    Unit.COUNT,
                    (Query("sum by (hop) (watch_audit_open_differences)", "{{hop}}"),),
                    alerts=("AuditDifferences",),
                ),
            ),
        ),
    ),
)

RECOVERY: Final = Dashboard(
    "recovery",
    "Payments: recovery",
    "Events that stopped, and how they come back; payments that failed, and what is advised.",
    (
        Section(
            "Events",
            (
                Panel(
                    "Stopped, by where",
                    "Within a quarter of an hour: refused by gateways as malformed, quarantined by normalizers, "
                    "dead-lettered by the orchestrator.",
                    Unit.COUNT,
                    (
                        Query(
                            f'sum(increase(gateway_webhooks_total{{outcome="malformed", provider=~"{PROVIDER}"}}'
                            "[15m]))",
                            "malformed",
                        ),
                        Query(
                            f'sum(increase(normalizer_rejected_total{{job=~"normalizer-{PROVIDER}"}}[15m]))',
                            "quarantined",
                        ),
                        Query("sum(increase(orchestrator_dead_letters_total[15m]))", "dead-lettered"),
                    ),
                    Shape.BARS,
                    alerts=("QuarantineRateHigh", "DeadLetters"),
                ),
                Panel(
                    "Came again",
                    "Within a quarter of an hour: workflows that had ended without a row and began anew, and "
                    "events that were known.",
                    Unit.COUNT,
                    (
                        Query(
                            'sum by (answer) (increase(orchestrator_workflow_starts_total{answer!="accepted"}[15m]))',
                            "{{answer}}",
                        ),
                    ),
                    Shape.BARS,
                ),
                Panel(
                    "Workflows without a row",
                    "That run for more than ten minutes, and that ended without success within the hour.",
                    Unit.COUNT,
                    (Query('sum by (state) (watch_workflows{state=~"stuck|lost"})', "{{state}}"),),
                    limit=Limit(1),
                    alerts=("WorkflowsStuck", "WorkflowsLost"),
                ),
            ),
        ),
        Section(
            "Payments",
            (
                Panel(
                    "Advice on failed payments",
                    "Within an hour, by what the model advises.",
                    Unit.COUNT,
                    (Query('sum by (verdict) (increase(inference_answers_total{model="retry"}[1h]))', "{{verdict}}"),),
                    Shape.BARS,
                ),
                Panel(
                    "Failed attempts, by who counts them",
                    "Within an hour. Of those that nobody can count each is advised on as if it were the first.",
                    Unit.COUNT,
                    (Query("sum by (source) (increase(orchestrator_attempts_total[1h]))", "{{source}}"),),
                    Shape.BARS,
                    alerts=("AttemptsWithoutSource",),
                ),
                Panel(
                    "Codes that no table lists",
                    "Failures within an hour, by provider: such payments are not retried.",
                    Unit.COUNT,
                    (
                        Query(
                            "sum by (provider)"
                            f' (increase(orchestrator_unknown_failure_total{{provider=~"{PROVIDER}"}}[1h]))',
                            "{{provider}}",
                        ),
                    ),
                    Shape.BARS,
                ),
            ),
        ),
    ),
)

"""The first page: are we fine, and if not, at which hop."""

from typing import Final

from monitoring import burning
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
    rate,
)
from monitoring.jobs import JOBS
from monitoring.slos import SLOS

_BUDGETS: Final = ("ErrorBudgetBurnsFast", "ErrorBudgetBurnsSlowly")
# The first payment in a currency begins its series, and had no series to grow from a minute ago.
_MONEY: Final = f'orchestrator_money_received_total{{provider=~"{PROVIDER}"}}'
_MINE: Final = f'job=~"normalizer-{PROVIDER}"'


def limit(slo: str) -> Limit:
    """Return the bound in seconds of an objective about time.

    Raises:
        LookupError: There is none of this name with a bound.
    """
    for each in SLOS:
        if each.name == slo and each.bound is not None:
            return Limit(each.bound)
    raise LookupError(slo)


_NOW: Final = Section(
    "Now",
    (
        number(
            "Alerts that fire",
            "Of any severity. Which they are is in Prometheus and in the Alertmanager.",
            Unit.COUNT,
            'count(ALERTS{alertstate="firing"}) or vector(0)',
            limit=Limit(1),
        ),
        number(
            "Webhooks accepted",
            "Acknowledged by Kafka, per second, of the chosen providers.",
            Unit.PER_SECOND,
            f'sum(rate(gateway_webhooks_total{{provider=~"{PROVIDER}", outcome="accepted"}}[{INTERVAL}]))',
        ),
        number(
            "Pass rate",
            "Share of the events with a mapping that passed validation within five minutes. The objective is 99 %.",
            Unit.SHARE,
            f'1 - {burning.RATIO}:5m{{slo="validation"}}',
            limit=Limit(0.99, is_floor=True),
            alerts=("QuarantineRateHigh",),
        ),
        number(
            "Workflows with success",
            "Share of the workflows that ended within five minutes. The objective is 99.5 %.",
            Unit.SHARE,
            f'1 - {burning.RATIO}:5m{{slo="workflow_success"}}',
            limit=Limit(0.995, is_floor=True),
            alerts=("WorkflowsLost", "DeadLetters"),
        ),
        number(
            "Webhook to Bronze, p95",
            "Rows of the last five minutes; the objective is that 99 % are there within 30 s.",
            Unit.SECONDS,
            "histogram_quantile(0.95, sum by (le) (rate(orchestrator_webhook_to_bronze_seconds_bucket[5m])))",
            limit=limit("freshness"),
            alerts=("BronzeStale",),
        ),
        number(
            "Open differences of the audit",
            "Events that one place has and the next has not.",
            Unit.COUNT,
            "sum(watch_audit_open_differences)",
            limit=Limit(1),
            alerts=("AuditDifferences",),
        ),
    ),
)

_WAY: Final = Section(
    "The way of an event",
    (
        Panel(
            "Latency by hop, p95",
            "Webhook to Kafka's acknowledgement; webhook to normalized record; from there to the row in Bronze; "
            "the whole way.",
            Unit.SECONDS,
            (
                quantile(0.95, "gateway_acknowledgement_seconds", "to Kafka", where=f'provider=~"{PROVIDER}"'),
                quantile(0.95, "orchestrator_webhook_to_normalized_seconds", "to normalized"),
                quantile(0.95, "orchestrator_normalized_to_bronze_seconds", "normalized to Bronze"),
                quantile(0.95, "orchestrator_webhook_to_bronze_seconds", "to Bronze"),
            ),
            alerts=_BUDGETS,
            width=12,
        ),
        Panel(
            "Events by hop",
            "Per second. Lines that part show where events wait, or end: unmapped types and quarantined events "
            "go no further.",
            Unit.PER_SECOND,
            (
                rate("gateway_webhooks_total", "accepted", where=f'provider=~"{PROVIDER}", outcome="accepted"'),
                rate("normalizer_normalized_total", "normalized", where=_MINE),
                rate("orchestrator_workflow_starts_total", "workflows started", where='answer!="was_there"'),
                rate("orchestrator_webhook_to_bronze_seconds_count", "rows in Bronze"),
            ),
            width=12,
        ),
        Panel(
            "Freshness",
            "How long ago each layer of the lake got rows. Silver is built hourly, Gold daily.",
            Unit.SECONDS,
            (Query("time() - max by (layer) (watch_layer_changed_timestamp_seconds)", "{{layer}}"),),
            alerts=("BronzeStale", "SilverStale", "GoldStale"),
        ),
        Panel(
            "Pass rate by provider",
            "Share of the events with a mapping that passed validation.",
            Unit.SHARE,
            (
                Query(
                    f"sum by (job) (rate(normalizer_normalized_total{{{_MINE}}}[{INTERVAL}])) / sum by (job)"
                    f" (rate(normalizer_normalized_total{{{_MINE}}}[{INTERVAL}])"
                    f" + rate(normalizer_rejected_total{{{_MINE}}}[{INTERVAL}]))",
                    "{{job}}",
                ),
            ),
            limit=Limit(0.99, is_floor=True),
            alerts=("QuarantineRateHigh",),
        ),
        Panel(
            "Money per minute",
            "Of succeeded live payments, in each currency's own unit, as events tell it on their way to Bronze. "
            "What came in is in Gold, where each payment counts once.",
            Unit.COUNT,
            (
                Query(
                    f"sum by (currency) (({_MONEY} unless {_MONEY} offset 1m) or increase({_MONEY}[1m]))",
                    "{{currency}}",
                ),
            ),
            shape=Shape.LINES,
        ),
    ),
)

_PROMISES: Final = Section(
    "What is promised",
    (
        Panel(
            "Events that miss their objective",
            "Share within five minutes. The budgets are 0.5 % of workflows, 5 % of the ways to Bronze within 2 "
            "s, 1 % of all else.",
            Unit.SHARE,
            (Query(f"{burning.RATIO}:5m", "{{slo}}"),),
            alerts=_BUDGETS,
        ),
        Panel(
            "Pace of the error budgets",
            "Over an hour: at 1 the budget of 30 days lasts 30 days, at 14.4 two of them. From there on somebody "
            "is called.",
            Unit.COUNT,
            (Query(f"{burning.RATIO}:1h / on (slo) {burning.BUDGET}", "{{slo}}"),),
            limit=Limit(burning.FAST[0].factor),
            alerts=_BUDGETS,
        ),
        Panel(
            "What answers",
            "1 while a server answers those who ask as its clients do, while a program shows its metrics, and while "
            "each that there was within the day is there.",
            Unit.COUNT,
            (
                Query("watch_part_up", "{{part}}"),
                Query(f'min(up{{job=~"{JOBS}"}})', "every program"),
                Query(
                    f'count(count by (job) (up{{job=~"{JOBS}"}}))'
                    f' / count(count by (job) (present_over_time(up{{job=~"{JOBS}"}}[1d])))',
                    "programs that there are",
                ),
            ),
            limit=Limit(1, is_floor=True),
            alerts=("PartDown", "TargetDown", "TargetAbsent", "PartsUnwatched"),
        ),
    ),
)

OVERVIEW: Final = Dashboard(
    "overview",
    "Payments: overview",
    "Are we fine? Latency by hop, freshness, pass rate, money per minute.",
    (_NOW, _WAY, _PROMISES),
)

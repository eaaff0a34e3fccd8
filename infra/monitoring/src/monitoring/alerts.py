"""Every alert, in the order of the path; docs/runbooks.md has a section for each."""

from typing import Final

from monitoring import burning
from monitoring.alert import Alert, Severity, grown, last
from monitoring.jobs import EVERYWHERE, JOBS

_PAGE, _TICKET = Severity.PAGE, Severity.TICKET
_BRONZE, _SILVER, _GOLD = (
    f'watch_layer_changed_timestamp_seconds{{layer="{layer}"}}' for layer in ("bronze", "silver", "gold")
)
_STUCK = 'watch_workflows{state="stuck"}'
_FREE = (
    "(watch_disk_free_bytes / watch_disk_size_bytes < {0}\n"
    "or kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < {0})"
)


def _refused(window: str, share: str, count: str) -> str:
    refused = f'sum by (provider) (increase(gateway_webhooks_total{{outcome=~"forged|refused|malformed"}}[{window}]))'
    return f"{refused} / sum by (provider) (increase(gateway_webhooks_total[{window}])) {share}\nand {refused} {count}"


def _behind(upper: str, lower: str, seconds: int) -> str:
    """Return PromQL that has a value where a layer lacks rows of the one below it and was not built for so long.

    Not how far the two are apart: that stays as it is where nothing comes and no build succeeds.
    """
    return f"time() - max({last(upper)}) > {seconds} and max({last(lower)}) > max({last(upper)})"


ALERTS: Final = (
    Alert(
        "ErrorBudgetBurnsFast",
        _PAGE,
        burning.too_fast(burning.FAST),
        "2m",
        "{{ $labels.slo }}: {{ $value | humanizePercentage }} of events miss their objective",
        "At this pace 2 % of the error budget of 30 days is gone in an hour, or 5 % in six hours.",
    ),
    Alert(
        "ErrorBudgetBurnsSlowly",
        _TICKET,
        burning.too_fast(burning.SLOW),
        "1h",
        "{{ $labels.slo }}: {{ $value | humanizePercentage }} of events miss their objective, for hours",
        "At this pace 10 % of the error budget of 30 days is gone in a day, or in three.",
    ),
    Alert(
        "TargetDown",
        _PAGE,
        f'up{{job=~"{JOBS}"}} == 0',
        "2m",
        "{{ $labels.job }} does not show its metrics",
        "The program does not run, or hangs. Webhooks that were acknowledged are in Kafka, whatever else is down.",
    ),
    Alert(
        "TargetAbsent",
        _PAGE,
        # By job alone: one that was there and is the only one of its kind is told by both, and twice is refused.
        "max by (job) (\n"
        f'  count by (job) (present_over_time(up{{job=~"{JOBS}"}}[1d])) unless count by (job) (up{{job=~"{JOBS}"}})'
        + "".join(f'\n  or label_replace(absent(up{{job=~"{each}"}}), "job", "{each}", "", "")' for each in EVERYWHERE)
        + "\n)",
        "5m",
        "there is no {{ $labels.job }} to read metrics of",
        "Nothing of that name runs, not even badly. Webhooks that were acknowledged are in Kafka.",
    ),
    Alert(
        "PartDown",
        _PAGE,
        "watch_part_up == 0",
        "2m",
        "{{ $labels.part }} does not answer",
        "A server that has no metrics of its own does not answer those who ask as its clients do.",
    ),
    Alert(
        "PartsUnwatched",
        _TICKET,
        "absent(watch_part_up)",
        "5m",
        "nothing watches lag, freshness, audit, workflows and disks",
        "`payments watch` does not run: alerts that rest on it cannot fire.",
    ),
    Alert(
        "WebhooksMostlyRefused",
        _PAGE,
        # For longer than the window, so that a burst of less than five minutes, as of a scanner, calls nobody.
        _refused("10m", "> 0.5", "> 20"),
        "15m",
        "{{ $labels.provider }}: {{ $value | humanizePercentage }} of webhooks are turned away",
        "A secret, a clock or what the provider sends has changed. It sends again for hours or days, and then no more.",
    ),
    Alert(
        "WebhooksRefused",
        _TICKET,
        # So few, for a provider that sends little: each webhook that it is refused it sends several times within hours.
        _refused("6h", "> 0.1", ">= 3"),
        "5m",
        "{{ $labels.provider }}: {{ $value | humanizePercentage }} of webhooks were turned away, for hours",
        "One of several secrets is wrong, a provider with little traffic is turned away, or somebody tries the door.",
    ),
    Alert(
        "NormalizerNotReady",
        _PAGE,
        "normalizer_job_ready == 0",
        "2m",
        "{{ $labels.job }} has no Flink job that does its work",
        "Events of this provider stay in the raw topic until it does.",
    ),
    Alert(
        "NormalizerRestarts",
        _TICKET,
        "max_over_time(flink_jobmanager_job_numRestarts[30m])"
        " - min_over_time(flink_jobmanager_job_numRestarts[30m]) >= 3",
        "0m",
        "the Flink job {{ $labels.job_name }} was started anew {{ $value }} times in half an hour",
        "Each restart delays the provider's events; nothing is lost or repeated.",
    ),
    Alert(
        "TransactionsLost",
        _PAGE,
        "max_over_time(normalizer_job_lost_transactions[1d]) > 0",
        "0m",
        "{{ $labels.job }} could not commit {{ $value }} transactions: normalized events are lost to readers",
        "Data loss behind the raw topic. The raw events are still there.",
    ),
    Alert(
        "QuarantineRateHigh",
        _PAGE,
        "sum by (job) (increase(normalizer_rejected_total[15m])) / sum by (job)"
        " (increase(normalizer_rejected_total[15m]) + increase(normalizer_normalized_total[15m])) > 0.05\n"
        "and sum by (job) (increase(normalizer_rejected_total[15m])) > 20",
        "5m",
        "{{ $labels.job }} quarantines {{ $value | humanizePercentage }} of its events",
        "A provider has changed what it sends, or a contract is wrong. Quarantined events come back by a redrive.",
    ),
    Alert(
        "ConsumerLagHigh",
        _PAGE,
        f"max by (group, topic) ({last('watch_consumer_lag_records')}) > 1000",
        "10m",
        "{{ $labels.group }} is {{ $value }} records behind in {{ $labels.topic }}",
        "The reader stands still, or is slower than what comes. The records are safe within the topic's retention.",
    ),
    Alert(
        "BronzeStale",
        _PAGE,
        "sum(increase(normalizer_normalized_total[10m])) > 0\n"
        "unless sum(increase(orchestrator_normalized_to_bronze_seconds_count[10m])) > 0",
        "2m",
        "events are normalized, and no row comes into Bronze",
        "Events wait in Kafka or in their workflows; nothing is lost.",
    ),
    Alert(
        "WorkflowsStuck",
        _PAGE,
        f"max({last(_STUCK)}) > 0",
        "5m",
        "{{ $value }} workflows have run for more than ten minutes",
        "A workflow takes a second. One that waits is tried again for as long as it takes.",
    ),
    Alert(
        "WorkflowsLost",
        _TICKET,
        'sum(watch_workflows{state="lost"}) > 0',
        "0m",
        "{{ $value }} workflows ended without success within the last hour",
        "Their events have a dead letter, or were ended by hand or by a time-out and have neither letter nor row.",
    ),
    Alert(
        "DeadLetters",
        _TICKET,
        f"sum by (reason) {grown('orchestrator_dead_letters_total', '15m')}",
        "0m",
        "the orchestrator dead-letters events: {{ $labels.reason }}",
        "An event that was normalized could not be used behind that. It is kept, and can be sent again.",
    ),
    Alert(
        "BreakerOpen",
        _TICKET,
        # It lets a request through now and then, to see whether the model is back.
        "max by (model) (max_over_time(orchestrator_inference_circuit_open[2m])) == 1",
        "3m",
        "the model {{ $labels.model }} is not asked: it failed too often",
        "Rows carry fallbacks meanwhile and are marked as such.",
    ),
    Alert(
        "AttemptsWithoutSource",
        _TICKET,
        'sum(increase(orchestrator_attempts_total{source="nobody"}[1h]))'
        " / sum(increase(orchestrator_attempts_total[1h])) > 0.5\n"
        "and sum(increase(orchestrator_attempts_total[1h])) >= 20",
        "10m",
        "nobody can count the attempts of {{ $value | humanizePercentage }} of failed payments",
        "Retry advice for them is one retry after three days, whatever was tried before.",
    ),
    Alert(
        "ArchiveGap",
        _PAGE,
        f"sum by (topic, kind) {grown('archive_gaps_total', '1h')}",
        "0m",
        "records of {{ $labels.topic }} were gone before the archive had read them ({{ $labels.kind }})",
        "Their bytes are lost to the archive; the events themselves went on.",
    ),
    Alert(
        "SilverStale",
        _TICKET,
        f"{_behind(_SILVER, _BRONZE, 3600)}\nor max({last(_BRONZE)}) unless max({last(_SILVER)})",
        "65m",
        "Silver lacks rows of Bronze and was not built for more than an hour; a build was due and has not mended it",
        "Reports and Gold are as old as that.",
    ),
    Alert(
        "GoldStale",
        _TICKET,
        # Of a Gold that was never built nothing is told: Silver has to be there now, and a day and an hour ago.
        f"{_behind(_GOLD, _SILVER, 90000)}\n"
        f"or max({last(_SILVER, ' offset 25h')}) and max({last(_SILVER)}) unless max({last(_GOLD)})",
        "30m",
        "Gold lacks rows of Silver and was not built for more than 25 hours; a daily build was due",
        "The metrics of yesterday are missing.",
    ),
    Alert(
        "AuditDifferences",
        _PAGE,
        "sum by (hop) (watch_audit_open_differences) > 0",
        "0m",
        "{{ $value }} events are missing or differ at the hop {{ $labels.hop }}",
        "The standing audit found what one place has and the next has not.",
    ),
    Alert(
        "AuditLate",
        _TICKET,
        # Where none has ever ended there is no series; somebody has to have looked for it for as long.
        f"time() - max({last('watch_audit_finished_timestamp_seconds')}) > 7200\n"
        "or absent_over_time(watch_audit_finished_timestamp_seconds[2h])"
        " and on () count(watch_part_up offset 2h)",
        "15m",
        "no standing audit has ended for more than two hours",
        "Nobody looks whether something is missing.",
    ),
    Alert(
        "DiskLow",
        _TICKET,
        _FREE.format("0.1"),
        "10m",
        "{{ $labels.mount }}{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} left",
        "A file system fills up.",
    ),
    Alert(
        "DiskAlmostFull",
        _PAGE,
        _FREE.format("0.03"),
        "2m",
        "{{ $labels.mount }}{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} left",
        "Servers stop where they cannot write; gateways answer 503 then, and providers send again.",
    ),
)

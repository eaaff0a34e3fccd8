"""The series of other programs that rules and dashboards read."""

from typing import Final

from monitoring.metric import Foreign

_SDK = "Temporal's SDK, shown by the orchestrator at TEMPORAL_METRICS_PORT"
_KUBELET = "Kubernetes' kubelet; absent elsewhere"

FOREIGN: Final = (
    Foreign("Prometheus", "up", ("job", "instance"), "1 while a target could be scraped, else 0."),
    Foreign("Prometheus", "ALERTS", ("alertname", "alertstate", "severity"), "1 for each alert that waits or fires."),
    Foreign(_SDK, "temporal_workflow_completed_total", (), "Workflows that ended with success."),
    Foreign(_SDK, "temporal_workflow_failed_total", (), "Workflows that failed; one that wrote a dead letter did."),
    Foreign(
        "Flink's job manager, by its Prometheus reporter",
        "flink_jobmanager_job_numRestarts",
        ("job_name",),
        "How often a job was started anew since it was submitted.",
    ),
    Foreign(
        "Flink's job manager, by its Prometheus reporter",
        "flink_jobmanager_job_lastCheckpointDuration",
        ("job_name",),
        "How long the newest checkpoint took, in milliseconds.",
    ),
    Foreign(_KUBELET, "kubelet_volume_stats_available_bytes", ("persistentvolumeclaim",), "Room left on a volume."),
    Foreign(_KUBELET, "kubelet_volume_stats_capacity_bytes", ("persistentvolumeclaim",), "Size of a volume."),
)

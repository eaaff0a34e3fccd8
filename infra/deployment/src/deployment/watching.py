"""Prometheus, Alertmanager and Grafana, with the rules and dashboards of infra/monitoring."""

from stack.gateways import Gateway
from stack.ports import Ports
from stack.servers import prometheus

from deployment.engines import FLINK_METRICS, TEMPORAL_METRICS
from deployment.programs import HTTP, METRICS, SDK_METRICS
from deployment.service import FULL, Definition, after, mounted, published, secret, server
from deployment.versions import Images

GRAFANA_PORT = 13030
_RULES = "/etc/prometheus/rules"


def services(images: Images, ports: Ports) -> dict[str, Definition]:
    """Return what watches the others; none of it is needed by them."""
    return {
        "prometheus": server(
            images.prometheus,
            profiles=[FULL],
            command=[
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.tsdb.path=/prometheus",
                f"--storage.tsdb.retention.time={prometheus.RETENTION}",
            ],
            volumes=["prometheus:/prometheus", f"./monitoring/rules:{_RULES}:ro"],
            configs=mounted(prometheus="/etc/prometheus/prometheus.yml"),
            ports=published(to_9090=ports.prometheus),
        ),
        "alertmanager": server(
            images.alertmanager,
            profiles=[FULL],
            command=["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"],
            volumes=[
                "alertmanager:/alertmanager",
                # Who is called is for an installation to say, and its file may hold a secret.
                "${ALERTMANAGER_CONFIG:-./monitoring/alertmanager.yaml}:/etc/alertmanager/alertmanager.yml:ro",
            ],
            ports=published(to_9093=ports.alertmanager),
        ),
        "grafana": server(
            images.grafana,
            profiles=[FULL],
            environment={
                "GF_ANALYTICS_REPORTING_ENABLED": "false",
                "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
                "GF_SECURITY_ADMIN_PASSWORD": secret("GRAFANA_PASSWORD"),
                "PROMETHEUS_URL": "http://prometheus:9090",
            },
            needs={"prometheus": {"condition": "service_started"}} | after(),
            volumes=[
                "grafana:/var/lib/grafana",
                "./monitoring/grafana/provisioning:/etc/grafana/provisioning:ro",
                "./monitoring/dashboards:/etc/payments/dashboards:ro",
            ],
            ports=published(to_3000=GRAFANA_PORT),
        ),
    }


def configs(gateways: tuple[Gateway, ...]) -> dict[str, str]:
    """Return the configuration of Prometheus, whose jobs have the names that rules know."""
    ours = {
        **{each.name: HTTP for each in gateways},
        **{each.normalizer: METRICS for each in gateways},
        "inference": HTTP,
        "archiver": METRICS,
        "watch": METRICS,
        "console": HTTP,
        "orchestrator": METRICS,
        "flink-jobmanager": FLINK_METRICS,
        "flink-taskmanager": FLINK_METRICS,
        "temporal": TEMPORAL_METRICS,
        "prometheus": 9090,
        "alertmanager": 9093,
    }
    jobs = {name: (f"{name}:{port}", "/metrics") for name, port in ours.items()} | {
        "orchestrator-temporal": (f"orchestrator:{SDK_METRICS}", "/metrics"),
        "object-store": ("minio:9000", "/minio/v2/metrics/cluster"),
        "registry": ("registry:9000", "/metrics"),
    }
    return {"prometheus": prometheus.document(jobs, f"{_RULES}/*.yaml", "alertmanager:9093")}

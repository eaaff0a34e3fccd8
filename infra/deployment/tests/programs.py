"""The settings that each pod of the chart reads when it starts."""

from analytics.settings import AnalyticsSettings
from archiver.settings import Settings as ArchiverSettings
from gateway.settings import GatewaySettings
from inference.settings import Settings as InferenceSettings
from kit.settings import EnvironmentSettings, LakeSettings
from normalizer.settings import NormalizerSettings
from operations.settings import DatabaseSettings, OperationsSettings, RecoverySettings
from operations.watch.command import PartsSettings
from orchestrator.settings import CommitterSettings, ConsumerSettings, ProgramSettings, WorkerSettings

STEPS = (OperationsSettings, DatabaseSettings, LakeSettings)
SETTINGS: dict[str, tuple[type[EnvironmentSettings], ...]] = {
    "payments-gateway-stripe": (GatewaySettings,),
    "payments-gateway-square": (GatewaySettings,),
    "payments-normalizer-stripe": (NormalizerSettings,),
    "payments-normalizer-square": (NormalizerSettings,),
    "payments-orchestrator-consumer": (ProgramSettings, ConsumerSettings),
    "payments-orchestrator-worker": (ProgramSettings, WorkerSettings),
    "payments-orchestrator-committer": (ProgramSettings, CommitterSettings),
    "payments-inference": (InferenceSettings,),
    "payments-archiver": (ArchiverSettings,),
    "payments-watch": (OperationsSettings, RecoverySettings),
    "payments-dagster": (AnalyticsSettings, PartsSettings, DatabaseSettings),
    "payments-deploy-schemas": STEPS,
    "payments-deploy-tables": STEPS,
    "payments-deploy-database": STEPS,
}
# Of the images, see infra/images/Dockerfile.
IN_IMAGES = {"HTTP_PORT": "8080", "METRICS_PORT": "9100", "FLINK_HOME": "/opt/flink", "NORMALIZER_SQL_DIR": "/opt/sql"}

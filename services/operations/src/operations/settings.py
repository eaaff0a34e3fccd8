"""Where the `payments` command finds the servers."""

from kit.settings import KafkaSettings, LakeSettings, RegistrySettings


class OperationsSettings(KafkaSettings, RegistrySettings, LakeSettings):
    """Addresses of the servers; `trino_catalog` is the catalog that holds the layers."""

    trino_host: str
    trino_port: int
    trino_user: str
    trino_catalog: str = "lake"
    dagster_url: str
    replication_factor: int = 1

"""Settings that several services read from the environment. A service combines those it needs:

class Settings(KafkaSettings, RegistrySettings, LogSettings): ...
settings = load(Settings)     # in __main__ only
"""  # noqa: D415  # ends with an example

from kit.settings.environment import EnvironmentSettings, load
from kit.settings.kafka import KafkaSecuritySettings, KafkaSettings
from kit.settings.lake import LakeSettings
from kit.settings.process import HttpSettings, LogSettings, MetricsSettings, PoisonSettings, Port
from kit.settings.registry import RegistrySettings
from kit.settings.temporal import TemporalSecuritySettings
from kit.settings.trino import TrinoSettings

__all__ = [
    "EnvironmentSettings",
    "HttpSettings",
    "KafkaSecuritySettings",
    "KafkaSettings",
    "LakeSettings",
    "LogSettings",
    "MetricsSettings",
    "PoisonSettings",
    "Port",
    "RegistrySettings",
    "TemporalSecuritySettings",
    "TrinoSettings",
    "load",
]

"""The Dagster code location. Dagster loads this module, so it is here that settings are made."""

from analytics.location import build
from analytics.settings import AnalyticsSettings

defs = build(AnalyticsSettings())

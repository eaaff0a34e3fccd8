"""The Dagster code location. Dagster loads this module, so it is here that settings are made."""

import sys

import structlog

from analytics.location import build
from analytics.settings import AnalyticsSettings

# The standard library's loggers are Dagster's own; what the sensors tell of alerts is a line of JSON beside them.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.PrintLoggerFactory(sys.stderr),
)

defs = build(AnalyticsSettings())

"""What the code location can fail with."""

from kit.errors import Fault


class AnalyticsError(Fault):
    """Silver and Gold cannot be built; the message says why and what to do."""


class NotPreparedError(AnalyticsError):
    """The dbt project was not parsed yet, so there is no manifest to read the assets from."""

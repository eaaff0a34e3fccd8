"""Prepares the dbt project: `python -m analytics`. Part of the set-up; Dagster reads the manifest that this writes."""

import sys

from kit.settings import load

from analytics.errors import AnalyticsError
from analytics.project import find_project, prepare
from analytics.settings import AnalyticsSettings


def main() -> int:
    """Install the dbt packages and parse the project; 1 if dbt refuses it."""
    try:
        manifest = prepare(find_project(load(AnalyticsSettings)))
    except AnalyticsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"dbt manifest: {manifest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

import os
import shutil
import subprocess
import sys
import warnings

import pytest

with warnings.catch_warnings():
    # dagster-dbt pulls in sqlglotrs, which warns once, on import, that it has a successor.
    warnings.simplefilter("ignore", DeprecationWarning)
    import dagster_dbt  # noqa: F401  # imported for the warning

from analytics.project import find_project
from analytics.settings import AnalyticsSettings
from dagster_dbt import DbtProject


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """The dbt project, prepared by the set-up's own command, in a copy: the working tree's manifest may be in use."""
    source, root = AnalyticsSettings().dbt_project_dir, tmp_path_factory.mktemp("repository")
    shutil.copytree(source, root / "dbt", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    shutil.copytree(source.parent / "generated" / "dbt", root / "generated" / "dbt")
    environment = {**os.environ, "DBT_PROJECT_DIR": str(root / "dbt")}
    subprocess.run([sys.executable, "-m", "analytics"], check=True, env=environment, timeout=120)
    return find_project(AnalyticsSettings(dbt_project_dir=root / "dbt"))

"""The composition root: what the code location has."""

from functools import partial

from dagster import Definitions, in_process_executor
from payments_contracts.maintenance import MAINTAINED

from analytics.alerts import Alerts
from analytics.audit import build_audit_check
from analytics.bronze import Sight, catalog, open_catalog
from analytics.copies import build_copies
from analytics.days import build_days_job
from analytics.freshness import build_freshness_check, build_pace_check
from analytics.lineage import build_lineage_sensor, open_endpoint
from analytics.maintenance.jobs import build_maintenance_jobs, open_lake
from analytics.models import build_models, describe_sources, find_whole_tests
from analytics.program import open_dbt
from analytics.project import find_project, read_manifest
from analytics.schedules import build_jobs, build_schedules
from analytics.sensors import build_sensors
from analytics.settings import AnalyticsSettings
from analytics.stream import Stream
from analytics.topics import describe_topics
from analytics.translator import LayerTranslator


def build(settings: AnalyticsSettings) -> Definitions:
    """Assets, checks, jobs and schedules of the lake's upper layers, and the maintenance of all its tables.

    Raises:
        AnalyticsError: the dbt project is not there, or not prepared.
    """
    project = find_project(settings)
    manifest = read_manifest(project)
    translator = LayerTranslator()
    copies = build_copies(settings.postgres_dsn)
    sources = describe_sources(manifest, project, translator, copies.keys)
    open_stream = partial(Stream, settings.kafka) if settings.kafka_bootstrap_servers else None
    sight = Sight(open_catalog, open_stream, settings.consumer_group)
    ages = [build_freshness_check(manifest, translator), build_pace_check(sight)]
    audit = build_audit_check(settings.audit_command)
    models = build_models(manifest, project, translator, sight)
    whole = find_whole_tests(manifest, models)
    jobs, schedules = build_maintenance_jobs(MAINTAINED, settings)
    sensors = build_sensors(Alerts(settings.alertmanager_url, settings.dagster_url), sight, settings)
    if settings.openlineage_url is not None:
        sensors.append(build_lineage_sensor(settings, open_endpoint(settings.openlineage_url)))
    dbt = open_dbt(project)
    days = build_days_job(manifest, translator, sight, dbt)
    return Definitions(
        assets=[*describe_topics(), *sources, copies, models],
        asset_checks=[*ages, audit],
        jobs=[*build_jobs([source.key for source in sources], copies, whole, ages, audit), days, *jobs],
        schedules=[*build_schedules(), *schedules],
        sensors=sensors,
        resources={"dbt": dbt, "catalog": catalog, "trino": open_lake(settings)},
        # One dbt process does the work of a run: a process around it would only cost time.
        executor=in_process_executor,
    )

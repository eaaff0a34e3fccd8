"""Values for the charts of others: Trino, Temporal and Polaris with the settings of the local stack."""

from pathlib import Path
from typing import Any

import yaml
from stack.context import TEMPORAL_NAMESPACE
from stack.servers import temporal, trino

from deployment.engines import RETENTION_HOURS, lake
from deployment.stores import REALM
from deployment.versions import Images, images

_HEADER = """\
# Values for the chart {chart}: written by `.venv/bin/python -m deployment`, do not edit; put what is
# yours (addresses, sizes) into a file of your own, after this one. Secrets are named, and made by you.
"""


def files(repository: Path) -> dict[Path, str]:
    """Return the files of values, by path.

    Raises:
        StackError: The generated list of topics is absent.
    """
    folder = repository / "infra" / "helm" / "values"
    versions = images(repository)
    limits = yaml.safe_load(temporal.limits(repository))
    made = {
        "trino": ("trino/trino", _trino(_tag(versions.trino))),
        "temporal": ("temporal/temporal", _temporal(versions, limits)),
        "polaris": ("polaris/polaris", _polaris(_tag(versions.polaris))),
    }
    return {
        folder / f"{name}.yaml": _HEADER.format(chart=chart) + yaml.safe_dump(values, sort_keys=False, width=120)
        for name, (chart, values) in made.items()
    }


def _tag(image: str) -> str:
    return image.rpartition(":")[2]


def _from_secret(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _trino(tag: str) -> dict[str, Any]:
    return {
        "image": {"tag": tag},
        "server": {"workers": 2, "config": {"query": {"maxMemory": "4GB"}}},
        "catalogs": {"lake": trino.lines(lake())},
        "env": [
            _from_secret("CATALOG_CREDENTIAL", "payments-catalog", "credential"),
            _from_secret("S3_ACCESS_KEY_ID", "payments-object-store", "access-key-id"),
            _from_secret("S3_SECRET_ACCESS_KEY", "payments-object-store", "secret-access-key"),
        ],
    }


def _temporal(versions: Images, limits: dict[str, Any]) -> dict[str, Any]:
    """Return values of the chart's first major version, which brings no database of its own."""

    def store(database: str) -> dict[str, Any]:
        return {
            "sql": {
                "pluginName": temporal.PLUGIN,
                "connectAddr": "postgres:5432",
                "connectProtocol": "tcp",
                "databaseName": database,
                "user": "temporal",
                "existingSecret": "temporal-postgres",
                "secretKey": "password",
                "manageSchema": True,
            }
        }

    persistence = {
        "defaultStore": "default",
        "visibilityStore": "visibility",
        # Shards are for ever: so many carry some hundred workflows a second.
        "numHistoryShards": 512,
        "datastores": {"default": store("temporal"), "visibility": store("temporal_visibility")},
    }
    namespace = {"name": TEMPORAL_NAMESPACE, "retention": f"{RETENTION_HOURS}h"}
    return {
        "server": {
            "image": {"tag": _tag(versions.temporal)},
            "config": {"persistence": persistence, "namespaces": {"create": True, "namespace": [namespace]}},
            "dynamicConfig": limits,
        },
        "admintools": {"image": {"tag": _tag(versions.temporal_tools)}},
        "web": {"image": {"tag": _tag(versions.temporal_ui)}},
    }


def _polaris(tag: str) -> dict[str, Any]:
    database = {"name": "polaris-postgres", "username": "username", "password": "password", "jdbcUrl": "jdbc-url"}
    keys = {
        "name": "payments-object-store",
        "awsAccessKeyId": "access-key-id",
        "awsSecretAccessKey": "secret-access-key",
    }
    return {
        "image": {"tag": tag},
        "persistence": {"type": "relational-jdbc", "relationalJdbc": {"secret": database}},
        "realmContext": {"realms": [REALM]},
        "storage": {"secret": keys},
    }

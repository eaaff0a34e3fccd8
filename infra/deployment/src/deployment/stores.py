"""Postgres, the object store and the catalog of the lake."""

from stack.context import BUCKET_LAKE, BUCKETS, S3_REGION
from stack.ports import Ports
from stack.servers import postgres

from deployment.service import Definition, after, asked, mounted, published, secret, server, step
from deployment.versions import Images

CATALOG = "payments"
"""The name of the lake's catalog in Polaris."""
REALM = "POLARIS"
CATALOG_URI = "http://polaris:8181/api/catalog"
SCOPE = "PRINCIPAL_ROLE:ALL"
OBJECT_STORE = "http://minio:9000"
# Of each user of Postgres the databases, and of each the password.
DATABASES = {
    **{user: names for user, names in postgres.DATABASES.items() if user != "iceberg"},
    "polaris": ("polaris",),
    "registry": ("registry",),
}


def credential() -> str:
    """Return the catalog's credential, as Iceberg's clients take it."""
    return f"{secret('POLARIS_CLIENT_ID')}:{secret('POLARIS_CLIENT_SECRET')}"


def services(images: Images, ports: Ports) -> dict[str, Definition]:
    """Return the stores, and the steps that make buckets, Polaris's realm and its catalog."""
    keys = {"S3_ACCESS_KEY_ID": secret("S3_ACCESS_KEY_ID"), "S3_SECRET_ACCESS_KEY": secret("S3_SECRET_ACCESS_KEY")}
    database = {
        "POLARIS_PERSISTENCE_TYPE": "relational-jdbc",
        "QUARKUS_DATASOURCE_JDBC_URL": "jdbc:postgresql://postgres:5432/polaris",
        "QUARKUS_DATASOURCE_USERNAME": "polaris",
        "QUARKUS_DATASOURCE_PASSWORD": secret("POLARIS_PASSWORD"),
    }
    options = [option for name, value in postgres.SETTINGS.items() for option in ("-c", f"{name}={value}")]
    return {
        "postgres": server(
            images.postgres,
            environment={
                "POSTGRES_PASSWORD": secret("POSTGRES_PASSWORD"),
                "POSTGRES_INITDB_ARGS": "--locale=C --encoding=UTF8 --auth=scram-sha-256",
                **{_password(user): secret(_password(user)) for user in DATABASES},
            },
            command=["postgres", *options],
            volumes=["postgres:/var/lib/postgresql"],
            configs=mounted(postgres_users="/docker-entrypoint-initdb.d/users.sh"),
            ports=published(to_5432=ports.postgres),
            # Over TCP: the server that makes the users listens on its socket alone.
            healthcheck=asked("pg_isready --host 127.0.0.1 --username postgres"),
            stop_signal="SIGINT",
        ),
        "minio": server(
            images.minio,
            environment={
                "MINIO_ROOT_USER": secret("S3_ACCESS_KEY_ID"),
                "MINIO_ROOT_PASSWORD": secret("S3_SECRET_ACCESS_KEY"),
                "MINIO_UPDATE": "off",
                "MINIO_PROMETHEUS_AUTH_TYPE": "public",
            },
            command=["server", "/data", "--address", ":9000", "--console-address", ":9001"],
            volumes=["minio:/data"],
            ports=published(to_9000=ports.object_store, to_9001=ports.object_store_1),
            healthcheck=asked("mc ready local || curl --fail --silent http://localhost:9000/minio/health/ready"),
        ),
        "buckets": step(
            images.minio_client,
            environment=keys,
            needs=after(healthy=["minio"]),
            entrypoint=["/bin/sh", "/buckets.sh"],
            configs=mounted(buckets="/buckets.sh"),
        ),
        "polaris-realm": step(
            images.polaris_tools,
            environment=database,
            needs=after(healthy=["postgres"]),
            command=[
                "bootstrap",
                f"--realm={REALM}",
                f"--credential={REALM},{secret('POLARIS_CLIENT_ID')},{secret('POLARIS_CLIENT_SECRET')}",
            ],
            # It refuses a realm that is there; who comes after asks the server.
            restart="no",
        ),
        "polaris": server(
            images.polaris,
            environment={
                **database,
                "POLARIS_REALM_CONTEXT_REALMS": REALM,
                "AWS_REGION": S3_REGION,
                "AWS_ACCESS_KEY_ID": secret("S3_ACCESS_KEY_ID"),
                "AWS_SECRET_ACCESS_KEY": secret("S3_SECRET_ACCESS_KEY"),
            },
            needs=after(healthy=["postgres"]) | {"polaris-realm": {"condition": "service_started"}},
            ports=published(to_8181=ports.catalog),
            healthcheck=asked("curl --fail --silent http://localhost:8182/q/health/ready"),
        ),
        "catalog": step(
            images.curl,
            environment={
                "CLIENT_ID": secret("POLARIS_CLIENT_ID"),
                "CLIENT_SECRET": secret("POLARIS_CLIENT_SECRET"),
            },
            needs=after(healthy=["polaris"], done=["buckets"]),
            entrypoint=["/bin/sh", "/catalog.sh"],
            configs=mounted(catalog="/catalog.sh"),
        ),
    }


def configs() -> dict[str, str]:
    """Return the scripts of the steps, by name."""
    return {"postgres-users": _users(), "buckets": _buckets(), "catalog": _catalog()}


def _password(user: str) -> str:
    return f"{user.upper()}_PASSWORD"


def _users() -> str:
    lines = ["#!/bin/sh", "set -eu"]
    for user, names in DATABASES.items():
        created = "".join(f"CREATE DATABASE {name} OWNER {user};\n" for name in names)
        lines += [
            f'psql --username postgres --set ON_ERROR_STOP=1 --set "password=${_password(user)}" <<END',
            f"CREATE ROLE {user} LOGIN PASSWORD :'password';\n{created}END",
        ]
    return "\n".join(lines) + "\n"


def _buckets() -> str:
    made = " && ".join(f"mc mb --ignore-existing store/{bucket}" for bucket in BUCKETS)
    return f'mc alias set store {OBJECT_STORE} "$S3_ACCESS_KEY_ID" "$S3_SECRET_ACCESS_KEY" && {made}\n'


def _catalog() -> str:
    """Return the script that makes the lake's catalog and lets the one principal read and write in it."""
    api = "http://polaris:8181/api/management/v1/catalogs"
    storage = (
        f'{{"storageType": "S3", "allowedLocations": ["s3://{BUCKET_LAKE}"], "endpoint": "{OBJECT_STORE}", '
        f'"region": "{S3_REGION}", "pathStyleAccess": true, "stsUnavailable": true}}'
    )
    location = f'{{"default-base-location": "s3://{BUCKET_LAKE}/warehouse"}}'
    catalog = f'"name": "{CATALOG}", "type": "INTERNAL", "properties": {location}, "storageConfigInfo": {storage}'
    grant = '{"grant": {"type": "catalog", "privilege": "CATALOG_MANAGE_CONTENT"}}'
    return f"""set -eu
answer=$(curl --fail --silent --user "$CLIENT_ID:$CLIENT_SECRET" --data grant_type=client_credentials \\
    --data scope={SCOPE} {CATALOG_URI}/v1/oauth/tokens)
token=$(echo "$answer" | sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')
ask() {{
    code=$(curl --silent --output /tmp/answer --write-out '%{{http_code}}' --header "Authorization: Bearer $token" \\
        --header 'Content-Type: application/json' "$@")
    case $code in
    2* | 409) ;;
    *) cat /tmp/answer >&2; exit 1 ;;
    esac
}}
ask --request POST {api} --data '{{"catalog": {{{catalog}}}}}'
ask --request PUT {api}/{CATALOG}/catalog-roles/catalog_admin/grants --data '{grant}'
"""

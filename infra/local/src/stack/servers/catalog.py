"""The Iceberg REST catalog, which keeps its pointers in Postgres and the tables' files in the object store.

It has no authentication. Iceberg's own server would listen on every interface; ours (java/CatalogMain.java) serves
the same on loopback only.
"""

from stack.context import BUCKET_LAKE, S3_REGION, Context
from stack.ports import LOOPBACK
from stack.processes import Group, Process
from stack.readiness import HttpReady


def properties(context: Context) -> str:
    """Return the catalog's settings."""
    secrets, ports = context.secrets, context.ports
    settings = {
        "catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
        "uri": f"jdbc\\:postgresql\\://{LOOPBACK}\\:{ports.postgres}/iceberg",
        "jdbc.user": "iceberg",
        "jdbc.password": secrets.iceberg_password.get_secret_value(),
        # Version 1 of the catalog's tables knows views too.
        "jdbc.schema-version": "V1",
        "warehouse": f"s3\\://{BUCKET_LAKE}/warehouse",
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "s3.endpoint": context.url(ports.object_store).replace(":", "\\:"),
        "s3.path-style-access": "true",
        "s3.access-key-id": secrets.s3_access_key_id.get_secret_value(),
        "s3.secret-access-key": secrets.s3_secret_access_key.get_secret_value(),
        "client.region": S3_REGION,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def items(context: Context) -> tuple[Process, ...]:
    """Return the catalog."""
    file = context.config("catalog") / "catalog.properties"
    home = context.tools.catalog.target()
    port = context.ports.catalog
    logger = "-Dorg.slf4j.simpleLogger"
    # The servlet logs a stack trace for every 404, with which clients merely ask whether a table exists; whatever it
    # logs is in the answer to the client too.
    silence = f"{logger}.log.org.apache.iceberg.rest.RESTCatalogServlet=off"
    options = ("-Xmx256m", "-XX:+UseSerialGC", f"{logger}.defaultLogLevel=warn", silence)
    classpath = f"{home}/classes:{home}/jars/*"
    return (
        Process(
            name="catalog",
            group=Group.INFRASTRUCTURE,
            command=(context.java, *options, "-cp", classpath, "CatalogMain", LOOPBACK, str(port), str(file)),
            environment={"AWS_REGION": S3_REGION},
            files={file: properties(context)},
            ports=("catalog",),
            ready=HttpReady(f"{context.url(port)}/v1/config"),
            after={"databases", "buckets"},
        ),
    )

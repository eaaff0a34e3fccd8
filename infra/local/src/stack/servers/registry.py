"""The schema registry: Apicurio, of which only the Confluent API is used."""

from stack.context import Context
from stack.ports import LOOPBACK
from stack.processes import Group, Process
from stack.readiness import HttpReady

API = "/apis/ccompat/v7"
"""Where the registry has the Confluent API."""
SETTINGS = {"quarkus.log.level": "WARN", "quarkus.http.access-log.enabled": "false", "apicurio.storage.kind": "sql"}


def items(context: Context) -> tuple[Process, ...]:
    """Return the registry, which stores into a file of its own."""
    ports = context.ports
    settings = {
        "quarkus.http.host": LOOPBACK,
        "quarkus.http.port": str(ports.registry),
        "quarkus.management.host": LOOPBACK,
        "quarkus.management.port": str(ports.registry_management),
        **SETTINGS,
        "apicurio.storage.sql.kind": "h2",
        "apicurio.datasource.url": f"jdbc:h2:file:{context.data('registry') / 'registry'}",
    }
    options = tuple(f"-D{name}={value}" for name, value in settings.items())
    home = context.tools.registry.target()
    return (
        Process(
            name="registry",
            group=Group.INFRASTRUCTURE,
            command=(
                context.java,
                "-Xmx384m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                *options,
                "-jar",
                str(home / "quarkus-run.jar"),
            ),
            directory=context.data("registry"),
            ports=("registry", "registry_management"),
            ready=HttpReady(f"{context.url(ports.registry_management)}/health/ready"),
        ),
    )

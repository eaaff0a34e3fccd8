"""MinIO as the object store."""

from stack.context import BUCKETS, Context
from stack.errors import StackError
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import Group, Process, Step
from stack.readiness import HttpReady
from stack.settings import ObjectStore


def metrics(context: Context) -> tuple[int, str]:
    """Return the port and the path of the metrics."""
    return context.ports.object_store, "/minio/v2/metrics/cluster"


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the server and its buckets."""
    ports, secrets = context.ports, context.secrets
    data = context.data(ObjectStore.MINIO)

    def make_buckets(_: Task) -> None:
        # A directory of the drive is a bucket, which saves this environment an S3 client.
        for bucket in BUCKETS:
            (data / bucket).mkdir(parents=True, exist_ok=True)

    def check_buckets(_: Task) -> None:
        for bucket in BUCKETS:
            # Without a signature the answer is 403 for a bucket that exists, and 404 for one that does not.
            problem = HttpReady(f"{context.url(ports.object_store)}/{bucket}/", statuses=frozenset({403})).check()
            if problem:
                raise StackError(f"MinIO does not offer the bucket {bucket}: {problem}.")

    server = Process(
        name="object-store",
        group=Group.INFRASTRUCTURE,
        command=(
            str(context.tools.object_store.target() / "minio"),
            "server",
            str(data),
            "--address",
            f"{LOOPBACK}:{ports.object_store}",
            "--console-address",
            f"{LOOPBACK}:{ports.object_store_1}",
        ),
        environment={
            "MINIO_ROOT_USER": secrets.s3_access_key_id.get_secret_value(),
            "MINIO_ROOT_PASSWORD": secrets.s3_secret_access_key.get_secret_value(),
            "MINIO_UPDATE": "off",
            "MINIO_PROMETHEUS_AUTH_TYPE": "public",
        },
        ports=("object_store", "object_store_1"),
        ready=HttpReady(f"{context.url(ports.object_store)}/minio/health/ready"),
        after={"object-store-directories"},
    )
    return (
        Step(name="object-store-directories", group=Group.INFRASTRUCTURE, run=make_buckets),
        server,
        Step(name="buckets", group=Group.INFRASTRUCTURE, run=check_buckets, after={"object-store"}),
    )

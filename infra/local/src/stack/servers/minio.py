"""MinIO: the object store of the lake and of Flink's checkpoints."""

from stack.context import BUCKET_FLINK, BUCKET_LAKE, Context
from stack.errors import StackError
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import Group, Process, Step
from stack.readiness import HttpReady

BUCKETS = (BUCKET_LAKE, BUCKET_FLINK)


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the server and its buckets."""
    ports, secrets = context.ports, context.secrets
    data = context.data("minio")

    def make_buckets(_: Task) -> None:
        # A directory of the drive is a bucket, which saves this environment an S3 client.
        for bucket in BUCKETS:
            (data / bucket).mkdir(parents=True, exist_ok=True)

    def check_buckets(_: Task) -> None:
        for bucket in BUCKETS:
            # Without a signature the answer is 403 for a bucket that exists, and 404 for one that does not.
            problem = HttpReady(f"{context.url(ports.minio)}/{bucket}/", statuses=frozenset({403})).check()
            if problem:
                raise StackError(f"MinIO does not offer the bucket {bucket}: {problem}.")

    server = Process(
        name="minio",
        group=Group.INFRASTRUCTURE,
        command=(
            str(context.tools.minio.target() / "minio"),
            "server",
            str(data),
            "--address",
            f"{LOOPBACK}:{ports.minio}",
            "--console-address",
            f"{LOOPBACK}:{ports.minio_console}",
        ),
        environment={
            "MINIO_ROOT_USER": secrets.s3_access_key_id.get_secret_value(),
            "MINIO_ROOT_PASSWORD": secrets.s3_secret_access_key.get_secret_value(),
            "MINIO_UPDATE": "off",
            "MINIO_PROMETHEUS_AUTH_TYPE": "public",
        },
        ports=("minio", "minio_console"),
        ready=HttpReady(f"{context.url(ports.minio)}/minio/health/ready"),
        after={"minio-directories"},
    )
    return (
        Step(name="minio-directories", group=Group.INFRASTRUCTURE, run=make_buckets),
        server,
        Step(name="buckets", group=Group.INFRASTRUCTURE, run=check_buckets, after={"minio"}),
    )

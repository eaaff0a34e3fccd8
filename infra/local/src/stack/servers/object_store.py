"""The object store of the lake and of Flink: whichever server is chosen, as the rest of the stack sees it.

All of them are the process `object-store`, speak S3 at the port of that name to whoever signs with the stack's key,
and have done their work once the step `buckets` is done.
"""

from stack.context import Context
from stack.errors import StackError
from stack.processes import Process, Step
from stack.servers import minio, seaweedfs
from stack.settings import ObjectStore


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the chosen server and its steps; raise StackError if the files of this state are in another one."""
    _require_no_other(context)
    match context.object_store:
        case ObjectStore.SEAWEEDFS:
            return seaweedfs.items(context)
        case ObjectStore.MINIO:
            return minio.items(context)


def metrics(context: Context) -> tuple[int, str]:
    """Return the port and the path at which Prometheus finds the metrics of the chosen server."""
    match context.object_store:
        case ObjectStore.SEAWEEDFS:
            return seaweedfs.metrics(context)
        case ObjectStore.MINIO:
            return minio.metrics(context)


def _require_no_other(context: Context) -> None:
    # The catalog would point to files that are not there, and everything that reads a table would fail later.
    chosen = context.object_store
    for other in ObjectStore:
        if other is not chosen and context.data(other).exists() and not context.data(chosen).exists():
            raise StackError(
                f"The tables in {context.places.state} are in {other}, and OBJECT_STORE is {chosen}: set "
                f"OBJECT_STORE={other} (a file is in one store only), or begin anew with `make clean-state`."
            )

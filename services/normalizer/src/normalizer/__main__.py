"""The normalizer's program: submits the Flink job and watches it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from importlib.resources import as_file
from importlib.resources import files as package_files
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import httpx
import structlog
from kit import logging
from kit.clock import utc_now
from kit.errors import Fault, PipelineError
from kit.kafka import Tail
from kit.metrics import MetricsServer
from kit.registry import RegistryClient
from kit.settings import load
from payments_contracts.topics import TOPICS
from prometheus_client import CollectorRegistry
from pyarrow import fs

from normalizer import restore, script, storage, submission
from normalizer.cluster import Cluster
from normalizer.configuration import FINGERPRINT, fingerprint, job_options, recovery_options
from normalizer.connectors import kafka_options, registry_options
from normalizer.errors import ClusterAway
from normalizer.job import Restoration
from normalizer.metrics import NormalizerMetrics
from normalizer.pacer import Pacer
from normalizer.registration import require_registered
from normalizer.settings import FORMER_JOB, NormalizerSettings
from normalizer.watcher import Plan, Started, Watcher

log = structlog.get_logger("normalizer")

REST_TIMEOUT_S = 10.0
PACER = "normalizer-pacer"


def main() -> None:
    """Run until SIGTERM or SIGINT; exit with code 1 when the job ends by itself."""
    settings = load(NormalizerSettings)
    logging.configure(f"normalizer-{settings.normalizer_provider}", settings.log_level, settings.log_format)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(settings, stop)
    except PipelineError as error:
        log.error("gave_up", reason=str(error))  # noqa: TRY400  # the reason names the cause
        sys.exit(1)


def run(settings: NormalizerSettings, stop: Event) -> None:
    """Put the parts together and run them until `stop` is set."""
    text = script.read(
        settings.normalizer_sql_dir,
        settings.normalizer_provider,
        settings.placeholders(),
        {"kafka_options": kafka_options(settings), "registry_options": registry_options(settings)},
    )
    options = job_options(settings, python=sys.executable)
    mark = fingerprint(text, options, _function_sources())
    registry = CollectorRegistry()
    metrics = NormalizerMetrics(registry)

    def permit() -> None:
        with RegistryClient(settings.registry) as schemas:
            require_registered(schemas, TOPICS)

    def submit() -> Started:
        last = _last_state(settings)
        path = last.path if last else None
        log.info("job_being_submitted", recover_from=path or "nothing: first start")
        parameters = {"pipeline.global-job-parameters": f"{FINGERPRINT}:{mark}"}
        recovery = recovery_options(path, ignore_unclaimed_state=settings.normalizer_ignore_unclaimed_state)
        job = submission.Submission(script=text, options=options | parameters | recovery)
        return Started(submission.submit(job, flink_home=settings.flink_home), last.modified_at if last else None)

    with (
        closing(_tail(settings, text)) as tail,
        httpx.Client(base_url=settings.flink_url, timeout=REST_TIMEOUT_S) as pacing,
        httpx.Client(base_url=settings.flink_url, timeout=REST_TIMEOUT_S) as client,
    ):
        spacing_s = settings.normalizer_checkpoint_spacing_ms / 1000
        pacer = Pacer(tail, Cluster(pacing), spacing_s=spacing_s, monotonic=monotonic, stop=stop)
        watcher = Watcher(
            Plan(
                name=settings.job_name,
                former_name=FORMER_JOB,
                fingerprint=mark,
                savepoint_dir=settings.savepoint_dir,
                start_timeout_s=settings.normalizer_start_timeout_s,
                stop_timeout_s=settings.normalizer_stop_timeout_s,
                checkpoint_stall_s=settings.normalizer_checkpoint_stall_s,
                transaction_timeout=timedelta(seconds=settings.normalizer_transaction_timeout_s),
            ),
            cluster=Cluster(client),
            permit=permit,
            submit=submit,
            written_at=lambda restoration: _written_at(settings, restoration),
            pacer=pacer,
            metrics=metrics,
            stop=stop,
            clock=utc_now,
        )
        checks = {"job": watcher.check}
        with MetricsServer(settings.metrics_host, settings.metrics_port, checks, registry), _beside(pacer, stop):
            watcher.run()


def _tail(settings: NormalizerSettings, text: script.Script) -> Tail:
    """Return the end of what this job writes; others write to the same topics."""
    mine = (script.JOB_HEADER, settings.job_name.encode())
    return Tail(settings.kafka, text.written_topics(), client_id=PACER, header=mine)


@contextmanager
def _beside(pacer: Pacer, stop: Event) -> Iterator[None]:
    """Let the pacer work in a thread of its own meanwhile."""
    thread = Thread(target=pacer.run, name=PACER)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _last_state(settings: NormalizerSettings) -> restore.StoredFile | None:
    try:
        filesystem = storage.connect(settings)
        return restore.newest(
            _snapshots(settings, filesystem), lambda path: storage.head(filesystem, path, restore.HEADER_BYTES)
        )
    except OSError as error:
        raise ClusterAway(f"{settings.normalizer_state_dir} cannot be listed: {error}") from error
    except ValueError as error:
        raise Fault(str(error)) from error


def _written_at(settings: NormalizerSettings, restoration: Restoration) -> datetime | None:
    try:
        files = _snapshots(settings, storage.connect(settings))
        return restore.written_at(files, restoration.path, restoration.number)
    except OSError as error:
        raise ClusterAway(f"{settings.normalizer_state_dir} cannot be listed: {error}") from error


def _snapshots(settings: NormalizerSettings, filesystem: fs.FileSystem) -> Iterator[restore.StoredFile]:
    for directory in (settings.checkpoint_dir, settings.savepoint_dir):
        yield from storage.files(filesystem, directory)


def _function_sources() -> Iterator[Path]:
    """Yield the files whose change changes what the job does with an event."""
    for package in ("payments_contracts", "normalizer"):
        with as_file(package_files(package)) as folder:
            yield from folder.rglob("*.py")


if __name__ == "__main__":
    main()

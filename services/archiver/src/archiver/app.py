"""The composition root: one part for each table, each in a thread of its own."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial

import structlog
from kit.clock import Clock
from kit.errors import Fault, PipelineError, Transient
from kit.kafka import AvroDecoder, RegistryClient
from kit.kafka.reader import Reader
from kit.lake import load_catalog
from kit.lake.stream import StreamTarget
from kit.metrics import MetricsServer
from kit.poison import PoisonLimit
from payments_contracts.schemas import schema

from archiver.errors import PartDiedError
from archiver.settings import Settings
from archiver.streams import SERVICE, STREAMS, Stream
from archiver.worker import Archive, note_gap

_LONGEST_PAUSE_SECONDS = 5.0
_REMEDY = (
    "So many cannot be the fault of the records: `make registry-drift` tells whether the registry has lost schemas, "
    "which have to come back under their ids; otherwise look at who writes these topics. Then start this again: "
    "none of what was held is committed, all of it is read again. (Settings: POISON_MAX_COUNT, POISON_COUNT_RATIO, "
    "POISON_MAX_RATIO, POISON_SPARED, POISON_WINDOW_SECONDS.)"
)
_log = structlog.get_logger(__name__)


def run(settings: Settings, clock: Clock, stop: threading.Event, streams: Sequence[Stream] = STREAMS) -> None:
    """Archive streams until `stop` is set, then commit what is held.

    Raises:
        Fault: A part met something that waiting does not mend; the others have committed what they held.
        Transient: The lake did not take what was held at the end.
    """
    parts = {stream.table.identifier: _Part(settings, stream, clock) for stream in streams}
    checks = {name: part.trouble for name, part in parts.items()}
    with MetricsServer(settings.metrics_host, settings.metrics_port, checks):
        threads = [threading.Thread(target=part.run, args=(stop,), name=name) for name, part in parts.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    _raise_gravest(part.error for part in parts.values() if part.error is not None)


class _Part:
    """One stream from its connections to its end. A part that breaks stops all of them."""

    def __init__(self, settings: Settings, stream: Stream, clock: Clock) -> None:
        self._settings = settings
        self._stream = stream
        self._clock = clock
        self._archive: Archive | None = None
        self._trouble: str | None = "still starting"
        self.error: PipelineError | None = None

    def trouble(self) -> str | None:
        return self._trouble if self._archive is None else self._archive.trouble()

    def run(self, stop: threading.Event) -> None:
        try:
            self._run(stop)
        except PipelineError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  # whatever it is, the process must not live on without this part
            _log.exception("part_died", table=self._stream.table.identifier)
            self.error = PartDiedError(f"{self._stream.table.identifier}: {type(error).__name__}: {error}")
        finally:
            stop.set()

    def _run(self, stop: threading.Event) -> None:
        settings, stream = self._settings, self._stream
        target = self._until_there(partial(_open_target, settings, stream), stop)
        if target is None:
            return
        group = f"{SERVICE}-{stream.table.name}{settings.archive_group_suffix}"
        with ExitStack() as resources:
            registry = resources.enter_context(RegistryClient(settings.registry, patience_seconds=1.0))
            reader = resources.enter_context(
                Reader(
                    settings.kafka,
                    [topic.name for topic in stream.topics],
                    group_id=group,
                    client_id=group,
                    on_gap=note_gap,
                )
            )
            decoders = {
                topic.name: AvroDecoder(registry, schema(topic.record, topic.consumers[SERVICE]))
                for topic in stream.topics
            }
            limit = PoisonLimit(settings.tolerance, f"records for {stream.table.identifier}", _REMEDY)
            self._archive = Archive(stream, reader, target, decoders, settings.policy, limit=limit, clock=self._clock)
            self._archive.run(stop)

    def _until_there(self, open_target: Callable[[], StreamTarget], stop: threading.Event) -> StreamTarget | None:
        pause = 0.2
        while not stop.is_set():
            try:
                return open_target()
            except Transient as error:
                self._trouble = str(error)
                stop.wait(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)
        return None


def _open_target(settings: Settings, stream: Stream) -> StreamTarget:
    table = stream.table
    return StreamTarget(
        load_catalog(settings),
        (table.namespace, table.name),
        key="event_id",
        narrow_by="received_at",
        keep_snapshots=settings.archive_keep_snapshots,
    )


def _raise_gravest(errors: Iterable[PipelineError]) -> None:
    found = sorted(errors, key=lambda error: not isinstance(error, Fault))
    if found:
        raise found[0]

"""Keeps one job on the cluster: finds or starts it, watches it, stops it with a savepoint."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from uuid import uuid4

import structlog
from kit.clock import Clock

from normalizer import counters
from normalizer.cluster import Cluster, Savepoint
from normalizer.configuration import FINGERPRINT
from normalizer.errors import ClusterAway, JobEnded, JobForgotten, RefusedRequest, TooManyDeadLetters
from normalizer.job import BEGINNING, ENDED, ENDING, JobSummary, Phase, Verdict, judge, living, runs
from normalizer.losses import FAILED
from normalizer.metrics import NormalizerMetrics
from normalizer.pacer import Pacer
from normalizer.recoveries import Recoveries, WrittenAt

log = structlog.get_logger(__name__)

POLL_S = 0.5
LOOK_S = 2.0
METRICS_EVERY = 3
# Flink tries again after at most three seconds, its tasks take some to start, and what it tells is as old as that.
FLOOD_S = 60.0
FLOOD = f"{TooManyDeadLetters.__name__}: "


@dataclass(frozen=True, slots=True)
class Plan:
    """The job that has to run: its name, what it is, where its savepoints go and the limits of waiting, in seconds."""

    name: str
    former_name: str
    fingerprint: str
    savepoint_dir: str
    start_timeout_s: float
    stop_timeout_s: float
    checkpoint_stall_s: float
    transaction_timeout: timedelta


@dataclass(frozen=True, slots=True)
class Started:
    """A job that has been submitted, and when what it goes on from was written; None where it begins anew."""

    job_id: str
    written_at: datetime | None


class Watcher:
    """Runs the job that `plan` describes until `stop` is set.

    `submit` starts the job where its newest savepoint or checkpoint left off. `permit` raises where that one could not
    work: it is asked before another job is ended for its sake, which so goes on. `written_at` is asked about a job that
    was found: see `Recoveries`.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        cluster: Cluster,
        permit: Callable[[], None],
        submit: Callable[[], Started],
        written_at: WrittenAt,
        pacer: Pacer,
        metrics: NormalizerMetrics,
        stop: Event,
        clock: Clock,
    ) -> None:
        self._plan = plan
        self._cluster = cluster
        self._permit = permit
        self._submit = submit
        self._pacer = pacer
        self._metrics = metrics
        self._stop = stop
        self._clock = clock
        self._verdict = Verdict(Phase.STARTING, "the cluster has not been asked yet")
        self._complained = False
        self._lost = 0.0
        self._recoveries = Recoveries(written_at, plan.transaction_timeout, clock)

    def check(self) -> str | None:
        """Return what keeps the job from its work, or None: the readiness check."""
        verdict = self._verdict
        return None if verdict.phase is Phase.READY else verdict.reason

    def run(self) -> None:
        """Find or start the job, watch it, and stop it with a savepoint when asked to.

        A job that a restarted job manager has forgotten is started again, where its newest checkpoint left off.

        Raises:
            JobEnded: the job failed, or somebody else stopped it.
            SubmissionFailed: Flink refused the job.
            ClusterAway: the cluster did not come up in time.
            Fault: the pacer cannot watch the job's topics, or `permit` refuses.
        """
        while (job_id := self._find_or_start()) is not None:
            try:
                self._watch(job_id)
            except JobForgotten as reason:
                log.warning("job_starts_again", reason=str(reason))
                self._pacer.follow(None)
            except TooManyDeadLetters as reason:
                self._hold(reason)
                return
            else:
                self._halt(job_id)
                return

    def _find_or_start(self) -> str | None:
        """Return the id of the job that runs as it should; None where this program was told to stop before."""
        self._await_cluster()
        if self._stop.is_set():
            return None
        self._retire()
        job_id = self._find()
        return job_id if job_id is not None or self._stop.is_set() else self._start()

    def _await_cluster(self) -> None:
        deadline = self._clock() + timedelta(seconds=self._plan.start_timeout_s)
        while not self._stop.is_set():
            try:
                if self._cluster.slots():
                    return
                reason = "no task manager has registered"
            except ClusterAway as error:
                reason = str(error)
            if self._clock() > deadline:
                raise ClusterAway(f"The Flink cluster is not usable: {reason}")
            self._become(Verdict(Phase.STARTING, reason))
            self._stop.wait(POLL_S)

    def _retire(self) -> None:
        """See a job to its end that this one has taken the place of: it would read the same topics.

        It goes with a savepoint, by which it notes in its consumer group how far it has come.
        """
        while jobs := living(self._cluster.jobs(), self._plan.former_name):
            self._permit()
            for job in jobs:
                self._become(Verdict(Phase.STARTING, f"job {job.id}, {job.name}, has to end first"))
                if job.state not in ENDING and not self._halt(job.id):
                    # Others of its successors may have asked just before.
                    self._stop.wait(POLL_S)
            if self._stop.wait(POLL_S):
                return

    def _find(self) -> str | None:
        """Return the id of the job if it runs already as it should; else see it to its end, unless told to stop."""
        while jobs := living(self._cluster.jobs(), self._plan.name):
            moving = [job for job in jobs if job.state in ENDING | BEGINNING]
            if moving:
                self._become(Verdict(Phase.STARTING, f"job {moving[0].id} is {moving[0].state}"))
                if self._stop.wait(POLL_S):
                    return None
                continue
            if len(jobs) == 1 and self._cluster.parameters(jobs[0].id).get(FINGERPRINT) == self._plan.fingerprint:
                log.info("job_adopted", job_id=jobs[0].id)
                return jobs[0].id
            for job in jobs:
                self._replace(job)
        return None

    def _replace(self, job: JobSummary) -> None:
        self._permit()
        log.info("job_replaced", job_id=job.id)
        if not self._halt(job.id):
            raise JobEnded(
                f"Job {job.id} has the name {self._plan.name} but another definition, and does not stop with a "
                "savepoint; look at it in the Flink UI and cancel it there: its last checkpoint is kept"
            )

    def _start(self) -> str:
        self._become(Verdict(Phase.STARTING, "the job is being submitted"))
        self._permit()
        started = self._submit()
        log.info("job_submitted", job_id=started.job_id)
        self._recoveries.begin(started.written_at)
        return started.job_id

    def _watch(self, job_id: str) -> None:
        look = 0
        self._pacer.follow(job_id)
        while not self._stop.is_set():
            self._pacer.check()
            try:
                self._look(job_id)
            except ClusterAway as error:
                self._become(Verdict(Phase.RECOVERING, str(error)))
            else:
                if look % METRICS_EVERY == 0:
                    self._read_statistics(job_id)
            look += 1
            self._stop.wait(LOOK_S if self._verdict.phase is Phase.READY else POLL_S)

    def _read_statistics(self, job_id: str) -> None:
        """Read what the job has counted. Nothing that goes wrong here may stop the job, or this program."""
        try:
            values = self._cluster.metrics(job_id, f".{counters.NAMESPACE}.", FAILED)
            self._metrics.events.update(counters.parse(values))
            failed = sum(value for name, value in values.items() if name.endswith(FAILED))
        except Exception as error:  # noqa: BLE001  # see above
            self._metrics.statistics_failures.inc()
            if not self._complained:
                reason = f"{type(error).__name__}: {error}"
                log.warning("statistics_unreadable", job_id=job_id, reason=reason)
            self._complained = True
            return
        self._complained = False
        lost = self._recoveries.lost(failed)
        self._metrics.lost_transactions.set(lost)
        if lost > self._lost:
            log.error("transactions_lost", job_id=job_id, transactions=lost)
        self._lost = lost

    def _stop_if_flooded(self, job_id: str) -> None:
        """End a job that refuses to go on for too many dead letters: Flink would only try again."""
        for failure in self._cluster.failures(job_id):
            for line in failure.splitlines():
                if FLOOD in line:
                    # A checkpoint on the way when the job ends is what leaves transactions open.
                    self._pacer.follow(None)
                    why = line.partition(FLOOD)[2].strip()
                    self._become(Verdict(Phase.RECOVERING, f"job {job_id} is being stopped: {why}"))
                    how = self._end_flooded(job_id)
                    raise TooManyDeadLetters(f"job {job_id} {how}: {line.strip()}")

    def _end_flooded(self, job_id: str) -> str:
        """Stop the job with a savepoint, else cancel it; return which.

        What it had handed over for a checkpoint when it failed is in open transactions, which hide from readers what
        all jobs write behind them. Its sinks commit or abort those before they run again, so it ends no sooner than its
        tasks have run once more. Where they do not within FLOOD_S, it is canceled all the same.
        """
        deadline = self._clock() + timedelta(seconds=FLOOD_S)
        tried_at: int | None = None
        while not self._stop.is_set():
            try:
                view = self._cluster.view(job_id)
                if view is None or view.state in ENDED:
                    return "has ended"
                if runs(view) and tried_at is None:
                    if self._halt(job_id):
                        return "is stopped with a savepoint"
                    tried_at = view.restored
                elif self._clock() > deadline or (runs(view) and tried_at is not None and view.restored > tried_at):
                    self._cluster.cancel(job_id)
                    return "is canceled, its last checkpoint is kept"
            except ClusterAway as error:
                log.warning("job_not_stopped_yet", job_id=job_id, reason=str(error))
            self._stop.wait(POLL_S)
        return "goes on, since this program was told to stop first; the next one ends it"

    def _hold(self, reason: TooManyDeadLetters) -> None:
        """Stay, and start nothing: a new job would let as many messages pass again before it stops."""
        log.error("job_stays_stopped", reason=str(reason))
        self._pacer.follow(None)
        self._become(Verdict(Phase.STOPPED, str(reason)))
        while not self._stop.is_set():
            self._stop.wait(LOOK_S)

    def _look(self, job_id: str) -> None:
        view = self._cluster.view(job_id)
        if view is None:
            raise JobForgotten(f"The job manager does not know job {job_id} any more: it has been restarted")
        self._metrics.checkpoints.set(view.checkpoints_completed)
        stall = timedelta(seconds=self._plan.checkpoint_stall_s)
        verdict = judge(view, now=self._clock(), stall=stall)
        self._become(verdict)
        if verdict.phase is not Phase.READY or self._recoveries.is_new(view):
            self._stop_if_flooded(job_id)
        if verdict.phase is Phase.ENDED:
            raise JobEnded(f"Job {job_id}: {verdict.reason}\n{self._cluster.failure(job_id)}")
        self._recoveries.note(job_id, view)

    def _halt(self, job_id: str) -> bool:
        """Stop the job with a savepoint; return whether it has ended within the time allowed.

        A job that does not stop is left as it is: it goes on, and the next start adopts it.
        """
        try:
            savepoint = self._savepoint(job_id)
        except (ClusterAway, RefusedRequest) as error:
            log.warning("job_not_stopped", job_id=job_id, reason=str(error))
            return False
        if savepoint is None:
            log.warning("savepoint_late", job_id=job_id)
            return False
        if savepoint.location is None:
            log.warning("savepoint_failed", job_id=job_id, reason=savepoint.failure)
            return False
        log.info("job_stopped", job_id=job_id, savepoint=savepoint.location)
        return True

    def _savepoint(self, job_id: str) -> Savepoint | None:
        """Return the outcome of stopping with a savepoint, or None when there is none in time."""
        request_id = uuid4().hex
        deadline = self._clock() + timedelta(seconds=self._plan.stop_timeout_s)
        asked = False
        pause = Event()  # self._stop is set already
        while True:
            try:
                if not asked:
                    self._cluster.stop(job_id, self._plan.savepoint_dir, request_id)
                    asked = True
                if (savepoint := self._cluster.savepoint(job_id, request_id)) is not None:
                    return savepoint
            except ClusterAway:
                if self._clock() > deadline:
                    raise
            if self._clock() > deadline:
                return None
            pause.wait(POLL_S / 2)

    def _become(self, verdict: Verdict) -> None:
        if verdict.phase is not self._verdict.phase:
            log.info("phase_changed", phase=verdict.phase, reason=verdict.reason)
        self._verdict = verdict
        self._metrics.ready.set(verdict.phase is Phase.READY)

"""Carries out a run: `prepared` puts it together, `perform` does it before a person's eyes."""

import threading
from collections.abc import Callable, Collection, Iterable

from kit.clock import utc_now
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from operations.recovery.options import interruptible
from operations.recovery.redrive import Candidate, Limits, Redrive, Report, Run
from operations.recovery.report import print_report
from operations.recovery.session import Session


def prepared(
    session: Session,
    run: Run,
    limits: Limits,
    *,
    stop: threading.Event,
    tell: Callable[[Report], None],
    bronze_alone: Collection[str] = (),
) -> Redrive:
    """Return a run that only has to be started; arguments as of `perform` and `Redrive`.

    Raises:
        DeploymentError: What is done could not be put on record.
        UnavailableError: The operational database does not answer.
    """
    session.trail.check()
    workflows = session.workflows()
    in_bronze = frozenset(bronze_alone)

    def rows(event_ids: Collection[str]) -> set[str]:
        refused = {each for each in event_ids if each in in_bronze}
        found = session.rows([each for each in event_ids if each not in refused])
        return found | (session.bronze_rows(refused) if refused else set())

    def restart(event_id: str) -> str | None:
        return "no address of Temporal is set" if workflows is None else workflows.restart(event_id)

    return Redrive(
        run,
        limits,
        sender=session.sender(),
        ledger=session.trail,
        watch=session.watch(),
        restart=restart,
        rows=rows,
        clock=utc_now,
        stop=stop,
        tell=tell,
    )


def perform(
    session: Session,
    run: Run,
    limits: Limits,
    candidates: Iterable[Candidate],
    console: Console,
    *,
    wait: float,
    bronze_alone: Collection[str] = (),
    total: int | None = None,
) -> bool:
    """Send candidates again and print what came of it; tell whether all of them were given to the pipeline.

    Args:
        session: The servers.
        run: What is put on record of the run.
        limits: How fast, and when to stop.
        candidates: What to send.
        console: Where to print.
        wait: Seconds to wait at the end for rows and failures.
        bronze_alone: Events that have their row when Bronze has it.
        total: How many candidates there are, where that is known.

    Raises:
        UnavailableError: A server does not answer; what was sent until then is on record and printed.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with interruptible() as stop, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("sending again", total=total)

        def tell(report: Report) -> None:
            done = len(report.sent) + len(report.still_fails) + len(report.not_found)
            progress.update(task, completed=done)

        redrive = prepared(session, run, limits, stop=stop, tell=tell, bronze_alone=bronze_alone)
        try:
            redrive.send(candidates)
            if redrive.report.sent and not stop.is_set():
                progress.update(task, description="waiting for rows")
                redrive.settle(wait)
        finally:
            progress.stop()
            print_report(redrive.report, run.run_id, console)
    report = redrive.report
    return not (report.still_fails or report.not_found or report.failed_again or report.stopped)

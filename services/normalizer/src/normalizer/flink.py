"""The adapter to PyFlink, which ships no types: the table function and the submission of the job.

Imported only where Flink is installed: beside the task manager and in the process that submits.
"""

from collections.abc import Iterator
from typing import Any

from kit.clock import utc_now
from kit.poison import PoisonLimit, Tolerance
from kit.registry import RegistryClient
from payments_contracts import flink as contract
from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, FunctionContext, TableEnvironment, TableFunction
from pyflink.table.udf import udtf

from normalizer.configuration import FunctionSettings, function_settings
from normalizer.counters import OutcomeCounters
from normalizer.errors import TooManyDeadLetters
from normalizer.reader import Reader
from normalizer.submission import Submission


def _limit(tolerance: Tolerance, what: str, setting: str) -> PoisonLimit:
    remedy = (
        "See the reasons on the dead-letter topic, mend what writes such messages or what reads them, and start again; "
        f"or let more pass with {setting}_COUNT and {setting}_SHARE"
    )
    return PoisonLimit(tolerance, "messages", remedy, what=what, error=TooManyDeadLetters)


class ToUnified(TableFunction):  # type: ignore[misc]  # PyFlink is untyped
    """One message in; one row out, or none where its event type has no mapping."""

    def __init__(self, settings: FunctionSettings) -> None:
        """Remember what the reader is made from, in the worker."""
        self._settings = settings

    def open(self, function_context: FunctionContext) -> None:
        """Create the reader; called once per worker, before the first message."""
        settings = self._settings
        self._schemas = RegistryClient(settings.registry, patience_seconds=settings.registry_patience_s)
        self._reader = Reader(
            settings.provider,
            self._schemas,
            counters=OutcomeCounters(function_context.get_metric_group()),
            unusable=_limit(
                Tolerance(None, settings.unusable_share, settings.unusable_count, settings.unusable_window_s),
                "could not be used",
                "NORMALIZER_UNUSABLE",
            ),
            rejected=_limit(
                Tolerance(None, settings.rejected_share, settings.rejected_count, settings.rejected_window_s),
                "were rejected",
                "NORMALIZER_REJECTED",
            ),
            clock=utc_now,
            merchant_keys=settings.merchant_keys,
        )

    def close(self) -> None:
        """Close the connection to the registry."""
        self._schemas.close()

    def eval(self, message: bytes | None) -> Iterator[tuple[Any, ...]]:
        """Yield the row of the generated row type."""
        if (row := self._reader.read(message)) is not None:
            yield row


def submit(submission: Submission) -> str:
    """Start the job on the cluster that the options name and return its id without waiting for it."""
    configuration = Configuration()
    for name, value in submission.options.items():
        configuration.set_string(name, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    environment = TableEnvironment.create(settings)
    environment.create_temporary_system_function(
        contract.FUNCTION,
        udtf(ToUnified(function_settings(submission.options)), result_types=contract.RESULT_TYPE),
    )
    for statement in submission.script.definitions:
        environment.execute_sql(statement)
    client = environment.execute_sql(submission.script.statement_set).get_job_client()
    return str(client.get_job_id())

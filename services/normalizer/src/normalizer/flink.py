"""The adapter to PyFlink, which ships no types: the table function and the submission of the job.

Imported only where Flink is installed: beside the task manager and in the process that submits.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from payments_contracts import flink as contract
from payments_contracts.normalize import Normalized, Rejected, Unsupported, normalize
from payments_contracts.providers import PROVIDERS
from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, FunctionContext, TableEnvironment, TableFunction
from pyflink.table.udf import udtf

from normalizer.configuration import merchant_keys
from normalizer.counters import OutcomeCounters
from normalizer.submission import Submission

_NO_KEYS: frozenset[str] = frozenset()


class ToUnified(TableFunction):  # type: ignore[misc]  # PyFlink is untyped
    """One event in; one row out, or none where its type has no mapping."""

    def __init__(self, merchant_keys: Mapping[str, frozenset[str]]) -> None:
        """Remember which keys of its own metadata each merchant may have beside those of the contract."""
        self._merchant_keys = merchant_keys

    def open(self, function_context: FunctionContext) -> None:
        """Create the counters; called once per worker, before the first event."""
        self._counters = OutcomeCounters(function_context.get_metric_group())

    def eval(  # noqa: PLR0917 - SQL knows no keywords
        self,
        provider: str,
        payload: bytes,
        merchant_id: str,
        event_id: str | None = None,
        event_type: str | None = None,
        received_at: datetime | None = None,
        created_at: datetime | None = None,
        livemode: bool | None = None,  # noqa: FBT001 - SQL knows no keywords
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the row of the generated row type; all after the payload is what the gateway found, where it counts."""
        outcome = normalize(
            provider,
            payload,
            merchant_id,
            event_id or "",
            event_type or "",
            contract.milliseconds(received_at),
            contract.milliseconds(created_at),
            livemode,
            self._merchant_keys.get(merchant_id, _NO_KEYS),
        )
        match outcome:
            case Unsupported(event_type=event_type):
                on_purpose = PROVIDERS[provider].why_unmapped(event_type) is not None
                self._counters.unsupported(event_type, on_purpose=on_purpose)
                return
            case Rejected(rejections=rejections):
                self._counters.rejected(rejection.code for rejection in rejections)
            case Normalized():
                self._counters.normalized()
        yield contract.row(outcome, datetime.now(UTC))


def submit(submission: Submission) -> str:
    """Start the job on the cluster that the options name and return its id without waiting for it."""
    configuration = Configuration()
    for name, value in submission.options.items():
        configuration.set_string(name, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    environment = TableEnvironment.create(settings)
    environment.create_temporary_system_function(
        contract.FUNCTION, udtf(ToUnified(merchant_keys(submission.options)), result_types=contract.RESULT_TYPE)
    )
    for statement in submission.script.definitions:
        environment.execute_sql(statement)
    client = environment.execute_sql(submission.script.statement_set).get_job_client()
    return str(client.get_job_id())

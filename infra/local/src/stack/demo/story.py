"""What the demo shows, step by step."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stack.demo.batch import CURRENCY, EXPONENT, PROVIDER, REASON, batch
from stack.demo.mending import Mended
from stack.demo.narration import Narrator
from stack.demo.pipeline import Pipeline
from stack.demo.programs import Programs
from stack.errors import StackError

STEPS = 7
_BATCH = 5
_ALONE = ("--lifecycles", "0", "--mix", "accepted=1")
_OF_PAYMENTS = "payment."
_FALLBACKS = "orchestrator_fallbacks_total"
_ARRIVED = "orchestrator_webhook_to_bronze_seconds_count"
_OPEN_WORKFLOWS = "orchestrator_open_workflows"
_OPEN_CIRCUITS = "orchestrator_inference_circuit_open"
# Work that a busy machine does in minutes is not given up before.
_PATIENCE_SECONDS = 240.0
_NORMALIZER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many webhooks are sent in the first step, and how many of them a second."""

    count: int
    rate: float


class Story:
    """Tells the demo on a running stack; each telling has a tag, a ledger and merchants of its own.

    Args:
        pipeline: The stack.
        programs: Its programs.
        narrator: Tells.
        folder: For ledgers.
    """

    def __init__(self, pipeline: Pipeline, programs: Programs, narrator: Narrator, folder: Path) -> None:
        self._pipeline = pipeline
        self._programs = programs
        self._narrator = narrator
        self._run = datetime.now(UTC).strftime("%y%m%d%H%M%S")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._parts: list[Path] = []

    def tell(self, traffic: Traffic) -> None:
        """Show everything, from traffic to Gold.

        Raises:
            StackError: Something is not as it has to be; the message says what, and where to look.
        """
        self._send_traffic(traffic)
        self._trace()
        self._lose_the_models()
        self._quarantine_and_redrive()
        self._kill_the_orchestrator()
        self._reconcile()
        self._show_addresses()

    def tell_quickly(self, traffic: Traffic) -> None:
        """Send traffic and balance it in Gold, and nothing else."""
        ledger = self._send(traffic.count, traffic.rate)
        self._programs.run("payments", "verify", "--refresh", "--ledger", str(ledger))

    def _send_traffic(self, traffic: Traffic) -> None:
        self._narrator.begin(
            "traffic",
            f"{traffic.count} signed Stripe webhooks go through the gateway: lives of payments in order, out of order "
            "and twice, single events, invalid ones, unsupported ones and forged ones.",
        )
        self._send(traffic.count, traffic.rate)

    def _trace(self) -> None:
        self._narrator.begin("one event, hop by hop", "Where each place has it, and how long each hop took.")
        self._show_trace(self._scored(self._parts[0])[0])

    def _lose_the_models(self) -> None:
        self._narrator.begin(
            "the models are away",
            "The inference service is stopped. Events go on to Bronze with a neutral verdict that is marked as a "
            "fallback; once the service is back they are scored again.",
        )
        before = self._pipeline.sum_of(_FALLBACKS)
        self._narrator.say("stopping inference")
        self._pipeline.stop("inference")
        try:
            self._show_trace(self._scored(self._send(30, 10, *_ALONE))[-1])
            # The row counts once it is committed, which a trace may see a moment earlier.
            self._narrator.wait(
                "rows with a fallback to be counted",
                lambda: self._pipeline.sum_of(_FALLBACKS) > before,
                _PATIENCE_SECONDS,
                f"see {self._pipeline.log('orchestrator')}",
            )
        finally:
            self._narrator.say("starting inference")
            self._pipeline.start("inference")
        # The breaker lets a request through after a quarter of a minute; that one closes it.
        self._narrator.wait(
            "the breaker to close", self._is_asked_again, _PATIENCE_SECONDS, "see `make logs SERVICE=inference`"
        )
        self._await_calm()
        before = self._pipeline.sum_of(_FALLBACKS)
        scored = self._scored(self._send(30, 10, *_ALONE))
        self._show_trace(scored[-1])
        self._await_calm()
        if added := self._pipeline.sum_of(_FALLBACKS) - before:
            raise StackError(
                f"{added:.0f} rows have a fallback though the models are back.", self._pipeline.log("orchestrator")
            )
        self._narrator.say(f"all {len(scored)} payments were scored by the models")

    def _await_calm(self) -> None:
        self._narrator.wait(
            "all rows that are under way",
            lambda: self._pipeline.sum_of(_OPEN_WORKFLOWS) == 0,
            _PATIENCE_SECONDS,
            f"see {self._pipeline.log('orchestrator')}",
        )

    def _is_asked_again(self) -> bool:
        if self._pipeline.sum_of(_OPEN_CIRCUITS) == 0:
            return True
        self._send(1, 0, *_ALONE, quiet=True)
        return False

    def _quarantine_and_redrive(self) -> None:
        merchant = f"acct_{self._run}_kuna"
        mine = ("--merchant", merchant)
        self._narrator.begin(
            "a batch that the contracts do not take",
            f"{_BATCH} payments in {CURRENCY}, a currency that was withdrawn: the normalizer quarantines them. A copy "
            "of the contracts is mended by one line, a normalizer runs by it, and the events are sent again.",
        )
        file = self._folder / f"{self._run}-kuna.json"
        file.write_text(batch(merchant, self._run, _BATCH), encoding="utf-8")
        self._programs.run("simulator", "send", "--as-is", "--file", str(file))
        self._narrator.wait(
            f"{_BATCH} events in quarantine",
            lambda: self._quarantined(mine) == _BATCH,
            _PATIENCE_SECONDS,
            f"see {self._pipeline.log(f'normalizer-{PROVIDER}')}",
        )
        self._programs.run("payments", "quarantine", "list", *mine)
        with tempfile.TemporaryDirectory(prefix="payments-demo-") as folder:
            mended = Mended(Path(folder), self._pipeline.session.places)
            line = mended.accept_currency(PROVIDER, CURRENCY, EXPONENT)
            self._narrator.say(
                f"added to a copy of contracts/providers/{PROVIDER}/provider.yaml, below currencies: {line}"
            )
            mended.derive(self._programs)
            by_the_copy = {"PYTHONPATH": str(mended.package)}
            self._programs.run("payments", "quarantine", "try", *mine, **by_the_copy)
            with self._normalizing_by(mended):
                again = ("--reason", REASON, "--execute", "--as", "demo", "--wait", "120")
                self._programs.run("payments", "quarantine", "redrive", *mine, *again, **by_the_copy)

    @contextmanager
    def _normalizing_by(self, mended: Mended) -> Iterator[None]:
        name = f"normalizer-{PROVIDER}"
        own = self._pipeline.process(name)
        self._narrator.say(f"stopping {name}, whose job ends with a savepoint")
        self._pipeline.stop(name)
        log = self._pipeline.log(f"{name}-mended")
        try:
            with mended.normalizer(own, log):
                self._narrator.wait(
                    "the normalizer by the copy", lambda: own.ready.check() is None, _NORMALIZER_SECONDS, f"see {log}"
                )
                yield
        finally:
            self._narrator.say(f"starting {name} as it was")
            self._pipeline.start(name)

    def _kill_the_orchestrator(self) -> None:
        self._narrator.begin(
            "a process is killed",
            "kill -9 of the orchestrator while webhooks come in: it is started anew, and goes on with the workflows "
            "that were under way. Nothing is lost, and nothing is counted twice, as the next step proves.",
        )
        rows = self._pipeline.sum_of(_ARRIVED)
        ledger = self._ledger()
        send = self._sending(ledger, 60, 10, *_ALONE)
        with self._programs.beside(*send):
            self._narrator.wait(
                "the first of them in Bronze",
                lambda: self._pipeline.sum_of(_ARRIVED) > rows,
                _PATIENCE_SECONDS,
                f"see {self._pipeline.log('orchestrator')}",
            )
            killed = self._pipeline.kill("orchestrator")
            self._narrator.say(f"kill -9 {killed}")
            self._narrator.wait(
                "the orchestrator to be back",
                lambda: self._pipeline.is_back("orchestrator", killed),
                _PATIENCE_SECONDS,
                f"see {self._pipeline.log('orchestrator')}",
            )
        self._parts.append(ledger)

    def _reconcile(self) -> None:
        ledger = self._folder / f"{self._run}.jsonl"
        ledger.write_text("".join(part.read_text(encoding="utf-8") for part in self._parts), encoding="utf-8")
        self._narrator.begin(
            "Gold, to the cent",
            "Every webhook of all steps is followed to where it has to be; Silver and Gold are built, and each hop is "
            "balanced by number and by amount in every currency.",
        )
        self._programs.run("payments", "verify", "--refresh", "--patience", "120", "--ledger", str(ledger))
        self._narrator.say(f"the ledger of all that was sent: {ledger}")

    def _show_addresses(self) -> None:
        self._narrator.begin("look around", "Everything is still running; `make down` stops it and keeps its data.")

    def _send(self, count: int, rate: float, *options: str, quiet: bool = False) -> Path:
        """Send webhooks and return their ledger."""
        ledger = self._ledger()
        command = self._sending(ledger, count, rate, *options)
        if quiet:
            self._programs.ask(*command)
        else:
            self._programs.run(*command)
        self._parts.append(ledger)
        return ledger

    def _ledger(self) -> Path:
        return self._folder / f"{self._run}-{len(self._parts) + 1}.jsonl"

    def _sending(self, ledger: Path, count: int, rate: float, *options: str) -> tuple[str, ...]:
        # Another seed for each part, so that no two of them send the same event.
        seed = str(len(self._parts) + 1)
        return (
            *("simulator", "send", "--provider", PROVIDER, "--count", str(count), "--rate", f"{rate:g}"),
            *("--run", self._run, "--seed", seed, "--ledger", str(ledger), *options),
        )

    def _show_trace(self, event_id: str) -> None:
        self._narrator.wait(
            f"event {event_id} in Bronze",
            lambda: self._is_in_bronze(event_id),
            _PATIENCE_SECONDS,
            f"`payments trace {event_id}` says where it is",
        )
        self._programs.run("payments", "trace", event_id, "--patience", "60")

    def _is_in_bronze(self, event_id: str) -> bool:
        told: Any = self._programs.ask("payments", "trace", event_id, "--patience", "60", "--json")
        hops = [] if told is None else [hop for each in told["events"] for hop in each["hops"]]
        return any(hop["name"] == "Bronze" and hop["state"] == "passed" for hop in hops)

    def _quarantined(self, which: tuple[str, ...]) -> int:
        told: Any = self._programs.ask("payments", "quarantine", "list", *which, "--json")
        return 0 if told is None else len(told["events"])

    @staticmethod
    def _scored(ledger: Path) -> list[str]:
        """Return the ids of a ledger's events that the fraud model is asked about, in the order of their sending.

        Raises:
            StackError: There is none, so that there is nothing to show.
        """
        entries = map(json.loads, ledger.read_text(encoding="utf-8").splitlines())
        types = (
            (each["event_id"], each["expected_event_type"] or "") for each in entries if each["kind"] == "accepted"
        )
        found = list(dict.fromkeys(event_id for event_id, name in types if name.startswith(_OF_PAYMENTS)))
        if not found:
            raise StackError(f"No webhook of {ledger} tells of a payment: send more, by COUNT.")
        return found

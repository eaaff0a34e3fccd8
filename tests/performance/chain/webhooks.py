"""The webhooks of a phase, and the process that sends them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS
from simulator.mix import Kind
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, compose

from tests.performance.chain.sender import Endpoint, Outcome, Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MERCHANTS = 20
_DAYS = 3


@dataclass(frozen=True)
class Webhooks:
    """What a phase sends: the event ids in the order of sending, and the endpoints, which take turns."""

    event_ids: list[str]
    endpoints: list[Endpoint]


def prepare(stack: Mapping[str, str], providers: Sequence[str], count: int, run: str, directory: Path) -> Webhooks:
    """Make webhooks of every type that the contracts have an accepted example of, with ids that no other run has.

    Args:
        stack: The environment of `stack env`.
        providers: Whose webhooks; they take turns.
        count: How many, of all together.
        run: Tag of the phase; equal tags give equal event ids.
        directory: Where files of bodies go.
    """
    ids: list[list[str]] = []
    endpoints = []
    for number, provider in enumerate(providers):
        url = f"{stack[f'GATEWAY_{provider.upper()}_URL']}/webhooks/{provider}"
        secret = EndpointSecret.model_validate(json.loads(stack[f"GATEWAY_{provider.upper()}_SECRETS"])[0])
        share = len(range(number, count, len(providers)))
        plan = Plan(run, share, 1, _MERCHANTS, _DAYS, {Kind.ACCEPTED: 1.0})
        webhooks = list(compose(plan, PROVIDERS[provider], EXAMPLES, secret, datetime.now(UTC), notification_url=url))
        file = directory / f"{run}-{provider}.bodies"
        file.write_bytes(b"\n".join(base64.b64encode(each.body) for each in webhooks))
        ids.append([each.event_id for each in webhooks])
        endpoints.append(Endpoint(provider, url, url, secret.secret.get_secret_value(), str(file)))
    return Webhooks([ids[n % len(providers)][n // len(providers)] for n in range(count)], endpoints)


class Sending:
    """A process that sends. `sent` and `answered` tell how far it is."""

    def __init__(self, webhooks: Webhooks, rate: float, connections: int) -> None:
        self.sent = self.answered = 0
        self._outcome: Outcome | None = None
        task = Task(webhooks.endpoints, len(webhooks.event_ids), rate, connections)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.performance.chain.sender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # An interrupt from the terminal is for the bench, which then ends the sender.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            json.dump(asdict(task), pipe)
        self._thread = threading.Thread(target=self._listen, name="sender", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether everything was sent and answered."""
        return not self._thread.is_alive()

    def outcome(self) -> Outcome:
        """Wait for the end; raise RuntimeError if the sender failed."""
        self._thread.join()
        code = self._process.wait()
        if self._outcome is None:
            raise RuntimeError(f"The sender ended with {code} and said nothing.")
        return self._outcome

    def end(self) -> None:
        """Send nothing more."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            for line in pipe:
                content = json.loads(line)
                if "outcome" in content:
                    self._outcome = Outcome(**content["outcome"])
                    self.sent = self.answered = len(self._outcome.statuses)
                else:
                    self.sent, self.answered = content["sent"], content["answered"]

"""The `simulator` command."""

import asyncio
import re
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import httpx
import typer
from kit.clock import utc_now
from kit.logging import configure
from kit.settings import LogSettings, load
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS
from rich.console import Console

from simulator.delivery import Answer, Delivery, OnAnswer
from simulator.ledger import Ledger
from simulator.mix import DEFAULT, parse_mix
from simulator.report import Report
from simulator.settings import EndpointSettings
from simulator.webhooks import Plan, Webhook, compose

app = typer.Typer(no_args_is_help=True, help="Sends signed webhooks made from the contracts' examples.")

_TAG = re.compile(r"[a-z0-9-]{1,40}")
_TIMEOUT_SECONDS = 30.0


@app.callback()
def _group() -> None:
    # Makes typer keep `send` as a command of its own.
    pass


@app.command()
def send(
    *,
    provider: Annotated[str, typer.Option(help="Whose webhooks.")] = "stripe",
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 200,
    rate: Annotated[float, typer.Option(min=0, help="How many a second; 0: as fast as answers come.")] = 50,
    seed: Annotated[int, typer.Option(help="Equal seeds and tags give equal webhooks, save for times.")] = 1,
    run: Annotated[str | None, typer.Option(help="Tag of the run; part of its merchants' ids.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="Write a JSON line per webhook here.")] = None,
    url: Annotated[str | None, typer.Option(help="The gateway; else from GATEWAY_<PROVIDER>_URL.")] = None,
    mix: Annotated[str, typer.Option(help="Weights of the kinds of webhook.")] = DEFAULT,
    merchants: Annotated[int, typer.Option(min=1, max=100, help="How many merchants.")] = 5,
    days: Annotated[float, typer.Option(min=0, max=365, help="Events happened within the last days.")] = 3,
    concurrency: Annotated[int, typer.Option(min=1, help="How many may be under way.")] = 32,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to try again on 503.")] = 60,
) -> None:
    """Send webhooks to a gateway; exits with 1 where an answer is not what it has to be."""
    if provider not in PROVIDERS:
        raise typer.BadParameter(f"the contracts know {', '.join(sorted(PROVIDERS))}.", param_hint="--provider")
    tag = run if run is not None else f"run-{int(time.time()):x}"
    if not _TAG.fullmatch(tag):
        raise typer.BadParameter("at most 40 lower-case letters, digits and hyphens.", param_hint="--run")
    prefix = f"GATEWAY_{provider.upper()}_"
    endpoint = load(EndpointSettings, prefix)
    base = url or endpoint.url
    if not base:
        raise typer.BadParameter(f"give it, or set {prefix}URL (`stack env` prints it).", param_hint="--url")
    logs = load(LogSettings)
    configure("simulator", logs.log_level, logs.log_format)
    contract = PROVIDERS[provider]
    target = f"{base.rstrip('/')}/webhooks/{provider}"
    try:
        weights = parse_mix(mix)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mix") from error
    try:
        plan = Plan(tag, count, seed, merchants, days, weights)
        secret, signed_url = endpoint.secrets[0], endpoint.notification_url or target
        webhooks = list(compose(plan, contract, EXAMPLES, secret, utc_now(), notification_url=signed_url))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    report = Report(Console(), count)
    with ExitStack() as stack:
        notes: list[OnAnswer] = [report.note]
        if ledger is not None:
            ledger.parent.mkdir(parents=True, exist_ok=True)
            notes.append(Ledger(stack.enter_context(ledger.open("wb")), tag, provider).write)

        def note(webhook: Webhook, answer: Answer) -> None:
            for each in notes:
                each(webhook, answer)

        with report.live():
            asyncio.run(
                _send(
                    webhooks,
                    url=target,
                    rate=rate or None,
                    concurrency=concurrency,
                    patience=patience,
                    note=note,
                )
            )
    if not report.show(tag):
        raise typer.Exit(1)


async def _send(
    webhooks: Sequence[Webhook],
    *,
    url: str,
    rate: float | None,
    concurrency: int,
    patience: float,
    note: OnAnswer,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=_TIMEOUT_SECONDS) as client:
        delivery = Delivery(client, url, utc_now, patience)
        await delivery.send_all(webhooks, rate, concurrency, note, stop)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()

"""The `simulator` command."""

import asyncio
import itertools
import random
import re
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import httpx
import typer
from kit.clock import utc_now
from kit.logging import configure
from kit.settings import LogSettings, load
from payments_contracts.examples import EXAMPLES
from payments_contracts.lifecycles import LIVES
from payments_contracts.providers import PROVIDERS
from rich.console import Console

from simulator.delivery import Answer, Delivery, OnAnswer
from simulator.files import Body, UnusableFileError, read_bodies, renewed
from simulator.key_server import AUTHORITY, key_in, key_server, prepare
from simulator.keys import PrivateKey
from simulator.ledger import Ledger
from simulator.mix import DEFAULT, parse_mix
from simulator.report import Report
from simulator.settings import EndpointSecret, EndpointSettings
from simulator.signing import Signer
from simulator.webhooks import Plan, Webhook, compose

app = typer.Typer(
    rich_markup_mode="markdown", no_args_is_help=True, help="Sends signed webhooks made from the contracts' examples."
)

_TAG = re.compile(r"[a-z0-9-]{1,40}")
_TIMEOUT_SECONDS = 30.0


@app.command()
def send(
    *,
    provider: Annotated[str | None, typer.Option(help="Whose webhooks; else what a file says, else stripe.")] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(help="Send the bodies in this file instead, once each and now; may be given several times."),
    ] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="With --file: leave ids and times of the bodies as they are.")
    ] = False,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 200,
    rate: Annotated[float, typer.Option(min=0, help="How many a second; 0: as fast as answers come.")] = 50,
    seed: Annotated[int, typer.Option(help="Equal seeds and tags give equal webhooks, save for times.")] = 1,
    told_at: Annotated[
        datetime | None,
        typer.Option("--at", help="Present of the run (UTC), for equal times in two of them; now unless said."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Tag of the run; part of its merchants' ids.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="Write a JSON line per webhook here.")] = None,
    url: Annotated[str | None, typer.Option(help="The gateway; else from `GATEWAY_<PROVIDER>_URL`.")] = None,
    mix: Annotated[str, typer.Option(help="Weights of the kinds of webhook.")] = DEFAULT,
    lifecycles: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the accepted that tell lives of payments.")
    ] = 0.7,
    disorder: Annotated[float, typer.Option(min=0, max=1, help="Share of those lives told in any order.")] = 0.3,
    repeats: Annotated[float, typer.Option(min=0, max=1, help="Share of the accepted that are sent twice.")] = 0.05,
    merchants: Annotated[int, typer.Option(min=1, max=100, help="How many merchants.")] = 5,
    days: Annotated[float, typer.Option(min=0, max=365, help="Events happened within the last days.")] = 3,
    concurrency: Annotated[int, typer.Option(min=1, help="How many may be under way.")] = 32,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to try again on 503.")] = 60,
    keys: Annotated[
        Path | None, typer.Option(help="Directory of `simulator keys`, for providers that sign with their own.")
    ] = None,
) -> None:
    """Send webhooks to a gateway; exits with 1 where an answer is not what it has to be.

    With --file, sends the bodies that somebody wrote, signed as the provider does, prints what is answered to each, and
    exits with 1 where one is not taken. A file is a JSON body, or an object with `bodies` or `body_text`, and where
    wanted `provider` and `headers`.
    """
    if file:
        raise typer.Exit(_send_files(file, provider, url, keys, as_is=as_is, patience=patience))
    provider = provider or "stripe"
    tag = run if run is not None else f"run-{int(time.time()):x}"
    if not _TAG.fullmatch(tag):
        raise typer.BadParameter("at most 40 lower-case letters, digits and hyphens.", param_hint="--run")
    endpoint = _endpoint(provider, url)
    try:
        weights = parse_mix(mix)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mix") from error
    try:
        plan = Plan(tag, count, seed, merchants, days, weights, lifecycles, disorder, repeats)
        webhooks = list(
            compose(
                plan,
                PROVIDERS[provider],
                EXAMPLES,
                endpoint.secret,
                told_at.replace(tzinfo=UTC) if told_at else utc_now(),
                notification_url=endpoint.signed_url,
                lives=LIVES,
                key=_key(provider, keys),
            )
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    report = Report(Console(), count)
    with ExitStack() as stack:
        notes: list[OnAnswer] = [report.note]
        if ledger is not None:
            ledger.parent.mkdir(parents=True, exist_ok=True)
            notes.append(Ledger(stack.enter_context(ledger.open("wb"))).write)

        def note(webhook: Webhook, answer: Answer) -> None:
            for each in notes:
                each(webhook, answer)

        with report.live():
            asyncio.run(
                _send(
                    webhooks,
                    url=endpoint.target,
                    rate=rate or None,
                    concurrency=concurrency,
                    patience=patience,
                    note=note,
                )
            )
    if not report.show(tag):
        raise typer.Exit(1)


@app.command(name="keys")
def serve_keys(
    directory: Annotated[Path, typer.Option(help="Where keys are kept; made where it is empty.")],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where to listen, on this machine alone.")],
) -> None:
    """Stand in for the servers at which providers show their keys, until stopped.

    Makes, where there are none, an authority and a key of each provider that signs with its own. A gateway asks here
    with KEY_SERVER_URL, and trusts the authority with CERTIFICATE_ROOTS_FILE; `send --keys` signs with the same keys.
    """
    prepare(directory)
    server = key_server(directory, port)
    signal.signal(signal.SIGTERM, lambda _number, _frame: threading.Thread(target=server.shutdown).start())
    Console().print(f"KEY_SERVER_URL=http://127.0.0.1:{server.server_port}", highlight=False)
    Console(soft_wrap=True).print(f"CERTIFICATE_ROOTS_FILE={directory / AUTHORITY}", highlight=False)
    with suppress(KeyboardInterrupt), server:
        server.serve_forever()


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where webhooks of a provider go, the secret that signs them, and the address that the provider knows."""

    target: str
    secret: EndpointSecret
    signed_url: str


def _endpoint(provider: str, url: str | None) -> _Endpoint:
    if provider not in PROVIDERS:
        raise typer.BadParameter(f"the contracts know {', '.join(sorted(PROVIDERS))}.", param_hint="--provider")
    prefix = f"GATEWAY_{provider.upper()}_"
    settings = load(EndpointSettings, prefix)
    base = url or settings.url
    if not base:
        raise typer.BadParameter(f"give it, or set {prefix}URL (`stack env` prints it).", param_hint="--url")
    logs = load(LogSettings)
    configure("simulator", logs.log_level, logs.log_format)
    target = f"{base.rstrip('/')}/webhooks/{provider}"
    return _Endpoint(target, settings.secrets[0], settings.notification_url or target)


def _key(provider: str, directory: Path | None) -> PrivateKey | None:
    signs = PROVIDERS[provider].signature.is_asymmetric
    try:
        return key_in(directory, provider) if directory is not None and signs else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--keys") from error


def _send_files(  # one caller
    files: Sequence[Path], provider: str | None, url: str | None, keys: Path | None, *, as_is: bool, patience: float
) -> int:
    """Send every body of some files; return 0 where each was taken, else 1."""
    bodies: list[Body] = []
    wrong: list[str] = []
    for each in files:
        try:
            bodies += read_bodies(each)
        except UnusableFileError as error:
            wrong.append(str(error))
    if wrong:
        raise typer.BadParameter("\n".join(wrong), param_hint="--file")
    console = Console(soft_wrap=True)
    refused = 0
    dice = random.SystemRandom()
    for whose, group in itertools.groupby(bodies, lambda body: provider or body.provider or "stripe"):
        endpoint, contract = _endpoint(whose, url), PROVIDERS[whose]
        places = contract.envelope
        signer = Signer(
            contract.signature,
            endpoint.secret.secret,
            endpoint.signed_url,
            places.items,
            _key(whose, keys),
            places.form,
        )
        sent = list(group)
        for body in sent if as_is else renewed(sent, contract, utc_now(), dice):
            answer = asyncio.run(_send_body(body, signer, endpoint.target, patience))
            refused += answer.status != HTTPStatus.OK
            told = [f"event_id {answer.event_id}"] if answer.event_id else []
            told += [f"reason {answer.reason_code}"] if answer.reason_code else []
            console.print(f"{body.name}: {answer.status or 'no answer'} {', '.join(told)}".rstrip(), highlight=False)
    return 1 if refused else 0


async def _send_body(body: Body, signer: Signer, url: str, patience: float) -> Answer:
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
        return await Delivery(client, url, utc_now, patience).send(body.content, body.headers, signer.deliver)


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

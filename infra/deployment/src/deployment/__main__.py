"""Writes compose.yaml and values for the charts of others; `secrets` and `manifests` write what these names say."""

import os
import secrets as random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from stack.errors import StackError
from stack.places import FIRST

from deployment import manifests, neighbours
from deployment.compose import compose, secrets

REPOSITORY = Path(__file__).resolve().parents[4]
FILE = REPOSITORY / "infra" / "compose.yaml"
SECRETS = REPOSITORY / "infra" / "secrets.env"
_BYTES = 24

app = typer.Typer(rich_markup_mode="markdown", add_completion=False, help="The pipeline in containers.")


@app.callback(invoke_without_command=True)
def write(
    context: typer.Context,
    providers: Annotated[str, typer.Option(help="Whose webhooks are received, with commas between them.")] = ",".join(
        FIRST
    ),
    output: Annotated[Path, typer.Option(help="Where to write it.")] = FILE,
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where something differs.")] = False,
) -> None:
    """Write compose.yaml where it differs."""
    if context.invoked_subcommand is not None:
        return
    names = tuple(name.strip() for name in providers.split(",") if name.strip())
    try:
        text = compose(REPOSITORY, names)
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    files = {output: text} | (neighbours.files(REPOSITORY) if output == FILE else {})
    if not check:
        _write(files)
    elif stale := _differing(files):
        sys.stderr.writelines(f"{path} is not what `python -m deployment` writes: run it\n" for path in stale)
        raise typer.Exit(1)


@app.command("manifests")
def write_manifests() -> None:
    """Render the chart into infra/k8s, by the Helm of the PATH or one that is built for it."""
    try:
        text = manifests.manifests(manifests.helm(), manifests.chart(REPOSITORY))
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    _write({manifests.target(REPOSITORY): text})


def _differing(files: Mapping[Path, str]) -> list[Path]:
    return [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def _write(files: Mapping[Path, str]) -> None:
    for path in _differing(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


@app.command("secrets")
def write_secrets(
    compose_file: Annotated[Path, typer.Option("--compose", help="Whose secrets.")] = FILE,
    output: Annotated[Path, typer.Option(help="Where to write them; an existing file gets what it lacks.")] = SECRETS,
) -> None:
    """Write new random secrets for compose.yaml into a file that only its owner reads."""
    present = output.read_text(encoding="utf-8") if output.is_file() else ""
    known = {line.partition("=")[0] for line in present.splitlines()}
    lacking = [name for name in secrets(compose_file.read_text(encoding="utf-8")) if name not in known]
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.writelines(f"{name}={random.token_hex(_BYTES)}\n" for name in lacking)
    sys.stdout.write(f"{output}: {len(lacking)} secrets written, {len(known)} kept\n")


if __name__ == "__main__":
    app()

"""The passwords of one state directory: made once, kept in a file that only the owner reads."""

import os
import secrets as random
import shlex
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from stack.errors import StackError

TOKEN_BYTES = 24
WEBHOOK = "_webhook_secret"
TOKEN = "console_token"  # noqa: S105  # its name


class Secrets(BaseModel):
    """What is secret in a stack; the names in the file are these, in capitals.

    `webhook_secrets` are by provider; in the file their names end in _WEBHOOK_SECRET.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    s3_access_key_id: SecretStr
    s3_secret_access_key: SecretStr
    postgres_password: SecretStr
    temporal_password: SecretStr
    iceberg_password: SecretStr
    payments_password: SecretStr
    console_token: SecretStr
    webhook_secrets: Mapping[str, SecretStr]

    def values(self) -> Mapping[str, SecretStr]:
        """Return every secret by its name in the file, in small letters."""
        plain = {name: getattr(self, name) for name in type(self).model_fields if name != "webhook_secrets"}
        return plain | {f"{provider}{WEBHOOK}": secret for provider, secret in self.webhook_secrets.items()}


def generate(providers: Iterable[str]) -> Secrets:
    """Return new random secrets, with one for the webhooks of each provider."""
    return Secrets(
        s3_access_key_id=SecretStr(f"payments{random.token_hex(6)}"),
        s3_secret_access_key=_token(),
        postgres_password=_token(),
        temporal_password=_token(),
        iceberg_password=_token(),
        payments_password=_token(),
        console_token=_token(),
        webhook_secrets=_webhook_secrets(providers),
    )


def _token() -> SecretStr:
    return SecretStr(random.token_hex(TOKEN_BYTES))


def _webhook_secrets(providers: Iterable[str]) -> Mapping[str, SecretStr]:
    # In every encoding in which a provider may write its keys (UTF-8, hex, base64), a token is one.
    return {provider: _token() for provider in providers}


def render(secrets: Secrets) -> str:
    """Return the file's text: one shell assignment per secret."""
    lines = [f"{name.upper()}={shlex.quote(value.get_secret_value())}" for name, value in secrets.values().items()]
    return "\n".join(lines) + "\n"


def parse(text: str, path: Path) -> Secrets:
    """Return the secrets of a file; raise StackError if it is not complete."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            values[name.strip().lower()] = "".join(shlex.split(value))
    # A file of before has none. Nothing but the stack holds it, as with a webhook's secret, so a new one harms nobody.
    values.setdefault(TOKEN, "")
    webhooks = {name.removesuffix(WEBHOOK): values.pop(name) for name in list(values) if name.endswith(WEBHOOK)}
    try:
        return Secrets.model_validate(values | {"webhook_secrets": webhooks})
    except ValidationError as error:
        wrong = ", ".join(sorted({str(problem["loc"][0]).upper() for problem in error.errors()}))
        raise StackError(
            f"{path} is not complete or holds unknown names ({wrong}): restore it, or run `make clean-state`."
        ) from None


def load(path: Path, providers: Iterable[str]) -> Secrets:
    """Return the secrets of this file, which is made if it is absent, and given what it lacks for a new provider."""
    wanted = tuple(providers)
    try:
        found = parse(path.read_text(), path)
    except FileNotFoundError:
        return _create(path, wanted)
    lacking = [provider for provider in wanted if provider not in found.webhook_secrets]
    has_token = bool(found.console_token.get_secret_value())
    if not lacking and has_token:
        return found
    # Nothing but the stack holds these, so new ones harm nobody; a server's password would.
    completed = found.model_copy(
        update={
            "webhook_secrets": {**found.webhook_secrets, **_webhook_secrets(lacking)},
            TOKEN: found.console_token if has_token else _token(),
        }
    )
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(render(completed))
    Path(temporary).replace(path)
    return completed


def _create(path: Path, providers: Iterable[str]) -> Secrets:
    secrets = generate(providers)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return parse(path.read_text(), path)
    with os.fdopen(descriptor, "w") as file:
        file.write(render(secrets))
    return secrets

"""The passwords of one state directory: made once, kept in a file that only the owner reads."""

import os
import secrets as random
import shlex
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from stack.errors import StackError

TOKEN_BYTES = 24


class Secrets(BaseModel):
    """What is secret in a stack; the names in the file are these, in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    s3_access_key_id: SecretStr
    s3_secret_access_key: SecretStr
    postgres_password: SecretStr
    temporal_password: SecretStr
    iceberg_password: SecretStr
    payments_password: SecretStr
    stripe_webhook_secret: SecretStr


def generate() -> Secrets:
    """Return new random secrets."""

    def token() -> SecretStr:
        return SecretStr(random.token_hex(TOKEN_BYTES))

    return Secrets(
        s3_access_key_id=SecretStr(f"payments{random.token_hex(6)}"),
        s3_secret_access_key=token(),
        postgres_password=token(),
        temporal_password=token(),
        iceberg_password=token(),
        payments_password=token(),
        stripe_webhook_secret=SecretStr(f"whsec_{random.token_hex(TOKEN_BYTES)}"),
    )


def render(secrets: Secrets) -> str:
    """Return the file's text: one shell assignment per secret."""
    lines = [
        f"{name.upper()}={shlex.quote(getattr(secrets, name).get_secret_value())}" for name in Secrets.model_fields
    ]
    return "\n".join(lines) + "\n"


def parse(text: str, path: Path) -> Secrets:
    """Return the secrets of a file; raise StackError if it is not complete."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            values[name.strip().lower()] = "".join(shlex.split(value))
    try:
        return Secrets.model_validate(values)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(problem["loc"][0]).upper() for problem in error.errors()}))
        raise StackError(
            f"{path} is not complete or holds unknown names ({wrong}): restore it, or run `make clean-state`."
        ) from None


def load(path: Path) -> Secrets:
    """Return the secrets of this file, which is made if it is absent."""
    try:
        return parse(path.read_text(), path)
    except FileNotFoundError:
        pass
    secrets = generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return parse(path.read_text(), path)
    with os.fdopen(descriptor, "w") as file:
        file.write(render(secrets))
    return secrets

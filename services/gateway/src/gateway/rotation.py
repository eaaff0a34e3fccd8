"""Secrets in a file, which may change at any time: as Kubernetes mounts a Secret, or as a person edits it."""

import asyncio
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from kit.errors import Fault
from pydantic import TypeAdapter, ValidationError

from gateway.secrets import EndpointSecret, EndpointSecrets, with_blanks

_LOG = structlog.get_logger("gateway")
_SECONDS_BETWEEN_LOOKS = 1.0
_SECRETS: TypeAdapter[tuple[EndpointSecret, ...]] = TypeAdapter(EndpointSecrets)


def tell_of_blanks(secrets: Iterable[EndpointSecret]) -> None:
    """Write a line in the log where something was cut off around a secret; nothing of the secret is in it."""
    if ids := with_blanks(secrets):
        _LOG.warning("blanks_around_secrets", ids=ids)


class SecretsFile:
    """A file with an endpoint's secrets: the JSON list that WEBHOOK_SECRETS would hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: bytes | None = None

    def read(self) -> tuple[EndpointSecret, ...]:
        """Return what the file holds.

        Raises:
            Fault: It cannot be read, or is not what it has to be. No secret is in the message.
        """
        try:
            self._content = self._path.read_bytes()
        except OSError as error:
            # That it cannot be read is a change, too, and so is that it can again.
            self._content = None
            raise Fault(f"The secrets in {self._path} cannot be read: {error.strerror}.") from error
        try:
            secrets = _SECRETS.validate_json(self._content.removeprefix(BOM_UTF8))
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False, include_context=False)
        else:
            tell_of_blanks(secrets)
            return secrets
        # Out here it has no cause, which might show a secret.
        first = problems[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise Fault(f"The secrets in {self._path} are wrong{f' at {where}' if where else ''}: {what}.")

    async def follow(
        self,
        use: Callable[[tuple[EndpointSecret, ...]], None],
        count: Callable[[str], None],
        seconds_between_looks: float = _SECONDS_BETWEEN_LOOKS,
    ) -> None:
        """Hand the secrets over each time the file has changed, until cancelled.

        A change that is wrong is refused with a line in the log, and the secrets in use stay: a slip of the pen must
        not turn webhooks away.

        Args:
            use: Takes the secrets; raises Fault where it cannot.
            count: Told `taken` or `refused` for each change.
            seconds_between_looks: How often to look. The content is compared, not the time of the change: a mounted
                Secret is exchanged by a link.
        """
        while True:
            await asyncio.sleep(seconds_between_looks)
            known = self._content
            try:
                secrets = await asyncio.to_thread(self.read)
                if self._content == known:
                    continue
                use(secrets)
            except Fault as error:
                if self._content != known:
                    count("refused")
                    _LOG.error("secrets_refused", detail=str(error))
                continue
            count("taken")
            _LOG.info("secrets_taken", ids=[secret.id for secret in secrets])

"""Whether real money is meant by an event, as its provider's contract has it told. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from payments_contracts.providers import Header, Livemode, Path

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class LivemodeReader:
    """Reads it from the place that the contract names: `path` in the body, or where that is None a header."""

    def __init__(self, places: Livemode) -> None:
        self._meanings = dict(places.meanings)
        self.path: Path | None = None if isinstance(places.source, Header) else places.source
        self._header = places.source.name.lower() if isinstance(places.source, Header) else ""

    def read(self, value: object, headers: Mapping[str, str], endpoint_livemode: bool) -> bool:  # noqa: FBT001 - the answer where none is given
        """Return what the value at the path says, or the header; else what the endpoint is set to."""
        said = headers.get(self._header) if self.path is None else value
        if type(said) is bool:
            said = "true" if said else "false"
        return self._meanings.get(said.strip(), endpoint_livemode) if type(said) is str else endpoint_livemode

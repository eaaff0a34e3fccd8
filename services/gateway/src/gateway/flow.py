"""What a connection may have waiting: nothing more is read, or parsed, while what came before is not answered."""

import asyncio

from uvicorn.protocols.http.flow_control import FlowControl

# So many bytes are parsed at once: however short its requests are, a client has few of them waiting.
PIECE_BYTES = 16_384


class Flow(FlowControl):
    """Uvicorn's, which reads on whenever somebody asks for more of a body; here not while it is held."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_held = False
        # What had been read before nothing more was to be.
        self.unparsed = b""

    def is_held(self) -> bool:
        """Tell whether nothing more is to be read."""
        return self._is_held

    def hold(self) -> None:
        """Read no more until it is let go."""
        self._is_held = True
        self.pause_reading()

    def let_go(self) -> None:
        """Read on."""
        self._is_held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        """Read on, unless it is held."""
        if not self._is_held:
            super().resume_reading()

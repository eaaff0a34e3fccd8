"""The `inference` command."""

import uvicorn
from kit.logging import configure
from kit.settings import load

from inference.app import build_app
from inference.settings import Settings


def main() -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    settings = load(Settings)
    configure("inference", settings.log_level, settings.log_format)
    uvicorn.run(
        build_app(settings.latency),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()

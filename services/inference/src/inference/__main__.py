"""The `inference` command."""

from kit.http import serve
from kit.logging import configure
from kit.settings import load

from inference.app import build_app
from inference.settings import Settings


def main() -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    settings = load(Settings)
    configure("inference", settings.log_level, settings.log_format)
    serve(build_app(settings.latency), settings.http_host, settings.http_port)


if __name__ == "__main__":
    main()

"""Prometheus metrics, and the small server on which workers show them with their health."""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from kit.health import Checks, examine

LATENCY_BUCKETS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Seconds; dense where the targets lie."""

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """Return all metrics of a registry in the Prometheus text format."""
    return generate_latest(registry)


class MetricsServer:
    """Serves /healthz, /readyz and /metrics from a thread of its own; a context manager, closed at the end."""

    def __init__(self, host: str, port: int, checks: Checks, registry: CollectorRegistry = REGISTRY) -> None:
        """Begin to answer on an address; port 0 takes any that is free.

        Raises:
            OSError: The address is in use.
        """
        self._server = ThreadingHTTPServer((host, port), _handler(checks, registry))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start_metrics_server(host: str, port: int, checks: Checks, registry: CollectorRegistry = REGISTRY) -> MetricsServer:
    """Start a worker's server for /healthz, /readyz and /metrics; the caller closes it.

    Raises:
        OSError: The address is in use.
    """
    return MetricsServer(host, port, checks, registry)


def _handler(checks: Checks, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/healthz":
                self._send_json(HTTPStatus.OK, {"status": "alive"})
            elif path == "/readyz":
                readiness = examine(checks)
                status = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
                self._send_json(status, readiness.as_json())
            elif path == "/metrics":
                self._send(HTTPStatus.OK, CONTENT_TYPE, exposition(registry))
            else:
                self._send_json(HTTPStatus.NOT_FOUND, {"detail": "Only /healthz, /readyz and /metrics are here."})

        def _send_json(self, status: HTTPStatus, content: dict[str, object]) -> None:
            self._send(status, "application/json", json.dumps(content, separators=(",", ":")).encode())

        def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Say nothing: probes come every few seconds."""

    return Handler

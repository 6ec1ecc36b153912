"""The /metrics page: shows the snapshot it was last given, and nothing else."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from edge_inspector.core.errors import EndpointError
from edge_inspector.core.logs import get_log
from edge_inspector.observe.snapshot import Family, render

log = get_log(__name__)

WAIT_S = 0.25  # longest time until `stop` is noticed
CLIENT_S = 1.0  # for a whole request, and again for the answer: Prometheus itself waits 10 s, so a few slow
# clients before it in the queue do no harm
MAX_REQUEST_BYTES = 8192  # a request line and headers; Prometheus sends about 300


class MetricsPage:
    """An HTTP server for GET and HEAD /metrics.

    One request at a time, in the thread that calls `step` or `serve`: no thread per client, so no number of
    clients can take more than this one thread, and a slow one is cut off. `publish` and `stop`: any thread.
    """

    def __init__(self, host: str, port: int) -> None:
        """Bind.

        Args:
            host: Address to listen on, a number or `localhost`.
            port: 0 takes a free one.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self._stop = threading.Event()
        try:
            self._server = _Server(host, port)
        except OSError as error:
            raise EndpointError(
                f"metrics page cannot listen on {host}:{port}: {error.strerror or error}; see who does with "
                f"`ss -ltnp 'sport = :{port}'`, or set another metrics.port (null for no page)"
            ) from error

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def publish(self, families: Sequence[Family]) -> None:
        """Show exactly this snapshot from the next request on; nobody may change it any more.

        The text is made when somebody asks, in the thread that answers: the caller has better things to do.
        """
        self._server.shown = _Shown(families)

    def step(self) -> bool:
        """Answer one request; returns after 0.25 s when none came. False once stopped."""
        if not self._stop.is_set():
            self._server.handle_request()
        return not self._stop.is_set()

    def serve(self) -> None:
        """Answer requests until `stop`."""
        while self.step():
            pass

    def stop(self) -> None:
        """Let `serve` return, within 0.25 s when nobody asks."""
        self._stop.set()

    def close(self) -> None:
        """Give the port back; after `serve` has returned."""
        self.stop()
        self._server.server_close()

    def __enter__(self) -> Self:
        """Return itself: it listens since it was made."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the port back."""
        self.close()


class _Shown:
    """A snapshot, and its text once somebody has asked for it."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families
        self._text: bytes | None = None

    def text(self) -> bytes:
        if self._text is None:
            self._text = render(self._families)
        return self._text


class _Server(TCPServer):
    # Not http.server.HTTPServer: it asks the name service for the host's name, which an offline PC has not.
    allow_reuse_address = True
    request_queue_size = 16
    timeout = WAIT_S

    def __init__(self, host: str, port: int) -> None:
        self.shown: _Shown | None = None
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's shape
        # A client that is slow or gone. The base class would print a traceback.
        log.debug("metrics_client_lost", client=client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    rfile: io.BytesIO

    def setup(self) -> None:
        super().setup()
        # A limit for the request as a whole: one for each read would let a client drip for hours.
        self.rfile = io.BytesIO(_read_head(self.connection, time.monotonic() + CLIENT_S))
        self.connection.settimeout(CLIENT_S)

    def do_GET(self) -> None:
        shown = self.server.shown
        if self.path.split("?")[0] != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, b"only /metrics is here\n")
        elif shown is None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"no numbers yet, ask again in a second\n")
        else:
            self._answer(HTTPStatus.OK, shown.text())

    do_HEAD = do_GET  # noqa: N815 - found by this name

    def _answer(self, status: HTTPStatus, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def version_string(self) -> str:
        return "edge-inspector"  # not which Python: nobody needs to know

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("metrics_request", client=self.client_address[0], request=format % args)


def _read_head(connection: socket.socket, deadline_s: float) -> bytes:
    """Read up to the empty line that ends a request's head; what came by then when the client is done.

    Raises:
        TimeoutError: It did not end by `deadline_s` on the monotonic clock.
    """
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MAX_REQUEST_BYTES:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        if not (more := connection.recv(MAX_REQUEST_BYTES)):
            break
        head += more
    return head

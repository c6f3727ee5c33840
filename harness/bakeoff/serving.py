"""A web server for one page: two addresses, no files, and only whom it is meant for.

Nothing of an address reaches the file system: it is looked up in a table. A name in the
``Host`` header other than the one it was started under is refused: a stranger's page whose
name was made to lead here (DNS rebinding) must not read the results. An address in digits
cannot be rebound.
"""

import errno
import socket
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from bakeoff import frame
from bakeoff.errors import BakeoffError
from bakeoff.live import LivePage, Page

LOOPBACK = "127.0.0.1"
PATIENCE_S = 10  # for a request to be sent: a silent visitor holds a thread no longer
ALLOWED = "GET, HEAD"
REPORT_POLICY = "frame-ancestors 'self'"  # beside the page's own

Answer = tuple[Page, str]  # and its content security policy

FRAME = Page(frame.HTML.encode(), '"frame"')


class Server(ThreadingMixIn, TCPServer):
    """Serves a run's page until it is shut down.

    Raises
    ------
    BakeoffError
        If it cannot listen there.
    """

    daemon_threads = True
    allow_reuse_address = True  # after one that has just ended, not beside one that runs

    def __init__(self, page: LivePage, host: str = LOOPBACK, port: int = 0) -> None:
        self.host = host
        self.routes: dict[str, Callable[[], Answer]] = {
            "/": lambda: (FRAME, frame.POLICY),
            "/report": lambda: (page.current(), REPORT_POLICY),
        }
        try:
            self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            why = "is in use" if taken else f"cannot be listened at ({error})"
            raise BakeoffError(
                f"serve: port {port} of {host} {why}; choose another --port (0 takes a free one)"
                + ("" if taken else " or --host")
            ) from error

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of visitors that leave before they are answered."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers one visitor."""

    server: Server
    server_version = "bakeoff"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _refuse(self) -> None:
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, b"This page is only to be read.\n")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _answer(self) -> None:
        if not is_meant_for(self.headers.get("Host", ""), self.server.host):
            self._send(HTTPStatus.MISDIRECTED_REQUEST, b"This server has another name.\n")
            return
        route = self.server.routes.get(self.path.partition("?")[0])
        if route is None:
            self._send(HTTPStatus.NOT_FOUND, b"There is only the page: /\n")
            return
        try:
            page, policy = route()
        except BakeoffError as error:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
            return
        if self.headers.get("If-None-Match") == page.tag:
            self._send(HTTPStatus.NOT_MODIFIED, b"", ETag=page.tag)
            return
        self._send(
            HTTPStatus.OK, page.content, "text/html; charset=utf-8",
            ETag=page.tag, Content_Security_Policy=policy,
        )  # fmt: skip

    def _send(
        self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8",
        **headers: str,
    ) -> None:  # fmt: skip
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", ALLOWED)
            self.close_connection = True  # what it wanted to send is not read
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the page asks every other second."""


def is_meant_for(host: str, own: str) -> bool:
    """Return whether a ``Host`` header names this server: by digits, its own name or localhost.

    >>> is_meant_for("127.0.0.1:8000", "127.0.0.1"), is_meant_for("evil.example", "127.0.0.1")
    (True, False)
    """
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if name in ("localhost", own.lower()):
        return True
    try:
        return bool(ip_address(name))
    except ValueError:
        return False

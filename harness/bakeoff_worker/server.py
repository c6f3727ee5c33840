"""The request loop: JSON lines over two private pipes, one reply to every request.

Standard output and error belong to the toolkit and go to the log; nothing printed
there can reach the protocol. A request is ``{"id": n, "command": "...", ...}``; its
reply is ``{"id": n, "ok": true, ...}`` or ``{"id": n, "ok": false, "error": {...}}``
with the fields of `bakeoff_worker.failures.describe`.
"""

import argparse
import faulthandler
import json
import os
import select
import signal
from typing import Any, Callable, Dict, Iterator, List

from bakeoff_worker import failures, measure

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]
try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

Request = Dict[str, Any]


class Channel(object):
    """Requests in, replies out, each a line of JSON."""

    def __init__(self, request_fd: int, reply_fd: int) -> None:
        self._requests = os.fdopen(request_fd, "rb")
        self._reply_fd = reply_fd

    def __iter__(self) -> Iterator[bytes]:
        """Yield lines until the controller closes its end."""
        return iter(self._requests.readline, b"")

    def reply(self, data: Dict[str, Any]) -> None:
        """Write one line, whole."""
        # Numbers that JSON lacks (NaN, infinity) never travel here: arrays go as files.
        line = memoryview(_line(data))
        while line:
            line = line[os.write(self._reply_fd, line) :]


def tie_to(lifeline_fd: int) -> bool:
    """Have the kernel kill this process group when the controller is gone.

    An idle worker reads end-of-file and leaves by itself, but one that computes, or
    hangs, does not look. The lifeline is a pipe into which nothing is ever written; on
    Linux its reader can ask for a signal (``O_ASYNC``) when something happens at the
    other end, which can only be its closing.

    Returns
    -------
    bool
        False where the system has no such thing.
    """
    try:
        fcntl.fcntl(lifeline_fd, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, -os.getpgrp())
        flags = fcntl.fcntl(lifeline_fd, fcntl.F_GETFL)
        fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, flags | os.O_ASYNC)
    except (AttributeError, OSError):  # another system, or a sandbox
        return False
    poll = select.poll()
    poll.register(lifeline_fd, 0)
    if poll.poll(0):  # closed already
        os._exit(1)
    return True


def serve(channel: Channel, handle: Callable[[Request], Dict[str, Any]]) -> None:
    """Answer requests until ``exit`` or until the controller closes its end."""
    for line in channel:
        number = None
        try:
            request = _parsed(line)
            number = request.get("id")
            if request["command"] == "exit":
                channel.reply({"id": number, "ok": True})
                return
            reply = handle(request)
            reply.update(id=number, ok=True)
        except BaseException as error:
            # The worker's boundary: whatever a toolkit raises becomes a reply.
            reply = {"id": number, "ok": False, "error": failures.describe(error)}
        channel.reply(reply)


def _line(data: Dict[str, Any]) -> bytes:
    return json.dumps(data, default=_plain).encode("utf-8") + b"\n"


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a foreign value, such as a NumPy scalar in describe()."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "size", 0) == 1 else str(value)


def _parsed(line: bytes) -> Request:
    try:
        request = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise failures.Refused("request: no JSON (%s); got %r" % (error, line[:80]))
    if not isinstance(request, dict) or not isinstance(request.get("command"), str):
        raise failures.Refused("request: expected an object with a command; got %r" % line[:80])
    return request


def main(argv: List[str]) -> int:
    """Run a worker: guard the process, pin it, then serve."""
    parser = argparse.ArgumentParser(prog="bakeoff_worker")
    parser.add_argument("request_fd", type=int)
    parser.add_argument("reply_fd", type=int)
    parser.add_argument("stack_fd", type=int, help="where a crash's Python stack goes")
    parser.add_argument("lifeline_fd", type=int, help="closed when the controller is gone")
    parser.add_argument("--cpu", type=int, default=None, help="pin to this processor")
    options = parser.parse_args(argv)
    for fd in (options.request_fd, options.reply_fd, options.stack_fd, options.lifeline_fd):
        os.set_inheritable(fd, False)  # a toolkit's helpers must not hold them open
    tie_to(options.lifeline_fd)
    faulthandler.enable(options.stack_fd, all_threads=True)
    if resource is not None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # a crash leaves a stack, no core
    if options.cpu is not None:
        measure.pin(options.cpu)

    session: List[Any] = []

    def handle(request: Request) -> Dict[str, Any]:
        if not session:
            # Imports NumPy: where that is missing, the first reply says so.
            from bakeoff_worker.session import Session

            session.append(Session())
        return session[0].handle(request)  # type: ignore[no-any-return]

    serve(Channel(options.request_fd, options.reply_fd), handle)
    return 0

"""A worker as an operating-system process: started, listened to, ended with all its kin."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff import worker_log

REPLY_BYTES = 64 * 2**20  # a reply is names and numbers; one longer than this is a fault
_POLL_S = 0.5  # how often a log is looked at, and, without pidfd, whether the worker lives
_ABORT_S = 2.0  # how long a stack dump may take
_REAP_S = 10.0  # how long a killed process may take to be gone
_MARK = "BAKEOFF_WORKER"  # environment variable by which escaped descendants are known


class Ended(Exception):
    """The worker's process is gone."""


class Expired(Exception):
    """The deadline passed without a reply."""


class WorkerProcess:
    """A child in its own session, with a pipe each way and its output in a log file.

    Its own session keeps the terminal's Ctrl-C from it: the controller decides. Pipes
    rather than standard input and output: those belong to the toolkit.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        folder: Path,
        log: Path,
        arguments: Sequence[str] = (),
    ) -> None:
        self.log = log
        self.stack_file = folder / "stack"
        self._mark = uuid.uuid4().hex
        request_read, self._request_fd = os.pipe()
        self._reply_fd, reply_write = os.pipe()
        log_fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        stack_fd = os.open(self.stack_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        lifeline_read, self._lifeline_fd = os.pipe()
        theirs = (request_read, reply_write, stack_fd, lifeline_read)
        self._pidfd: int | None = None
        try:
            self._process = subprocess.Popen(
                [*command, *(str(fd) for fd in theirs), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                pass_fds=theirs,
                start_new_session=True,
                env={**env, _MARK: self._mark},
                cwd=folder,
            )
        except BaseException:
            self._close_ours()
            raise
        finally:
            for fd in (*theirs, log_fd):
                os.close(fd)
        os.set_blocking(self._request_fd, False)
        os.set_blocking(self._reply_fd, False)
        self._open = True
        self._resting = False
        self._received = bytearray()
        self.pid = self._process.pid
        self._pidfd = _pidfd(self.pid)

    def rest(self) -> None:
        """Stop the process and its children until the next request.

        What a toolkit does between calls (threads that spin as they wait for work, a
        collector, a writer of logs) would take time from the worker that is measured.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGSTOP)
            self._resting = True

    def _wake(self) -> None:
        if self._resting:
            self._resting = False
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGCONT)

    def exchange(self, line: bytes, deadline: float) -> bytes:
        """Send a line, return the line that answers it. A process at rest is woken.

        Raises
        ------
        Ended
            If the process ends first.
        Expired
            If ``deadline`` (of `time.monotonic`) passes first.
        """
        self._wake()
        to_send = memoryview(line)
        with selectors.DefaultSelector() as selector:
            selector.register(self._reply_fd, selectors.EVENT_READ)
            selector.register(self._request_fd, selectors.EVENT_WRITE)
            if self._pidfd is not None:
                selector.register(self._pidfd, selectors.EVENT_READ)
            while True:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise Expired
                ready = {key.fd for key, _ in selector.select(min(remaining, _POLL_S))}
                if self._request_fd in ready:
                    try:
                        to_send = to_send[os.write(self._request_fd, to_send) :]
                    except BrokenPipeError:
                        to_send = to_send[:0]  # it closed its end: a reply or its end follows
                    if not to_send:
                        selector.unregister(self._request_fd)
                if self._reply_fd in ready and (reply := self._read()) is not None:
                    return reply
                worker_log.keep_within(self.log)
                # A last reply may be in the pipe when the process is gone: read it first.
                if self._reply_fd not in ready and self._gone(self._pidfd in ready):
                    raise Ended

    def _read(self) -> bytes | None:
        try:
            chunk = os.read(self._reply_fd, 1 << 16)
        except BlockingIOError:
            return None
        if not chunk:
            # Closed by the worker, which may take a moment to be gone.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_ABORT_S)
            raise Ended
        self._received += chunk
        line, newline, rest = self._received.partition(b"\n")
        if not newline and len(line) <= REPLY_BYTES:
            return None
        self._received = rest
        return bytes(line)

    def _gone(self, signalled: bool) -> bool:
        return signalled if self._pidfd is not None else self._process.poll() is not None

    def abort(self) -> None:
        """Ask for the Python stack (SIGABRT, faulthandler), then end the process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGABRT)
        self._wait_gone(_ABORT_S)
        self.end(0.0)

    def end(self, patience_s: float) -> int:
        """End the process and every descendant; return the exit status (negative: signal).

        An idle worker may leave by itself within ``patience_s``.
        """
        if self._open:
            self._open = False
            try:
                if patience_s > 0:
                    self._take_leave(time.monotonic() + patience_s)
            finally:
                self._kill()
                self._close_ours()
            worker_log.keep_within(self.log)
        status = self._process.returncode
        return -signal.SIGKILL if status is None else status

    def _take_leave(self, deadline: float) -> None:
        with contextlib.suppress(Ended, Expired):
            self.exchange(b'{"command": "exit"}\n', deadline)
            self._wait_gone(max(0.0, deadline - time.monotonic()))

    def _close_ours(self) -> None:
        for fd in (self._request_fd, self._reply_fd, self._lifeline_fd, self._pidfd):
            if fd is not None:
                os.close(fd)

    def _kill(self) -> None:
        # Before the process is reaped, so that its group's number cannot be another's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        _kill_marked(self._mark)
        # A process stuck in a driver does not even die; the run goes on without it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAP_S)

    def _wait_gone(self, seconds: float) -> None:
        if self._pidfd is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self._pidfd, selectors.EVENT_READ)
            selector.select(seconds)


def _pidfd(pid: int) -> int | None:
    """Return a descriptor that is readable once the process is gone, if there is such."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return os.pidfd_open(pid)
    return None


def _kill_marked(mark: str) -> None:
    """Kill descendants that left the process group (daemons): they carry the mark."""
    needle = f"{_MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if needle in entry.read_bytes().split(b"\0"):
                os.kill(int(entry.parent.name), signal.SIGKILL)


def kernel_kills(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processes the kernel has killed for want of memory, as far as seen.

    The sum of the system's counter and those of this process's control groups (version
    1 and 2): only a difference between two readings means anything.
    """
    total = _counter(proc / "vmstat", "oom_kill")
    for line in _lines(proc / "self" / "cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            total += _nearest(groups, path, "memory.events")
        elif "memory" in controllers.split(","):
            total += _nearest(groups / "memory", path, "memory.oom_control")
    return total


def _nearest(root: Path, path: str, name: str) -> int:
    """Return the group's counter, or, inside a container, that of the visible root."""
    for folder in (root / path.lstrip("/"), root):
        if (folder / name).is_file():
            return _counter(folder / name, "oom_kill")
    return 0


def _counter(file: Path, key: str) -> int:
    for line in _lines(file):
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []

"""What workers print: bounded on disk, bounded in memory, clean to show."""

import os
import re
from pathlib import Path

MAX_BYTES = 8 * 2**20  # a log beyond this is cut while its worker runs
HEAD_BYTES = 64 * 2**10  # its beginning, kept: where toolkits report versions and devices
TAIL_BYTES = 256 * 2**10  # its end, kept: where they report what went wrong
SHOWN_BYTES = 8 * 2**10

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def readable(raw: bytes) -> str:
    """Return text that is safe to show: decoded with replacement, no control characters."""
    return printable(raw.decode("utf-8", errors="replace"))


def printable(text: str) -> str:
    """Return text without control characters and terminal escapes, newlines and tabs kept."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def tail(path: Path, limit: int = SHOWN_BYTES) -> str:
    """Return the readable end of a file, at most ``limit`` bytes; "" if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            raw = file.read(limit)
    except OSError:
        return ""
    if size > limit:
        raw = raw.partition(b"\n")[2] or raw  # begin with a whole line
    return readable(raw)


def head(path: Path, limit: int = SHOWN_BYTES) -> str:
    """Return the readable beginning of a file, at most ``limit`` bytes; "" if there is none."""
    try:
        with path.open("rb") as file:
            return readable(file.read(limit))
    except OSError:
        return ""


def keep_within(path: Path, max_bytes: int = MAX_BYTES) -> None:
    """Cut a log that has grown past ``max_bytes`` down to its head and tail.

    The file is cut in place. Its writer appends (``O_APPEND``), so what it writes next
    follows the tail; a line written during the cut may be lost.
    """
    try:
        size = path.stat().st_size
        if size <= max_bytes:
            return
        with path.open("r+b") as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(HEAD_BYTES, size - TAIL_BYTES))
            end = file.read(TAIL_BYTES)
            dropped = max(0, size - len(head) - len(end))
            notice = f"\n[bakeoff: {dropped} bytes left out here]\n".encode()
            file.seek(0)
            file.write(head + notice + end)
            file.truncate()
    except OSError:
        return  # the log is no reason to lose a measurement

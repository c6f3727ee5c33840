"""The page of a run that may still be going on: drawn anew when its journal has changed."""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from bakeoff import adoption
from bakeoff.errors import BakeoffError
from bakeoff.journal import FILE_NAME, Journal

LEAST_PAUSE_S = 2.0
SHARE = 0.1  # of a core, at most: whoever watches a run must not slow it down

Fingerprint = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What is served; ``tag`` changes whenever the content does."""

    content: bytes
    tag: str


class LivePage:
    """A run's page, kept in memory.

    Parameters
    ----------
    folder
        Of the run. Nothing is ever written to it.
    write
        ``write(folder) -> path`` makes the page of the run in a folder.
    tell
        Is told why a page could not be drawn anew.
    clock
        In seconds.
    """

    def __init__(
        self, folder: Path, write: Callable[[Path], Path], tell: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._folder, self._write, self._tell, self._clock = folder, write, tell, clock
        self._drawing = Lock()
        self._page: Page | None = None
        self._seen: Fingerprint = ()
        self._next_s = 0.0

    def current(self) -> Page:
        """Return the page, drawn anew if the journal has changed and enough time has passed.

        While it is being drawn others get the page before; it stays if there is no drawing.

        Raises
        ------
        BakeoffError
            If there is no page before.
        """
        page = self._page
        if page is None:
            with self._drawing:
                return self._page or self._draw()
        if self._is_due() and self._drawing.acquire(blocking=False):
            try:
                return self._draw()
            except BakeoffError as error:
                self._tell(str(error))
            finally:
                self._drawing.release()
        return page

    def _is_due(self) -> bool:
        return self._clock() >= self._next_s and self._fingerprint() != self._seen

    def _fingerprint(self) -> Fingerprint:
        """Return what changes whenever the journal does: its files' times and sizes."""
        found = []
        for name in (FILE_NAME, f"{FILE_NAME}-wal", adoption.FILE_NAME):
            try:
                about = (self._folder / name).stat()
            except OSError:
                continue
            found.append((about.st_mtime_ns, about.st_size))
        return tuple(found)

    def _draw(self) -> Page:
        """Draw from a copy: neither is the run kept waiting, nor its folder written to."""
        began_s, seen = self._clock(), self._fingerprint()
        try:
            with tempfile.TemporaryDirectory(prefix="bakeoff-serve-") as place:
                copy = Path(place)
                with Journal(self._folder / FILE_NAME) as journal:
                    journal.copy(copy / FILE_NAME)
                own = self._folder / adoption.FILE_NAME
                if own.is_file():
                    shutil.copy(own, copy)
                content = self._write(copy).read_bytes()
        finally:
            self._seen = seen
            now_s = self._clock()
            self._next_s = now_s + max(LEAST_PAUSE_S, (now_s - began_s) / SHARE)
        self._page = Page(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        return self._page

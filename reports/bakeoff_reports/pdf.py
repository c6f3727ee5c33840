"""The page as a PDF, printed by a Chromium or Chrome that is found on the machine.

What is printed is the page without its scripts, and the browser keeps its sandbox: as root,
where it would have none, it runs as ``nobody``.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bakeoff.errors import BakeoffError
from bakeoff.reporting import AdoptionMetric, ReportSection
from bakeoff.whole import write_whole
from bakeoff_reports.analysis import analyse, load
from bakeoff_reports.page import render

FILE_NAME = "report.pdf"
NAMED = "CHROME"  # the environment variable that names the browser
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
         "chrome-headless-shell", "microsoft-edge")  # fmt: skip
FLAGS = ("--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-sync",
         "--disable-background-networking", "--disable-component-update",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer")  # fmt: skip
TIMEOUT_S = 300.0  # 90 pages take half a minute on a busy core
SHOWN = 800  # characters of what the browser said, of which the last tell why


def write(
    run_dir: Path, sections: Sequence[ReportSection], metrics: Sequence[AdoptionMetric]
) -> Path:
    """Print a run's page into a file beside its journal; return its path.

    Raises
    ------
    BakeoffError
        If there is no browser, or it does not print.
    """
    browser = find()
    html = render(analyse(load(run_dir), metrics), sections, scripted=False)
    return write_whole(run_dir / FILE_NAME, printed(html, browser))


def find() -> str:
    """Return the browser to print with.

    Raises
    ------
    BakeoffError
        If there is none.
    """
    named = os.environ.get(NAMED)
    for name in (named,) if named else NAMES:
        path = shutil.which(name)
        if path:
            return path
    sought = f"{NAMED}={named}" if named else ", ".join(NAMES)
    raise BakeoffError(
        f"pdf: found no browser, looked for {sought}; install Chromium (Debian, Ubuntu: sudo "
        f"apt-get install chromium), set {NAMED} to a Chromium or Chrome, or open report.html in "
        "any browser and print it there"
    )


def printed(html: str, browser: str, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return a page as a PDF.

    Raises
    ------
    BakeoffError
        If the browser fails, takes too long, or prints nothing.
    """
    with _room() as (folder, identity):
        page, pdf = folder / "page.html", folder / "page.pdf"
        page.write_text(html, encoding="utf-8")
        arguments = [browser, *FLAGS, f"--user-data-dir={folder / 'profile'}",
                     f"--print-to-pdf={pdf}", page.as_uri()]  # fmt: skip
        said = _run(arguments, {"HOME": str(folder)}, identity, timeout_s)
        found = pdf.read_bytes() if pdf.is_file() else b""
        if not found.startswith(b"%PDF-"):
            raise BakeoffError(
                f"pdf: {browser} printed nothing; it said: {said[-SHOWN:].strip() or 'nothing'}\n"
                f"Set {NAMED} to another Chromium or Chrome, or print report.html from a browser"
            )
        return found


@contextmanager
def _room() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a folder that the browser alone uses, and as whom it runs."""
    with tempfile.TemporaryDirectory(prefix="bakeoff-pdf-") as name:
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(name, "nobody")
            identity = {"user": "nobody", "group": os.stat(name).st_gid, "extra_groups": ()}
        yield Path(name), identity


def _run(
    arguments: Sequence[str], changed: dict[str, str], identity: dict[str, Any], timeout_s: float
) -> str:
    """Run the browser; return what it said. Nothing of it is left running."""
    try:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env={**os.environ, **changed}, start_new_session=True,
            **identity,
        )  # fmt: skip
    except OSError as error:
        raise BakeoffError(
            f"pdf: cannot start {arguments[0]} as {identity.get('user', 'this user')}: {error}; "
            f"set {NAMED} to a Chromium or Chrome that may be run"
        ) from error
    try:
        said: str = process.communicate(timeout=timeout_s)[0]
        return said
    except subprocess.TimeoutExpired:
        raise BakeoffError(
            f"pdf: {arguments[0]} had not printed the page after {timeout_s:g} s and was ended; "
            "print report.html from a browser, or report on fewer backends"
        ) from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

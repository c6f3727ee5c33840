"""Beginning a new run, and finding an old one again."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import bakeoff
from bakeoff import machine
from bakeoff.errors import JournalError, UsageError
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.plan import Plan, choose_backends, make_plan
from bakeoff.plugins import Plugins
from bakeoff.settings import Settings
from bakeoff.statistics import MINIMUM_EFFECT
from bakeoff.variants import parted

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]


def begin(
    settings: Settings,
    plugins: Plugins,
    out: Path,
    before: Callable[[], None] = lambda: None,
) -> tuple[Journal, Plan]:
    """Plan a new run, and write its journal.

    ``before`` is called when the plan stands and before anything is written: there an
    earlier run can be `set_aside`, which a mistyped command must not do.

    Raises
    ------
    UsageError
        If the settings name what we do not have.
    JournalError
        If ``out`` holds a journal already; see `set_aside`.
    """
    plan = make_plan(settings, plugins.backends, plugins.suites)
    before()
    used = {c.suite for c in plan.cases}
    meta = {
        "bakeoff": bakeoff.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings.to_json(),
        "reference": plan.reference,
        "backends": [asdict(b) for b in plan.backends],
        "suites": [
            {"name": s.name, "title": s.title, "summary": s.summary}
            for s in plugins.suites.values()
            if s.name in used
        ],
        "minimum_effect": MINIMUM_EFFECT,
        "problems": [*plugins.problems, *plan.problems],
        "machine": machine.describe_machine(),
        "sessions": [],
    }
    return Journal.create(out / FILE_NAME, meta, plan.cases), plan


def resume(out: Path, plugins: Plugins) -> tuple[Journal, Settings, Plan]:
    """Open a run that was begun before. Its cases are the journal's, whatever suites yield now.

    Raises
    ------
    UsageError
        If one of its backends is not registered now.
    """
    journal = Journal(out / FILE_NAME)
    try:
        meta = journal.meta
        names = [b["name"] for b in meta["backends"]]
        missing = [name for name in names if parted(name)[0] not in plugins.backends]
        if missing:
            raise UsageError(
                f"resume: no backend {', '.join(missing)} now; install its plugin or name it with "
                "--plugin"
            )
        plan = Plan(tuple(choose_backends(names, plugins.backends)), journal.cases())
        return journal, Settings.from_json(meta["settings"]), plan
    except BaseException:
        journal.close()
        raise


@contextmanager
def reserved(out: Path) -> Iterator[None]:
    """Keep a run's folder to this process, so that no other begins or resumes a run in it.

    The lock is the kernel's, on the folder itself: it leaves nothing behind, and goes when
    its holder goes. Where there are no such locks, or no such folder, nothing is held.

    Raises
    ------
    JournalError
        If another process holds it.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            folder = os.open(out, os.O_RDONLY)
            stack.callback(os.close, folder)
            try:
                if fcntl is not None:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JournalError(
                    f"journal: another bakeoff is running in {out}; wait for its end, or choose "
                    "another --out"
                ) from None
        yield


def set_aside(out: Path) -> Path | None:
    """Move what an earlier run left in a folder into a folder of its own beside it.

    Returns
    -------
    Path or None
        Where it lies now; None if there was no run.
    """
    if not (out / FILE_NAME).exists():
        return None
    stamp = datetime.fromtimestamp((out / FILE_NAME).stat().st_mtime, UTC)
    kept = out / f"before-{stamp:%Y%m%dT%H%M%SZ}"
    number = 2
    while kept.exists():
        kept = out / f"before-{stamp:%Y%m%dT%H%M%SZ}-{number}"
        number += 1
    kept.mkdir()
    for path in list(out.iterdir()):
        if not path.name.startswith("before-"):
            os.replace(path, kept / path.name)
    return kept

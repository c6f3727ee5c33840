"""A virtual environment per distinct set of requirements and interpreter, made on demand.

Each lies in ``<cache>/environments/<toolkit>-<hash>``, the hash being that of the
requirements and the interpreter; backends that agree on both share one. A marker file,
written last, says that it is whole. A lock keeps two processes from making the same
one; what a killed process left half-made is removed.
"""

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from bakeoff import devices, installer, pip_settings
from bakeoff.errors import EnvironmentFailure, UsageError
from bakeoff.interface import Backend
from bakeoff.interpreters import Interpreter, find_interpreter
from bakeoff.machine import cache_dir
from bakeoff.variants import toolkit_requirement

try:
    import fcntl
except ImportError:  # not a POSIX system: no lock; the marker still guards
    fcntl = None  # type: ignore[assignment]

Progress = Callable[[str], None]
Unwanted = Callable[[], bool]

FORMAT = 1  # of the marker; version history: 1 = first
_MARKER = "bakeoff-environment.json"
_LOOK_S = 0.2  # between looks at a lock that another holds
_KEY = re.compile(r"[a-z0-9-]+")  # no empty name, no dots: nothing that leads elsewhere


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter that has what a backend needs.

    Attributes
    ----------
    python
        Path of the interpreter to start workers with.
    key
        ``<toolkit>-<hash>``, the folder's name; ``"in-place"`` for the running Python.
    size_bytes
        Of the files, 0 in place. Those that uv links from its cache count in full.
    created, seconds
        When it was made (ISO 8601, UTC) and how long that took.
    toolkit, requirements, python_version, installer
        What it was made for, from and with.
    resolved
        Versions of everything installed, by name.
    notes
        What a reader of results should know, such as a version outside the tested range.
    """

    python: Path
    key: str
    size_bytes: int
    created: str
    seconds: float
    toolkit: str = ""
    requirements: tuple[str, ...] = ()
    python_version: str = ""
    installer: str = ""
    resolved: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable data."""
        return {**asdict(self), "python": str(self.python), "format": FORMAT}


def cache_folder(cache: Path | None = None) -> Path:
    """Return the folder that holds all environments: ``BAKEOFF_CACHE_DIR`` moves it."""
    return (cache or cache_dir()).absolute() / "environments"


def requirements_of(backend: Backend) -> tuple[str, ...]:
    """Return a backend's requirements, with the NumPy that every worker needs."""
    given = tuple(dict.fromkeys(backend.requirements))
    names = {installer.requirement_name(r) for r in given}
    return given if "numpy" in names else (*given, "numpy")


def environment_key(toolkit: str, requirements: tuple[str, ...], interpreter: Interpreter) -> str:
    """Return ``<toolkit>-<hash>``. The order of requirements does not matter."""
    identity = [
        sorted(requirements),
        interpreter.version,
        interpreter.implementation,
        os.path.realpath(interpreter.path),
    ]
    digest = hashlib.blake2b(json.dumps(identity).encode(), digest_size=6).hexdigest()
    return f"{re.sub(r'[^a-z0-9]+', '-', toolkit.lower()).strip('-')}-{digest}"


def provide(
    backend: Backend,
    *,
    in_place: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
    unwanted: Unwanted = lambda: False,
) -> Environment:
    """Return a backend's environment, made if need be.

    Parameters
    ----------
    backend
        Whose ``requirements`` and ``python`` decide.
    in_place
        Use the running Python, which must have the toolkit; make nothing.
    cache
        Instead of the user's cache folder.
    progress
        Called with a line of text before each step that takes time.
    unwanted
        Asked while something takes time: True ends it, as Ctrl-C would.

    Raises
    ------
    EnvironmentFailure
        If the backend's device is missing, there is no fitting interpreter, or installing
        fails: with the installer's last lines and a remedy.
    KeyboardInterrupt
        If the environment is no longer wanted; nothing half-made is left.
    """
    say = (lambda line: progress(f"{backend.name}: {line}")) if progress else lambda line: None
    try:
        if why := devices.why_missing(backend.device):
            raise EnvironmentFailure(why)
        if in_place:
            return _in_place(backend)
        requirements = requirements_of(backend)
        uv = installer.uv_binary()
        interpreter = find_interpreter(backend.python, uv=uv)
        key = environment_key(backend.toolkit, requirements, interpreter)
        folder = cache_folder(cache) / key
        found = _read(folder)
        if found is not None:
            return found
        with _locked(folder, say, unwanted):
            # Another process may have made it while this one waited.
            job = installer.Installation(folder, interpreter, requirements, _log(folder), unwanted)
            return _read(folder) or _make(backend, job, uv, say)
    except EnvironmentFailure as failure:
        needs = f"\n  it also needs: {'; '.join(backend.system)}" if backend.system else ""
        raise EnvironmentFailure(f"backend {backend.name}: {failure}{needs}") from failure
    except OSError as error:
        raise EnvironmentFailure(
            f"backend {backend.name}: environment cannot be made ({error}); expected a cache "
            "folder that can be written to: set BAKEOFF_CACHE_DIR to one"
        ) from error


def key_of(backend: Backend) -> str:
    """Return the key of a backend's environment, made or not.

    Raises
    ------
    EnvironmentFailure
        If no interpreter fits, or a requirement cannot be read.
    """
    interpreter = find_interpreter(backend.python, uv=installer.uv_binary())
    return environment_key(backend.toolkit, requirements_of(backend), interpreter)


def find(backend: Backend, cache: Path | None = None) -> Environment | None:
    """Return a backend's environment if it is made already."""
    try:
        return _read(cache_folder(cache) / key_of(backend))
    except EnvironmentFailure:
        return None


def list_environments(cache: Path | None = None) -> list[Environment]:
    """Return all whole environments, by key."""
    folder = cache_folder(cache)
    if not folder.is_dir():
        return []
    found = [_read(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    return [environment for environment in found if environment is not None]


def remove(key: str, cache: Path | None = None) -> int:
    """Remove an environment, whole or half-made, and return the bytes of its files.

    Raises
    ------
    UsageError
        If there is none of that key.
    """
    folder = cache_folder(cache) / key
    if not _KEY.fullmatch(key) or not folder.is_dir():
        known = ", ".join(e.key for e in list_environments(cache)) or "none"
        raise UsageError(f"environment {key!r} is not in {folder.parent}; there are: {known}")
    with _locked(folder, lambda line: None):
        size = size_bytes(folder)
        (folder / _MARKER).unlink(missing_ok=True)  # first: what is left is known as half-made
        shutil.rmtree(folder)
        for leftover in (_log(folder), _log(folder).with_suffix(".build.txt")):
            leftover.unlink(missing_ok=True)
    return size


def size_bytes(folder: Path) -> int:
    """Return the sum of the sizes of a folder's files; links are not followed."""
    total = 0
    for root, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(root, name)).st_size for name in names)
    return total


# --- making -----------------------------------------------------------------------------------


def _make(
    backend: Backend, job: installer.Installation, uv: str | None, say: Progress
) -> Environment:
    started, folder = time.monotonic(), job.folder
    shutil.rmtree(folder, ignore_errors=True)  # half-made, or of an interpreter that is gone
    say(f"making an environment with Python {job.interpreter.version}")
    try:
        name = installer.install(job, uv=uv, settings=pip_settings.read(), progress=say)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    made = Environment(
        python=job.python,
        key=folder.name,
        size_bytes=size_bytes(folder),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 3),
        toolkit=backend.toolkit,
        requirements=job.requirements,
        python_version=job.interpreter.version,
        installer=name,
        resolved=_resolved(folder),
    )
    _write(folder, made)
    say(f"ready in {made.seconds:.1f} s, {made.size_bytes / 1e6:.0f} MB")
    return made


def _resolved(folder: Path) -> dict[str, str]:
    """Versions of what is installed, from the metadata: that needs no run of a strange Python."""
    places = [str(p) for p in folder.glob("lib/python*/site-packages")]
    found = importlib.metadata.distributions(path=places)
    return dict(sorted((d.metadata["Name"], d.version) for d in found))


def _log(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.log"


def _write(folder: Path, environment: Environment) -> None:
    temporary = folder / (_MARKER + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(environment.to_json(), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder / _MARKER)


def _read(folder: Path) -> Environment | None:
    """Return a whole environment; None if half-made, of another format, or its Python is gone."""
    try:
        data = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            return None
        data["requirements"] = tuple(data["requirements"])
        data["notes"] = tuple(data["notes"])
        data["python"] = installer.python_in(folder)
        found = Environment(**data)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.python.exists() else None


@contextmanager
def _locked(folder: Path, say: Progress, unwanted: Unwanted = lambda: False) -> Iterator[None]:
    """Hold the lock of one environment; the kernel lets go of a dead process's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("a") as file:
        if fcntl is not None:
            if not _try_lock(file):
                say("waiting for another process that makes the same environment")
            while not _try_lock(file):
                if unwanted():
                    raise KeyboardInterrupt
                time.sleep(_LOOK_S)
        yield


def _try_lock(file: IO[str]) -> bool:
    """Return whether the lock is ours now; taking it again while it is ours does nothing."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- in place ---------------------------------------------------------------------------------


def _in_place(backend: Backend) -> Environment:
    """Return the running Python, if it has what the backend needs; nothing is imported."""
    version = ".".join(map(str, sys.version_info[:3]))
    requirements = requirements_of(backend)
    resolved, missing, notes = {}, [], []
    asked = toolkit_requirement(backend) if backend.variant_of else None
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(text)
            continue
        resolved[requirement.name] = found
        fits = requirement.specifier.contains(found, prereleases=True)
        if not fits and asked is not None and asked.name == requirement.name:
            raise EnvironmentFailure(
                f"the running Python ({sys.executable}) has {requirement.name} {found}, and {text} "
                "was asked for; run without --in-place"
            )
        if not fits:
            notes.append(f"{requirement.name} {found} is outside the tested range {text}")
    if missing:
        wanted = " ".join(f"'{text}'" for text in missing)
        raise EnvironmentFailure(
            f"{', '.join(missing)} not installed in the running Python ({sys.executable}); "
            f"install with `{Path(sys.executable).name} -m pip install {wanted}`, or run without "
            "--in-place"
        )
    if not SpecifierSet(backend.python).contains(version, prereleases=True):
        notes.append(f"Python {version} is outside the tested range {backend.python}")
    return Environment(
        python=Path(sys.executable),
        key="in-place",
        size_bytes=0,
        created="",
        seconds=0.0,
        toolkit=backend.toolkit,
        requirements=requirements,
        python_version=version,
        resolved=resolved,
        notes=tuple(notes),
    )

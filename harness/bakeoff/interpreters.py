"""Python interpreters on this machine: the one that fits a backend's specifier."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from bakeoff.errors import EnvironmentFailure

_ASK = (
    "import json, platform, sys; print(json.dumps(["
    "'.'.join(map(str, sys.version_info[:3])), platform.python_implementation(), sys.executable]))"
)
_TIMEOUT_S = 30
_MINORS = range(20, 5, -1)  # python3.20 … python3.6


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs.

    Attributes
    ----------
    path
        Of the executable.
    version
        ``"3.11.7"``.
    implementation
        ``"CPython"``.
    """

    path: str
    version: str
    implementation: str


def find_interpreter(
    specifier: str, *, uv: str | None = None, environ: Mapping[str, str] | None = None
) -> Interpreter:
    """Return an interpreter whose version fits.

    The running one is preferred; then what ``uv python find`` knows, pyenv's versions,
    and ``python3.X`` on ``PATH``, newest first.

    Parameters
    ----------
    specifier
        ``">=3.11"``, ``"==3.8.*"``; empty: any.
    uv
        Path of uv, if there is one.
    environ
        Environment variables; those of this process by default.

    Raises
    ------
    EnvironmentFailure
        If none fits; the message says what was looked at and what to install.
    """
    environ = os.environ if environ is None else environ
    wanted = _specifier(specifier)
    seen: dict[str, str] = {}
    for path in _candidates(specifier, uv, environ):
        found = probe(path)
        if found is None or found.path in seen:
            continue
        if wanted.contains(found.version, prereleases=True):
            return found
        seen[found.path] = found.version
    versions = ", ".join(sorted(set(seen.values()), key=_ordering)) or "none"
    example = _example(specifier)
    raise EnvironmentFailure(
        f"no Python interpreter fits {specifier!r}; found {versions} (looked at the running one, "
        f"`uv python find`, pyenv's versions and PATH). Install one, for example with "
        f"`uv python install {example}` or `pyenv install {example}`"
    )


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise EnvironmentFailure(
            f"python {text!r} is no version specifier; expected for example '>=3.11' or '==3.8.*'"
        ) from None


def _candidates(specifier: str, uv: str | None, environ: Mapping[str, str]) -> Iterator[str]:
    # A virtual environment's own base: an environment made from it must outlive ours.
    yield getattr(sys, "_base_executable", None) or sys.executable
    if uv:
        yield from _of_uv(uv, specifier, environ)
    yield from of_pyenv(environ)
    for minor in _MINORS:
        found = shutil.which(f"python3.{minor}", path=environ.get("PATH"))
        if found:
            yield found


def _of_uv(uv: str, specifier: str, environ: Mapping[str, str]) -> Iterator[str]:
    command = [uv, "python", "find", "--no-project", "--no-python-downloads", "--system"]
    try:
        done = subprocess.run(
            [*command, *([specifier] if specifier else [])],
            env={**environ, "UV_NO_PROGRESS": "1"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == 0 and done.stdout.strip():
        yield done.stdout.strip().splitlines()[-1]


def of_pyenv(environ: Mapping[str, str]) -> list[str]:
    """Return pyenv's interpreters, newest first; uv does not look there by itself."""
    home = environ.get("HOME", "")
    roots = [environ.get("PYENV_ROOT", ""), str(Path(home, ".pyenv")) if home else ""]
    found = [
        folder / "bin" / "python"
        for root in dict.fromkeys(filter(None, roots))
        for folder in Path(root, "versions").glob("*")
        if re.fullmatch(r"\d+\.\d+(\.\d+)?", folder.name)
    ]
    found.sort(key=lambda p: _ordering(p.parent.parent.name), reverse=True)
    return [str(p) for p in found if p.exists()]


@lru_cache(maxsize=64)
def probe(path: str) -> Interpreter | None:
    """Return what an executable says of itself; None if it is no Python 3 that starts."""
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        version, implementation, executable = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    if version.startswith("2."):
        return None
    return Interpreter(str(executable or path), str(version), str(implementation))


def _ordering(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version))


def _example(specifier: str) -> str:
    found = re.search(r"\d+\.\d+", specifier)
    return found.group() if found else "3.11"

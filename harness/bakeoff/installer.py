"""Making a virtual environment and installing into it: uv, or venv and pip where uv cannot.

Everything that the installers print goes to a log file, with hosts and passwords of
URLs taken out. A failure says which step, the log's last lines, and what may help.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bakeoff import pip_settings
from bakeoff.errors import EnvironmentFailure
from bakeoff.interpreters import Interpreter

_TAIL_LINES = 12
_TIMEOUT_S = 3600.0
_LOOK_S = 0.2  # between looks at whether a step is still wanted
_PIP_FOR_36 = "pip==21.3.1"  # the last for Python 3.6; the one in its venv picks wheels too new

# What an installer must not inherit: it would look at another environment's packages.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX")

_REMEDIES = (
    ("No space left", "free disk space, or set BAKEOFF_CACHE_DIR to a larger disk"),
    ("No matching distribution", "check the index and find-links of `pip config list`"),
    ("no matching distribution", "check the index and find-links of `pip config list`"),
    ("No solution found", "the requirements do not fit this Python or what the index offers"),
    ("ResolutionImpossible", "the requirements exclude each other"),
    ("certificate", "point `pip config set global.cert FILE` at your network's certificate"),
    ("dns error", "check the network, or tell pip of a mirror (`pip config set global.index-url`)"),
    ("Failed to fetch", "check the network, or tell pip of a mirror"),
    ("Could not connect", "check the network, or tell pip of a mirror"),
    ("gcc", "a package is built from source: install a C compiler"),
    ("Python.h", "a package is built from source: install the interpreter's headers"),
)
_OTHERWISE = "read the log, mend the cause, and repeat `bakeoff env create BACKEND`"


def uv_binary() -> str | None:
    """Return the path of uv: that of the PyPI package, else one on ``PATH``, else None."""
    try:
        import uv

        return os.fspath(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


@dataclass(frozen=True, slots=True)
class Installation:
    """What to make, and where.

    Attributes
    ----------
    folder
        Of the new virtual environment.
    interpreter
        The Python that it is made from.
    requirements
        For pip, as a backend names them.
    log
        A file that receives the installers' output; kept.
    unwanted
        Asked while a step runs: True ends it, as Ctrl-C would.
    """

    folder: Path
    interpreter: Interpreter
    requirements: tuple[str, ...]
    log: Path
    unwanted: Callable[[], bool] = lambda: False

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return python_in(self.folder)


def python_in(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / "bin" / "python"


def install(
    job: Installation,
    *,
    uv: str | None,
    settings: pip_settings.PipSettings,
    environ: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda line: None,
    timeout_s: float = _TIMEOUT_S,
) -> str:
    """Make the environment and return the installer's name and version.

    Raises
    ------
    EnvironmentFailure
        If a step fails or takes too long.
    KeyboardInterrupt
        If the installation is no longer wanted.
    """
    inherited = os.environ if environ is None else environ
    base = {k: v for k, v in inherited.items() if k not in _FOREIGN}
    job.log.write_text("", encoding="utf-8")
    steps = _Steps(job, timeout_s)
    if uv is not None:
        variables = {**base, **_unless_set(pip_settings.for_uv(settings), base)}
        variables.update(UV_NO_PROGRESS="1", UV_PYTHON_DOWNLOADS="never", NO_COLOR="1")
        made = steps.run(
            [uv, "venv", "--no-project", "--python", job.interpreter.path, str(job.folder)],
            variables,
            may_fail=True,  # a Python that uv no longer knows
        )
        if made:
            progress(f"installing {', '.join(job.requirements)}")
            options = [*_build_constraints(job), *(["--no-index"] if settings.no_index else [])]
            target = [uv, "pip", "install", "--python", str(job.python), *options]
            steps.run([*target, *job.requirements], variables)
            return steps.version([uv, "--version"], variables)
        shutil.rmtree(job.folder, ignore_errors=True)
    variables = {**base, **pip_settings.for_pip(settings), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    steps.run([job.interpreter.path, "-m", "venv", str(job.folder)], variables)
    pip = [str(job.python), "-m", "pip"]
    if job.interpreter.version.startswith("3.6."):
        steps.run([*pip, "install", "--no-input", _PIP_FOR_36], variables)
    progress(f"installing {', '.join(job.requirements)}")
    steps.run([*pip, "install", "--no-input", *job.requirements], variables)
    return steps.version([*pip, "--version"], variables)


def _unless_set(variables: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
    """Keep what the user told uv itself; pip's certificate wins over the system's."""
    return {k: v for k, v in variables.items() if k not in base or not k.startswith("UV_")}


def _build_constraints(job: Installation) -> list[str]:
    """A backend that asks for an old setuptools also builds its packages with it."""
    pinned = [r for r in job.requirements if requirement_name(r) == "setuptools"]
    if not pinned:
        return []
    file = job.log.with_suffix(".build.txt")
    file.write_text("\n".join(pinned) + "\n", encoding="utf-8")
    return ["--build-constraints", str(file)]


def requirement_name(text: str) -> str:
    """Return the canonical name of a requirement's package.

    Raises
    ------
    EnvironmentFailure
        If the text is no requirement.
    """
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement as error:
        raise EnvironmentFailure(
            f"requirement {text!r} cannot be read ({error}); expected for example 'torch==2.13.*'"
        ) from None


class _Steps:
    """Commands that run one after the other and share a log."""

    def __init__(self, job: Installation, timeout_s: float) -> None:
        self._job = job
        self._timeout_s = timeout_s

    def run(
        self, command: Sequence[str], variables: Mapping[str, str], may_fail: bool = False
    ) -> bool:
        """Run one step; False if it failed and may."""
        # The working directory has no project of the user's: uv would obey its settings.
        try:
            output, code = self._output(command, variables)
        except subprocess.TimeoutExpired as expired:
            output, code, may_fail = expired.stdout or b"", None, False
        except OSError as error:
            output, code = str(error).encode(), 127
        text = pip_settings.redact(output.decode("utf-8", "replace"))
        shown = pip_settings.redact(" ".join(_shown(command)))
        with self._job.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {shown}\n{text}\n")
        if code == 0:
            return True
        if may_fail:
            return False
        raise EnvironmentFailure(self._message(shown, code, text))

    def _output(self, command: Sequence[str], variables: Mapping[str, str]) -> tuple[bytes, int]:
        """Return what a command printed and its exit code; however this ends, it has ended."""
        deadline = time.monotonic() + self._timeout_s
        with subprocess.Popen(
            list(command),
            env=dict(variables),
            cwd=self._job.log.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts, a build say, ends with it
        ) as process:
            try:
                while True:
                    with suppress(subprocess.TimeoutExpired):
                        return process.communicate(timeout=_LOOK_S)[0], process.returncode
                    if self._job.unwanted():
                        raise KeyboardInterrupt
                    if time.monotonic() > deadline:
                        _end(process)
                        output, _ = process.communicate()
                        raise subprocess.TimeoutExpired(list(command), self._timeout_s, output)
            finally:
                _end(process)

    def _message(self, shown: str, code: int | None, text: str) -> str:
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        tail = "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (no output)"
        how = f"took more than {self._timeout_s:g} s" if code is None else f"exited with {code}"
        remedy = next((r for mark, r in _REMEDIES if mark in text), _OTHERWISE)
        return f"`{shown}` {how}\n{tail}\n  log: {self._job.log}\n  remedy: {remedy}"

    def version(self, command: Sequence[str], variables: Mapping[str, str]) -> str:
        """Return the first two words that a tool's ``--version`` prints."""
        done = subprocess.run(
            list(command), env=dict(variables), capture_output=True, text=True, check=False
        )
        return " ".join(done.stdout.split()[:2])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it started, if it still runs."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _shown(command: Sequence[str]) -> list[str]:
    """The command as a person would write it."""
    first = "python" if command[0] == sys.executable else Path(command[0]).name
    return [first, *command[1:]]

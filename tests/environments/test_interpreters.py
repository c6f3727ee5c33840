"""The interpreter that fits is found where people keep theirs; none is said plainly."""

import sys
from pathlib import Path

import pytest

from bakeoff import interpreters
from bakeoff.errors import EnvironmentFailure
from bakeoff.installer import uv_binary
from bakeoff.interpreters import find_interpreter, of_pyenv, probe

RUNNING = ".".join(map(str, sys.version_info[:3]))


def _fake(path: Path, version: str) -> Path:
    """A program that answers as a Python of that version would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho \'["{version}", "CPython", "{path}"]\'\n')
    path.chmod(0o755)
    return path


def test_running_interpreter_is_preferred() -> None:
    """Its base, that is: an environment must outlive the one we run in."""
    found = find_interpreter(">=3.11", uv=None)
    assert found.version == RUNNING
    assert Path(found.path).resolve() == Path(sys.executable).resolve()


@pytest.mark.parametrize("where", ["pyenv", "PATH"])
def test_others_are_found(where: str, tmp_path: Path) -> None:
    """pyenv's versions folder, where uv does not look, and python3.X on PATH."""
    if where == "pyenv":
        expected = _fake(tmp_path / ".pyenv" / "versions" / "3.8.18" / "bin" / "python", "3.8.18")
        environ = {"HOME": str(tmp_path), "PATH": ""}
    else:
        expected = _fake(tmp_path / "python3.8", "3.8.18")
        environ = {"HOME": "", "PATH": str(tmp_path)}
    found = find_interpreter("==3.8.*", uv=None, environ=environ)
    assert (found.path, found.version) == (str(expected), "3.8.18")


def test_pyenv_is_asked_newest_first(tmp_path: Path) -> None:
    """3.10 is newer than 3.9; what is no plain version is left out."""
    for name in ("3.9.1", "3.10.2", "3.11.0", "miniconda3-latest"):
        _fake(tmp_path / "versions" / name / "bin" / "python", name)
    found = of_pyenv({"PYENV_ROOT": str(tmp_path)})
    assert [Path(p).parent.parent.name for p in found] == ["3.11.0", "3.10.2", "3.9.1"]


def test_none_fits() -> None:
    """The message names what was found, where was looked, and how to get one."""
    with pytest.raises(EnvironmentFailure) as failure:
        find_interpreter("==3.5.*", uv=uv_binary(), environ={"PATH": ""})
    message = str(failure.value)
    assert "'==3.5.*'" in message
    assert RUNNING in message
    assert "pyenv install 3.5" in message


def test_bad_specifier() -> None:
    """A mistake in a plugin's data is told as such."""
    with pytest.raises(EnvironmentFailure, match="no version specifier"):
        find_interpreter("3.11 or so")


def test_what_is_no_python_is_passed_over(tmp_path: Path) -> None:
    """Absent, silent, or too old."""
    silent = tmp_path / "python3.9"
    silent.write_text("#!/bin/sh\nexit 1\n")
    silent.chmod(0o755)
    assert probe(str(tmp_path / "absent")) is None
    assert probe(str(silent)) is None
    assert probe(str(_fake(tmp_path / "python2", "2.7.18"))) is None
    assert interpreters.probe(sys.executable) is not None

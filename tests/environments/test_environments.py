"""Environments are made once, whole or not at all, and told about when they cannot be."""

import json
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bakeoff import environments, installer
from bakeoff.environments import (
    cache_folder,
    environment_key,
    find,
    list_environments,
    provide,
    remove,
    requirements_of,
)
from bakeoff.errors import EnvironmentFailure, UsageError
from bakeoff.interface import Backend
from bakeoff.interpreters import Interpreter

BackendOf = Callable[..., Backend]

PYTHON = Interpreter("/opt/python/bin/python", "3.11.7", "CPython")


# --- the key ----------------------------------------------------------------------------------


def test_key_is_stable() -> None:
    """The same in every process and release: else caches would be made anew and never freed."""
    key = environment_key("Toy Kit", ("torch==2.13.*", "numpy>=2,<3"), PYTHON)
    assert key == "toy-kit-04fbede51613"


def test_key_ignores_order_and_tells_differences_apart() -> None:
    """Requirements as a set; another version, Python or toolkit is another environment."""
    key = environment_key("T", ("a==1", "b==2"), PYTHON)
    assert environment_key("T", ("b==2", "a==1"), PYTHON) == key
    assert environment_key("T", ("a==1", "b==3"), PYTHON) != key
    assert environment_key("U", ("a==1", "b==2"), PYTHON) != key
    other = Interpreter(PYTHON.path, "3.12.0", "CPython")
    assert environment_key("T", ("a==1", "b==2"), other) != key


def test_numpy_is_always_there(toy: BackendOf) -> None:
    """Added where the toolkit's requirements do not name it."""
    assert requirements_of(toy()) == ("bakeoff-toy==1.2", "numpy")
    assert requirements_of(toy(requirements=("NumPy>=2",))) == ("NumPy>=2",)


def test_unreadable_requirement(toy: BackendOf, tmp_path: Path) -> None:
    """Refused with the backend's name and an example."""
    with pytest.raises(EnvironmentFailure, match=r"backend toy: requirement 'torch 2' cannot"):
        provide(toy(requirements=("torch 2",)), cache=tmp_path)


# --- making -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("offline")
def test_made_once(toy: BackendOf, tmp_path: Path) -> None:
    """A real environment: what was asked for is in it, the marker tells, and it is reused."""
    said: list[str] = []
    made = provide(toy(), cache=tmp_path, progress=said.append)
    asked = subprocess.run(
        [made.python, "-c", "import bakeoff_toy; print(bakeoff_toy.__version__)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout.strip() == "1.2"
    assert made.resolved == {"bakeoff_toy": "1.2", "numpy": "2.0"}
    assert made.size_bytes > 0
    assert made.installer.startswith("uv ")
    assert made.key.startswith("toy-kit-")
    assert said[0].startswith("toy: making an environment with Python 3.")
    assert said[-1].startswith("toy: ready in ")

    said.clear()
    again = provide(toy(name="toy-two"), cache=tmp_path, progress=said.append)
    assert again == made == find(toy(), tmp_path)
    assert said == []
    assert list_environments(tmp_path) == [made]


@pytest.mark.usefixtures("offline", "without_uv")
def test_made_with_venv_and_pip(toy: BackendOf, tmp_path: Path) -> None:
    """Where there is no uv."""
    made = provide(toy(), cache=tmp_path)
    assert made.installer.startswith("pip ")
    assert made.resolved["bakeoff_toy"] == "1.2"


@pytest.mark.usefixtures("offline")
def test_failure_tells_what_why_and_what_to_do(toy: BackendOf, tmp_path: Path) -> None:
    """The installer's last lines, a remedy, what the system needs; nothing half-made is left."""
    backend = toy(requirements=("bakeoff-toy==9",), system=("a lathe",))
    with pytest.raises(EnvironmentFailure) as failure:
        provide(backend, cache=tmp_path)
    message = str(failure.value)
    assert message.startswith("backend toy: `uv pip install ")
    assert "bakeoff-toy==9" in message
    assert "remedy: the requirements do not fit" in message
    assert "it also needs: a lathe" in message
    assert list_environments(tmp_path) == []
    assert [p.suffix for p in cache_folder(tmp_path).iterdir() if p.is_dir()] == []
    (log,) = cache_folder(tmp_path).glob("*.log")
    assert "bakeoff-toy==9" in log.read_text()


@pytest.mark.usefixtures("offline")
def test_credentials_stay_out_of_messages(
    toy: BackendOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A requirement at a URL with a password: neither it nor the host is shown or logged."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    url = "https://me:s3cret@127.0.0.1:9/bakeoff_toy-1.2-py3-none-any.whl"
    with pytest.raises(EnvironmentFailure) as failure:
        provide(toy(requirements=(f"bakeoff-toy @ {url}",)), cache=tmp_path)
    (log,) = cache_folder(tmp_path).glob("*.log")
    for text in (str(failure.value), log.read_text()):
        assert "s3cret" not in text
        assert "127.0.0.1" not in text


def test_no_interpreter(toy: BackendOf, tmp_path: Path) -> None:
    """Named with the backend; nothing is made."""
    with pytest.raises(EnvironmentFailure, match=r"backend toy: no Python interpreter fits"):
        provide(toy(python="==3.5.*"), cache=tmp_path)
    assert not cache_folder(tmp_path).exists()


def test_unwritable_cache(toy: BackendOf, tmp_path: Path) -> None:
    """A file where the folder should be: said, with the variable that moves the cache."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(EnvironmentFailure, match="BAKEOFF_CACHE_DIR"):
        provide(toy(), cache=blocked)


@pytest.mark.usefixtures("offline")
def test_half_made_is_made_again(toy: BackendOf, tmp_path: Path) -> None:
    """Without its marker, or without its Python, a folder counts for nothing."""
    made = provide(toy(), cache=tmp_path)
    folder = cache_folder(tmp_path) / made.key
    (folder / "bakeoff-environment.json").unlink()
    (folder / "debris").write_text("")
    assert find(toy(), tmp_path) is None
    again = provide(toy(), cache=tmp_path)
    assert not (folder / "debris").exists()
    again.python.unlink()
    assert find(toy(), tmp_path) is None
    assert provide(toy(), cache=tmp_path).python.exists()


@pytest.mark.usefixtures("offline")
def test_another_format_is_not_read(toy: BackendOf, tmp_path: Path) -> None:
    """A marker of a later release is not taken for ours."""
    made = provide(toy(), cache=tmp_path)
    marker = cache_folder(tmp_path) / made.key / "bakeoff-environment.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "format": 99}))
    assert list_environments(tmp_path) == []


def _provide(backend: Backend, cache: Path, wheels: str) -> str:
    """Run in another process; what uv was told comes through the environment."""
    settings = environments.pip_settings.PipSettings(no_index=True, find_links=(wheels,))
    environments.pip_settings.read = lambda environ=None: settings
    return provide(backend, cache=cache).created


def test_two_processes_make_one(toy: BackendOf, tmp_path: Path, wheels: Path) -> None:
    """The second waits for the first and uses what that made."""
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        jobs = [pool.apply_async(_provide, (toy(), tmp_path, str(wheels))) for _ in range(2)]
        made = {job.get(timeout=120) for job in jobs}
    assert len(made) == 1
    assert len(list_environments(tmp_path)) == 1


def test_interrupted_leaves_nothing(
    toy: BackendOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while installing removes what was there."""

    def interrupted(job: installer.Installation, **_: object) -> str:
        job.folder.mkdir()
        (job.folder / "part").write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr(installer, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        provide(toy(), cache=tmp_path)
    assert [p for p in cache_folder(tmp_path).iterdir() if p.is_dir()] == []


# --- removing ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("offline")
def test_removed(toy: BackendOf, tmp_path: Path) -> None:
    """The space comes back, and how much is told."""
    made = provide(toy(), cache=tmp_path)
    assert remove(made.key, tmp_path) >= made.size_bytes
    assert list_environments(tmp_path) == []
    assert not (cache_folder(tmp_path) / made.key).exists()
    assert list(cache_folder(tmp_path).glob("*.log")) == []


@pytest.mark.parametrize("key", ["absent", "../elsewhere", "", ".", ".."])
def test_only_environments_are_removed(key: str, tmp_path: Path) -> None:
    """No path leads out of the folder."""
    (tmp_path / "elsewhere").mkdir()
    cache_folder(tmp_path).mkdir()
    with pytest.raises(UsageError, match="there are: none"):
        remove(key, tmp_path)
    assert (tmp_path / "elsewhere").exists()


def test_cache_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a variable, or by the caller."""
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "there"))
    assert cache_folder() == tmp_path / "there" / "environments"
    assert cache_folder(tmp_path) == tmp_path / "environments"


# --- in place ---------------------------------------------------------------------------------


def test_in_place(toy: BackendOf) -> None:
    """The running Python, if it has the toolkit; nothing is imported."""
    found = provide(toy(requirements=("pluggy>=1",)), in_place=True)
    assert found.python == Path(sys.executable)
    assert found.key == "in-place"
    assert set(found.resolved) == {"pluggy", "numpy"}
    assert found.notes == ()


def test_in_place_without_the_toolkit(toy: BackendOf) -> None:
    """Says what to install."""
    with pytest.raises(EnvironmentFailure, match=r"-m pip install 'bakeoff-toy==1.2'"):
        provide(toy(), in_place=True)


def test_in_place_takes_another_version_and_says_so(toy: BackendOf) -> None:
    """The user's version is what they want to know about; the tested range is noted."""
    found = provide(toy(requirements=("pluggy==0.1",), python=">=3.99"), in_place=True)
    assert "outside the tested range pluggy==0.1" in found.notes[0]
    assert "outside the tested range >=3.99" in found.notes[1]


def test_missing_uv_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """No uv package and none on PATH: pip's turn."""
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert installer.uv_binary() is None

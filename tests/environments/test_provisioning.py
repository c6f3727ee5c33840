"""Many environments at once: one each, a failure stops none, an interruption leaves nothing."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from bakeoff import devices, environments, installer, provisioning
from bakeoff.commands.env import env_group
from bakeoff.environments import Environment, cache_folder, list_environments, provide
from bakeoff.errors import EnvironmentFailure
from bakeoff.interface import Backend

BackendOf = Callable[..., Backend]


@pytest.fixture
def three(toy: BackendOf) -> list[Backend]:
    """Two that share an environment, and one of another version; sizes stated."""
    return [
        toy(size_mb=2),
        toy(name="toy-twin", size_mb=3),
        toy(name="toy-new", requirements=("bakeoff-toy==1.3",)),
    ]


@pytest.mark.usefixtures("offline")
def test_survey_tells_what_is_there_missing_and_not_to_be_had(
    three: list[Backend], toy: BackendOf, tmp_path: Path
) -> None:
    """Sizes: measured of what is there, stated of what is missing, and how many state none."""
    backends = [*three, toy(name="toy-old", python="==3.5.*")]
    before = provisioning.survey(backends, tmp_path)
    assert [w.names for w in before.missing] == ["toy, toy-twin", "toy-new"]
    assert (before.bytes_expected, before.of_unknown_size, before.bytes_there) == (3_000_000, 1, 0)
    (unavailable,) = before.unavailable
    assert "no Python interpreter fits '==3.5.*'" in unavailable.reason
    assert "uv python install 3.5" in unavailable.reason

    made = provide(three[1], cache=tmp_path)
    after = provisioning.survey(backends, tmp_path)
    assert [w.names for w in after.there] == ["toy, toy-twin"]
    assert after.bytes_there == made.size_bytes
    assert (after.bytes_expected, after.of_unknown_size) == (0, 1)


def test_without_its_device_nothing_is_made(
    toy: BackendOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend of a device that the machine lacks counts for no size, and says why."""
    monkeypatch.setattr(devices, "why_missing", lambda device: f"no {device} here")
    found = provisioning.survey([toy(device="cuda", size_mb=9)], tmp_path)
    assert (found.missing, found.bytes_expected) == ((), 0)
    assert [w.reason for w in found.unavailable] == ["backend toy: no cuda here"]


@pytest.mark.usefixtures("offline")
def test_shared_environments_are_made_once_and_a_failure_stops_none(
    three: list[Backend], toy: BackendOf, tmp_path: Path
) -> None:
    """Real installations: what fails has its reason, the others are whole."""
    broken = toy(name="broken", requirements=("bakeoff-toy==9",))
    found = provisioning.survey([broken, *three], tmp_path)
    ended = {w.names: w for w in provisioning.make(found.missing, cache=tmp_path)}
    assert "bakeoff-toy==9" in ended["broken"].reason
    assert ended["broken"].made is None
    made = [w.made for w in ended.values() if w.made]
    assert [m.resolved["bakeoff_toy"] for m in sorted(made, key=lambda m: str(m.resolved))] == [
        "1.2",
        "1.3",
    ]
    assert {e.key for e in list_environments(tmp_path)} == {m.key for m in made}


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_than_so_many_at_once(
    at_once: int, toy: BackendOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Side by side, and bounded."""
    present, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(at_once)

    def provide(backend: Backend, **_: object) -> Environment:
        nonlocal present, most
        with lock:
            present += 1
            most = max(most, present)
        full.wait(timeout=30)  # so many do run together …
        time.sleep(0.02)  # … and one too many would be seen
        with lock:
            present -= 1
        raise EnvironmentFailure(backend.name)

    monkeypatch.setattr(environments, "provide", provide)
    wanted = [provisioning.Wanted(f"key-{i}", (toy(name=f"toy-{i}"),)) for i in range(6)]
    ended = list(provisioning.make(wanted, at_once=at_once, cache=tmp_path))
    assert sorted(w.reason for w in ended) == [f"toy-{i}" for i in range(6)]
    assert most == at_once


def test_interruption_ends_what_is_under_way(
    toy: BackendOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installers' processes, with what they started, and the half-made folders go."""
    children = tmp_path / "children"
    children.mkdir()
    real = installer.install

    def hanging(job: installer.Installation, **options: object) -> str:
        tool = tmp_path / f"{job.folder.name}.sh"
        tool.write_text(
            f"#!/bin/sh\nmkdir -p {job.folder}\nsleep 60 &\necho $! > {children}/$$\nwait\n"
        )
        tool.chmod(0o755)
        options["uv"] = str(tool)
        return real(job, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(installer, "install", hanging)
    wanted = [
        provisioning.Wanted("", (toy(name=f"toy-{i}", requirements=(f"bakeoff-toy=={i}",)),))
        for i in range(3)
    ]
    making = provisioning.make(wanted, at_once=2, cache=tmp_path)

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while len(list(children.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)  # the pids are written
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        next(making)
    assert [p for p in cache_folder(tmp_path).iterdir() if p.is_dir()] == []
    started = [int(text) for p in children.iterdir() for text in (p.name, p.read_text())]
    assert len(started) == 4  # the third was never begun
    assert [pid for pid in started if _runs(pid)] == []


def _runs(pid: int) -> bool:
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def test_waiting_for_another_process_can_be_interrupted(toy: BackendOf, tmp_path: Path) -> None:
    """Who waits for a lock gives up when nothing is wanted any more."""
    key = environments.key_of(toy())
    said: list[str] = []
    with (
        environments._locked(cache_folder(tmp_path) / key, lambda line: None),
        pytest.raises(KeyboardInterrupt),
    ):
        provide(toy(), cache=tmp_path, progress=said.append, unwanted=lambda: bool(said))
    assert said == ["toy: waiting for another process that makes the same environment"]


# --- the command ------------------------------------------------------------------------------

PLUGIN = """
from bakeoff import hookimpl
from bakeoff.interface import Backend

@hookimpl
def register_backends(register):
    for name, version, device in (
        ("toy", "1.2", "cpu"), ("toy-twin", "1.2", "cpu"), ("toy-broken", "9", "cpu"),
        ("toy-new", "1.3", "cpu"), ("toy-card", "1.3", "cuda"),
    ):
        register(Backend(name=name, title=name, toolkit="Toy", adapter="nowhere:Toy", size_mb=5,
                         requirements=("bakeoff-toy==" + version,), device=device))
"""


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: object
) -> Callable[..., tuple[int, str]]:
    """Run ``bakeoff env …`` with the plugin's backends only; return exit code and output."""
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: str) -> tuple[int, str]:
        if arguments[0] == "create":
            arguments = (*arguments, "--plugin", str(plugin))
        done = CliRunner().invoke(env_group, arguments, standalone_mode=False)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return int(done.return_value or 0), done.output

    return run


def test_create_and_remove(command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """Sizes first, a line each, a table at the end, exit 1; then all the space comes back."""
    code, said = command("create", "toy,toy-twin,toy-broken,toy-new")
    assert code == 1
    first, *_ = said.splitlines()
    assert first.startswith(
        "3 environments of 4 backends to make: about 15 MB, as their backends state; "
    )
    assert "3 of 3: " in said
    assert "toy, toy-twin ready" in said
    assert "toy-broken cannot be made" in said
    assert "unavailable: backend toy-broken: `uv pip install" in said
    assert len(list_environments(tmp_path / "cache")) == 2

    code, said = command("create", "toy,toy-new")
    assert code == 0
    assert said.startswith("2 environments of 2 backends there already, ")
    assert "to make" not in said

    code, said = command("remove", "--all")
    assert code == 0
    assert said.splitlines()[-1].startswith("2 environments, ")
    assert list_environments(tmp_path / "cache") == []


def test_all_are_those_of_the_processor(
    command: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--all`` leaves out other devices, which a machine may lack, and takes no names beside."""
    asked: list[str] = []

    def survey(backends: object) -> provisioning.Survey:
        asked.extend(b.name for b in backends)  # type: ignore[attr-defined]
        return provisioning.Survey((), (), ())

    monkeypatch.setattr(provisioning, "survey", survey)
    assert command("create", "--all")[0] == 0
    assert {"numpy", "toy", "toy-twin", "toy-broken"} <= set(asked)
    assert "toy-card" not in asked
    assert asked[0] == "numpy"
    with pytest.raises(Exception, match="not both"):
        command("create", "--all", "toy")

"""The machine is described, a core picked, and only one measurement runs at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff import machine
from bakeoff.errors import BakeoffError


def test_description_is_json_and_names_the_essentials() -> None:
    found = machine.describe_machine()
    assert json.loads(json.dumps(found)) == found
    assert found["cpu"]
    assert found["memory_bytes"] > 0
    assert found["python"] == sys.version.split()[0]
    assert {"load", "governor", "steal_s", "container", "allowed_cpus"} <= found.keys()


def test_the_least_busy_core_is_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = iter([{0: 10, 1: 10, 2: 10}, {0: 90, 1: 11, 2: 50}])
    monkeypatch.setattr(machine, "_busy_ticks", lambda: next(samples))
    monkeypatch.setattr(machine, "allowed_cpus", lambda: [0, 1, 2])
    assert machine.pick_cpu(sleep=lambda s: None) == 1


def test_among_idle_cores_the_last_is_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = iter([{0: 10, 1: 10}, {0: 11, 1: 12}])
    monkeypatch.setattr(machine, "_busy_ticks", lambda: next(samples))
    monkeypatch.setattr(machine, "allowed_cpus", lambda: [0, 1])
    assert machine.pick_cpu(sleep=lambda s: None) == 1


PROC_STAT = """\
cpu  30 0 0 900 0 0 0 12 0 0
cpu0 10 0 0 400 0 0 0 5 0 0
cpu1 20 0 0 500 0 0 0 7 0 0
intr 1 2 3
"""


@pytest.mark.parametrize(("cpus", "ticks"), [({0}, 5), ({1}, 7), ({0, 1}, 12), ({9}, None)])
def test_what_the_hypervisor_takes_is_counted_per_processor(
    cpus: set[int], ticks: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    stat.write_text(PROC_STAT)
    monkeypatch.setattr(machine, "_STAT", stat)
    tick_ns = 10**9 // os.sysconf("SC_CLK_TCK")
    assert machine.stolen_ns(cpus) == (None if ticks is None else ticks * tick_ns)
    monkeypatch.setattr(machine, "_STAT", tmp_path / "nowhere")
    assert machine.stolen_ns(cpus) is None


CPUINFO = """\
processor\t: 0
model name\t: Some Processor
cpu MHz\t\t: 2000.5

processor\t: 1
cpu MHz\t\t: 3000.0
"""


def test_the_clock_is_that_of_the_workers_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_CPU", tmp_path)
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
    assert machine.clock_mhz({1}) is None
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    assert machine.clock_mhz({0}) == 2000.5
    assert machine.clock_mhz({0, 1}) == 2500.2
    assert machine.clock_mhz({7}) is None
    (tmp_path / "cpu1" / "cpufreq").mkdir(parents=True)
    (tmp_path / "cpu1" / "cpufreq" / "scaling_cur_freq").write_text("3456000\n")
    assert machine.clock_mhz({1}) == 3456.0, "the driver knows better"


HOLDER = """
import sys
from pathlib import Path
from bakeoff.machine import measuring_lock
with measuring_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_measurement_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []
        second = machine.measuring_lock(tmp_path, wait_s=0, waiting=said.append)
        with pytest.raises(BakeoffError, match=f"process {holder.pid}"), second:
            pass
        assert str(holder.pid) in said[0]
        holder.kill()  # the lock goes with its holder
    with machine.measuring_lock(tmp_path, wait_s=5):
        held = json.loads((tmp_path / "measuring.lock").read_text())
        assert held["pid"] == os.getpid()


def test_a_lock_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BakeoffError, match="set BAKEOFF_CACHE_DIR"),
        machine.measuring_lock(tmp_path / "file"),
    ):
        pass


def test_the_cache_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path))
    assert machine.cache_dir() == tmp_path

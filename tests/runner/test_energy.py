"""Energy: counted where it can be read, and a figure only where it means something."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bakeoff_two_layer
from bakeoff import energy, fitting
from bakeoff.energy import LEAST_S, Counter, Meter, counters, refused
from bakeoff.inputs import draw_inputs, fit_arrays

RANGE_UJ = 262_143_328_850


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """A machine with two packages, of which the first has parts; as Linux shows it."""
    for zone, name in {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
        "dtpm": "cpus",
    }.items():
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "name").write_text(f"{name}\n")
        (tmp_path / zone / "energy_uj").write_text("5000000\n")
        (tmp_path / zone / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    return tmp_path


class Cards(ModuleType):
    """NVML's binding, of one card that counts and an old one that does not."""

    class NVMLError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.millijoules = 7_000
        self.broken = False

    def nvmlInit(self) -> None:
        if self.broken:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        if handle == 1:
            raise self.NVMLError("Not Supported")
        return self.millijoules


class Time:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_packages_and_cards_are_counted_not_their_parts(powercap: Path) -> None:
    found = counters(powercap, Cards())
    assert [c.name for c in found] == ["package-0", "package-1", "card-0"]
    assert [c.source for c in found] == ["rapl", "rapl", "nvml"]
    assert [c.read_uj() for c in found] == [5_000_000, 5_000_000, 7_000_000]


def test_a_machine_without_counters_has_none(tmp_path: Path) -> None:
    assert counters(tmp_path / "nowhere") == []
    assert refused(tmp_path / "nowhere") == []
    assert Meter([]).joules() == {}


def test_what_only_root_may_read_is_named(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root reads everything, so the refusal is played."""
    right = Path.read_text

    def read_text(self: Path, *args: Any) -> str:
        if self.name == "energy_uj" and self.parent.name == "intel-rapl:1":
            raise PermissionError(13, "Permission denied", str(self))
        return right(self, *args)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert [c.name for c in counters(powercap)] == ["package-0"]
    assert refused(powercap) == ["package-1"]


def test_joules_add_up_and_a_counter_may_begin_anew(powercap: Path) -> None:
    meter = Meter(counters(powercap))
    own = powercap / "intel-rapl:0" / "energy_uj"
    own.write_text("9000000")
    assert meter.joules() == {"package-0": 4.0, "package-1": 0.0}
    own.write_text(f"{RANGE_UJ - 1_000_000}")
    before = meter.joules()["package-0"]
    own.write_text("500000")
    assert meter.joules()["package-0"] == pytest.approx(before + 1.5)


def test_a_figure_needs_its_time(powercap: Path) -> None:
    time, cards = Time(), Cards()
    meter = Meter(counters(powercap, cards), time)
    for zone in ("intel-rapl:0", "intel-rapl:1"):
        (powercap / zone / "energy_uj").write_text("305000000")
    cards.millijoules += 900_000
    time.now_s += LEAST_S - 0.1
    assert meter.figures() == {}
    time.now_s += 0.2
    assert meter.figures() == {"energy_rapl_j": 600.0, "energy_nvml_j": 900.0}


def test_a_counter_that_is_lost_is_left_out() -> None:
    readings = iter([1_000_000])
    lost = Counter("card-0", "nvml", lambda: next(readings), 1 << 60)
    kept = Counter("package-0", "rapl", lambda: 5, 1 << 60)
    assert Meter([lost, kept]).joules() == {"package-0": 0.0}


def test_a_training_that_runs_alone_has_an_energy(
    powercap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = next(c for c in bakeoff_two_layer.SUITE.cases("quick") if c.fit)
    assert case.fit is not None
    fitted: dict[str, Any] = {
        "losses": np.ones((1, 3)), "predictions": np.zeros(4), "params": [], "wall_ns": [5],
        "cpu_ns": [5], "evaluate_ns": [1], "accuracy": [0.9], "reached": False,
        "time_to_target_ns": None, "transfer_ns": 1, "compile_ns": 1,
    }  # fmt: skip

    def train(step: object) -> Any:
        (powercap / "intel-rapl:0" / "energy_uj").write_text("45000000")
        return fitted

    trial: Any = SimpleNamespace(
        case=case, figures={}, series={}, attempt=train, judge=lambda checks: None
    )
    monkeypatch.setattr(fitting, "counters", lambda **_: counters(powercap))
    for least_s, found in ((0.0, {"energy_rapl_j": 40.0}), (3600.0, {})):
        monkeypatch.setattr(energy, "LEAST_S", least_s)
        (powercap / "intel-rapl:0" / "energy_uj").write_text("5000000")
        trial.figures.clear()
        fitting.fit(trial, draw_inputs(case), fit_arrays(case.fit), timeout_s=1.0)
        assert {k: v for k, v in trial.figures.items() if k.startswith("energy")} == found


@pytest.mark.parametrize("broken", [False, True], ids=["with a driver", "without"])
def test_nvml_is_optional(monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    cards = Cards()
    cards.broken = broken
    monkeypatch.setitem(sys.modules, "pynvml", cards)
    assert energy.find_nvml() is (None if broken else cards)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # as if it were not installed
    assert energy.find_nvml() is None

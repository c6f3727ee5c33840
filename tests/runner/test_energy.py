"""Energy: counted where it can be read, and a figure only where it means something."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bakeoff_two_layer
from bakeoff import energy, fitting, nvidia
from bakeoff.energy import LEAST_S, Meter, counters, refused
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


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """One card that counts, and an old one that does not."""
    joules: list[float | None] = [7.0, None]
    monkeypatch.setattr(nvidia, "energies_j", lambda: joules)
    return joules


class Time:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_packages_and_cards_are_counted_not_their_parts(
    powercap: Path, cards: list[float | None]
) -> None:
    found = counters(powercap)
    assert [c.name for c in found] == ["package-0", "package-1", "card-0"]
    assert [c.source for c in found] == ["rapl", "rapl", "nvml"]
    assert [c.read_j() for c in found] == [5.0, 5.0, 7.0]


def test_a_machine_without_counters_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia, "energies_j", list)
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
    assert "package-0" in (names := [c.name for c in counters(powercap)])
    assert "package-1" not in names
    assert refused(powercap) == ["package-1"]


def test_joules_add_up_and_a_counter_may_begin_anew(
    powercap: Path, cards: list[float | None]
) -> None:
    meter = Meter(counters(powercap))
    own = powercap / "intel-rapl:0" / "energy_uj"
    own.write_text("9000000")
    cards[0] = 8.5
    assert meter.joules() == {"package-0": 4.0, "package-1": 0.0, "card-0": 1.5}
    own.write_text(f"{RANGE_UJ - 1_000_000}")
    before = meter.joules()["package-0"]
    own.write_text("500000")
    assert meter.joules()["package-0"] == pytest.approx(before + 1.5)


def test_a_figure_needs_its_time(powercap: Path, cards: list[float | None]) -> None:
    time = Time()
    meter = Meter(counters(powercap), time)
    for zone in ("intel-rapl:0", "intel-rapl:1"):
        (powercap / zone / "energy_uj").write_text("305000000")
    cards[0] = 907.0
    time.now_s += LEAST_S - 0.1
    assert meter.figures() == {}
    time.now_s += 0.2
    assert meter.figures() == {"energy_rapl_j": 600.0, "energy_nvml_j": 900.0}


def test_a_counter_that_is_lost_is_left_out(powercap: Path, cards: list[float | None]) -> None:
    meter = Meter(counters(powercap))
    (powercap / "intel-rapl:1" / "energy_uj").unlink()
    cards[0] = None
    assert meter.joules() == {"package-0": 0.0}
    cards.clear()
    assert meter.joules() == {"package-0": 0.0}


def test_a_training_that_runs_alone_has_an_energy(
    powercap: Path, cards: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cards.clear()
    case = next(c for c in bakeoff_two_layer.SUITE.cases("quick") if c.fit)
    assert case.fit is not None
    fitted: dict[str, Any] = {
        "losses": np.ones((1, 3)), "predictions": np.zeros(4), "params": [], "wall_ns": [5],
        "cpu_ns": [5], "evaluate_ns": [1], "accuracy": [0.9], "reached": False,
        "time_to_target_ns": None, "transfer_ns": 1, "compile_ns": 1,
        "before": np.zeros(0), "before_ns": 0,
    }  # fmt: skip

    def train(step: object) -> Any:
        (powercap / "intel-rapl:0" / "energy_uj").write_text("45000000")
        return fitted

    trial: Any = SimpleNamespace(
        case=case, figures={}, series={}, attempt=train, judge=lambda checks: None
    )
    monkeypatch.setattr(fitting, "counters", lambda: counters(powercap))
    for least_s, found in ((0.0, {"energy_rapl_j": 40.0}), (3600.0, {})):
        monkeypatch.setattr(energy, "LEAST_S", least_s)
        (powercap / "intel-rapl:0" / "energy_uj").write_text("5000000")
        trial.figures.clear()
        fitting.fit(trial, draw_inputs(case), fit_arrays(case.fit), timeout_s=1.0)
        assert {k: v for k, v in trial.figures.items() if k.startswith("energy")} == found

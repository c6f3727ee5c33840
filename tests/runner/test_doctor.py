"""The doctor tells what is wrong, and only that."""

from typing import Any

import pytest

from bakeoff import doctor, energy, machine
from bakeoff.energy import Counter
from bakeoff.interface import Backend


def test_the_rate_is_measured_and_a_slow_blas_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.blas_gflops(size=64, repeats=2) > 0
    monkeypatch.setattr(doctor, "blas_gflops", lambda: 0.4)
    rate = doctor.diagnose_blas()[-1]
    assert not rate.good
    assert "below 10 GFLOP/s" in rate.remedy
    monkeypatch.setattr(doctor, "blas_gflops", lambda: 80.0)
    assert all(f.good for f in doctor.diagnose_blas())


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"load": [7.0, 1.0, 1.0], "allowed_cpus": [0, 1]}, "load"),
        ({"governor": "powersave"}, "clock"),
    ],
)
def test_a_busy_or_slow_machine_is_named(changes: dict[str, Any], subject: str) -> None:
    quiet = {**machine.describe_machine(), "load": [0.0, 0.0, 0.0], "governor": "performance"}
    assert all(f.good for f in doctor.diagnose_machine(quiet))
    bad = [f.subject for f in doctor.diagnose_machine({**quiet, **changes}) if not f.good]
    assert bad == [subject]


@pytest.mark.parametrize(
    ("readable", "closed", "told"),
    [
        ([], [], "not counted where we can see it (RAPL, NVML)"),
        (["package-0"], [], "package-0 can be read"),
        (["card-0"], ["package-0"], "card-0 can be read; package-0 only by root; sudo chmod a+r"),
    ],
    ids=["nothing", "all", "root"],
)
def test_energy_that_cannot_be_read_is_no_fault(
    readable: list[str], closed: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Counter(name, "rapl", lambda: 0.0, 1) for name in readable]
    monkeypatch.setattr(energy, "counters", lambda: found)
    monkeypatch.setattr(energy, "refused", lambda: closed)
    finding = doctor.diagnose_energy()
    assert finding.good
    assert finding.found.startswith(told)


def test_a_backend_whose_adapter_is_missing_cannot_be_had() -> None:
    lost = Backend("lost", "Lost", "lost", "/nowhere/adapter.py:Adapter", requirements=("numpy",))
    (finding,) = doctor.diagnose_backends([lost])
    assert not finding.good
    assert "no adapter file /nowhere/adapter.py" in finding.remedy

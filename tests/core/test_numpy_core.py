"""OpenBLAS is told which kernels to take where its own choice is slower; never over a user."""

from pathlib import Path

import pytest

from bakeoff_numpy import core

ZEN4 = "vendor_id : AuthenticAMD\nflags : fpu avx2 avx512f avx512dq\n"
ZEN3 = "vendor_id : AuthenticAMD\nflags : fpu avx2\n"
XEON = "vendor_id : GenuineIntel\nflags : fpu avx2 avx512f\n"


@pytest.mark.parametrize(
    ("told", "expected"),
    [(ZEN4, {"OPENBLAS_CORETYPE": "Zen"}), (ZEN3, {}), (XEON, {}), ("", {})],
    ids=["zen4", "zen3", "xeon", "unknown"],
)
def test_kernels_are_chosen_by_the_processor(
    told: str, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(core.VARIABLE, raising=False)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(told)
    assert core.environment(cpuinfo) == expected


def test_nothing_is_said_where_the_processor_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(core.VARIABLE, raising=False)
    assert core.environment(tmp_path / "none") == {}


def test_the_users_choice_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(core.VARIABLE, "Haswell")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(ZEN4)
    assert core.environment(cpuinfo) == {core.VARIABLE: "Haswell"}

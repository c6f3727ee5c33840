"""A device is looked for before anything is installed, and what was looked for is said."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakeoff import devices, environments
from bakeoff.doctor import diagnose_backends, diagnose_devices
from bakeoff.errors import EnvironmentFailure
from bakeoff.interface import Backend


def driver(count: int = 0, init: int = 0) -> Callable[[str], Any]:
    """Return what loads a driver that answers so."""

    class Driver:
        def cuInit(self, flags: int) -> int:
            assert flags == 0
            return init

        def cuDeviceGetCount(self, answer: Any) -> int:
            ctypes.cast(answer, ctypes.POINTER(ctypes.c_int))[0] = count
            return 0

    def load(name: str) -> Driver:
        assert name == devices.CUDA_DRIVER
        return Driver()

    return load


def no_driver(name: str) -> Any:
    raise OSError(f"{name}: cannot open shared object file")


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (driver(count=1), ""),
        (driver(count=8), ""),
        (driver(count=0), "knows of none"),
        (driver(init=100), "knows of none"),
        (driver(init=803), "answers with CUDA error 803"),
        (no_driver, f"looked for the driver's {devices.CUDA_DRIVER}, which is not here"),
    ],
    ids=["one", "eight", "none", "no-device-error", "mismatched-driver", "no-driver"],
)
def test_what_the_driver_says_decides(load: Callable[[str], Any], told: str) -> None:
    why = devices.why_missing("cuda", load)
    assert why.startswith("no CUDA device: ") if told else why == ""
    assert told in why
    assert devices.why_missing("cpu", load) == ""


class Versioned:
    """A driver that serves CUDA up to a version, or refuses to say."""

    def __init__(self, version: int, status: int = 0) -> None:
        self._version, self._status = version, status

    def cuDriverGetVersion(self, answer: Any) -> int:
        ctypes.cast(answer, ctypes.POINTER(ctypes.c_int))[0] = self._version
        return self._status


@pytest.mark.parametrize(
    ("load", "version"),
    [(lambda name: Versioned(12040), 12040), (lambda name: Versioned(1, status=3), 0),
     (no_driver, 0)],
    ids=["driver", "refusal", "no-driver"],
)  # fmt: skip
def test_the_driver_is_asked_for_its_cuda(load: Callable[[str], Any], version: int) -> None:
    assert devices.cuda_version(load) == version


def test_a_hidden_device_is_hinted_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES=''" in devices.why_missing("cuda", driver(init=100))


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A backend of a device, on a machine that has none."""
    monkeypatch.setattr(devices, "why_missing", lambda device: f"no {device} here, as a test")
    adapter = Path(__file__).parent.parent / "worker" / "fake_device.py"
    return Backend("far", "Far", "far", f"{adapter}:DeviceAdapter", device="cuda",
                   requirements=("some-gigabytes==1",))  # fmt: skip


@pytest.mark.parametrize("in_place", [False, True], ids=["environment", "in-place"])
def test_nothing_is_made_for_a_device_that_is_missing(
    backend: Backend, tmp_path: Path, in_place: bool
) -> None:
    with pytest.raises(EnvironmentFailure, match=r"^backend far: no cuda here, as a test$"):
        environments.provide(backend, cache=tmp_path, in_place=in_place)
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_that_a_device_is_missing_and_whether_the_toolkit_is(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    [finding] = diagnose_backends([backend])
    assert finding.subject == "backend far"
    assert finding.found == "unavailable here; would install some-gigabytes==1"
    assert finding.remedy == "no cuda here, as a test"
    monkeypatch.setattr(environments, "find", lambda backend: object())
    [finding] = diagnose_backends([backend])
    assert finding.found == "unavailable here; its environment is ready"
    [cuda] = diagnose_devices([])
    assert (cuda.subject, cuda.found, cuda.good) == ("CUDA", "no cuda here, as a test", True)

"""What NVML tells is recorded; what it does not know, or its absence, breaks nothing."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff import doctor, machine, nvidia


class NVMLError(Exception):
    """As the binding raises it."""


class Binding:
    """``pynvml`` with two GPUs, the second of which knows little; counts who is ready."""

    NVMLError = NVMLError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self) -> None:
        self.ready = 0
        self.asked: list[str] = []
        self.events = 0x1 | 0x4

    def __getattr__(self, name: str) -> Any:
        """Any function we do not know of: one that sets something, say."""
        raise AssertionError(f"{name} was asked for")

    def nvmlInit(self) -> None:
        self.ready += 1

    def nvmlShutdown(self) -> None:
        self.ready -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"580.65.06"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 12040

    def nvmlDeviceGetCount(self) -> int:
        assert self.ready
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return f"Toy GPU {handle}"

    def nvmlDeviceGetUUID(self, handle: int) -> bytes:
        return b"GPU-1234"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(total=80 * 2**30, used=2**30)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        if handle:
            raise NVMLError("Not Supported")
        return 700_000

    def nvmlDeviceGetMaxClockInfo(self, handle: int, kind: int) -> int:
        return {1: 1980, 2: 2619}[kind]

    def nvmlDeviceGetClockInfo(self, handle: int, kind: int) -> int:
        return {1: 1755, 2: 2619}[kind]

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        assert sensor == self.NVML_TEMPERATURE_GPU
        return 41

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return 123_456

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        return 9_000_500

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        return SimpleNamespace(gpu=3, memory=1)

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: int) -> int:
        raise NVMLError("Function Not Found")  # an old driver: the older name answers

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:
        return self.events

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        return [SimpleNamespace(pid=1)] if handle else []


@pytest.fixture
def binding(monkeypatch: pytest.MonkeyPatch) -> Binding:
    made = Binding()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def test_what_lasts_and_what_passes_are_read(binding: Binding) -> None:
    first, second = nvidia.describe()
    assert first == {
        "name": "Toy GPU 0", "uuid": "GPU-1234", "memory_bytes": 80 * 2**30,
        "power_limit_w": 700.0, "max_sm_mhz": 1980, "max_memory_mhz": 2619,
        "driver": "580.65.06", "cuda": "12.4",
    }  # fmt: skip
    assert second["power_limit_w"] is None, "what is not supported is unknown"
    assert nvidia.state()[0] == {
        "sm_mhz": 1755, "memory_mhz": 2619, "temperature_c": 41, "power_w": 123.456,
        "energy_j": 9000.5, "busy_percent": 3, "memory_used_bytes": 2**30,
        "clock_events": ["idle", "software power cap"], "processes": 0,
    }  # fmt: skip
    assert nvidia.energies_j() == [9000.5, 9000.5]
    assert binding.ready == 0, "the library is let go of"


def test_a_reason_unknown_to_us_is_told_by_its_bit(binding: Binding) -> None:
    binding.events = 0x8 | 0x4000
    assert nvidia.state()[0]["clock_events"] == ["hardware slowdown", "unknown 0x4000"]


def test_the_machine_s_description_and_each_state_hold_it(binding: Binding) -> None:
    described = machine.describe_machine()
    assert [gpu["name"] for gpu in described["gpus"]] == ["Toy GPU 0", "Toy GPU 1"]
    assert machine.state()["gpus_now"] == described["gpus_now"] == nvidia.state()


@pytest.mark.parametrize("absent", ["binding", "driver"])
def test_without_binding_or_driver_there_is_nothing_to_tell(
    absent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise NVMLError("Driver Not Loaded")

    library = None if absent == "binding" else SimpleNamespace(nvmlInit=fail)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert nvidia.describe() == nvidia.state() == machine.state()["gpus_now"] == []


def test_the_doctor_names_what_holds_a_gpu_back(
    binding: Binding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.devices, "why_missing", lambda device: "")
    gpus = [{**a, **b} for a, b in zip(nvidia.describe(), nvidia.state(), strict=True)]
    cuda, first, second = doctor.diagnose_devices(gpus)
    assert (cuda.subject, cuda.good) == ("CUDA", True)
    assert "Toy GPU 0, driver 580.65.06, CUDA 12.4, 1755 MHz" in first.found
    assert "held back by software power cap" in first.remedy
    assert "in use by processes (1)" in second.remedy
    [unread] = doctor.diagnose_devices([])
    assert "pip install nvidia-ml-py" in unread.remedy

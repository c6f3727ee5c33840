"""The CuPy backend with NumPy in CuPy's place: what is called with what, not a device.

Everything above CuPy runs as it would: the adapter in a worker, the tape, our kernels' own texts
(through the emulator); arrays of the host are refused where CuPy refuses them.
"""

import pytest
from conformance_cases import FAMILIES, HALF_OPS, cases_of, failures
from training_loops import OPTIMIZERS, SCHEDULES, compare_training

from bakeoff.ops import OPS
from bakeoff.oracle import Oracle
from bakeoff.worker import Worker


@pytest.mark.parametrize("op", OPS)
def test_every_op_and_gradient_is_right(op: str, posed: Worker, oracle: Oracle) -> None:
    found = failures(posed, oracle, cases_of("float32", op=op))
    assert not found, "\n".join(f.text for f in found)


@pytest.mark.parametrize("family", FAMILIES)
def test_float64_is_computed_in_float64(family: str, posed: Worker, oracle: Oracle) -> None:
    found = failures(posed, oracle, cases_of("float64", family=family, first=True))
    assert not found, "\n".join(f.text for f in found)


def test_half_precision_stays_in_its_bounds(posed: Worker, oracle: Oracle) -> None:
    found = failures(posed, oracle, cases_of("float16", ops=HALF_OPS, first=True))
    assert not found, "\n".join(f.text for f in found)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("dtype", "within"), [("float32", 5e-5), ("float64", 1e-11)])
def test_training_follows_its_equations(
    optimizer: str, dtype: str, within: float, posed: Worker
) -> None:
    """float32 by one kernel over the arena, float64 by the reference's passes."""
    compare_training(posed, optimizer, "exponential", dtype, within)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_reach_the_optimizer(schedule: str, posed: Worker) -> None:
    compare_training(posed, "adam", schedule, "float64", 1e-11)


def test_it_says_what_it_is(posed: Worker) -> None:
    told = posed.hello
    assert set(OPS) <= set(told["ops"])
    assert told["describe"]["modes"] == {
        "tf32": False, "fast_math": False, "accumulate": "float32"}  # fmt: skip

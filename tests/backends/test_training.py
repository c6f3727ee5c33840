"""Every backend trains alike: optimizers, schedules and trajectories against NumPy loops."""

from collections.abc import Callable

import numpy as np
import pytest
from training_loops import (
    BATCHES,
    OPTIMIZERS,
    SCHEDULES,
    STEPS,
    compare_training,
    training_inputs,
    training_loop,
    training_program,
)

from bakeoff.worker import Worker

pytestmark = pytest.mark.toolkit

WorkerOf = Callable[[str], Worker]

BACKENDS = ("numpy", "numpy-plan", "numpy-compiled", "torch", "torch-compile", "jax")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_optimizer_follows_its_equation(backend: str, optimizer: str, worker_of: WorkerOf) -> None:
    """In float64, where a wrong equation cannot hide behind rounding."""
    compare_training(worker_of(backend), optimizer, "exponential", "float64", 1e-11)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("backend", ["numpy", "numpy-plan", "numpy-compiled", "torch", "jax"])
def test_schedule_reaches_the_optimizer(backend: str, schedule: str, worker_of: WorkerOf) -> None:
    """The learning rate of every step is the schedule's."""
    compare_training(worker_of(backend), "adam", schedule, "float64", 1e-11)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_float32_training(backend: str, optimizer: str, worker_of: WorkerOf) -> None:
    """float32 stays near the float64 loop, and stays float32."""
    compare_training(worker_of(backend), optimizer, "constant", "float32", 5e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_starts_afresh(backend: str, worker_of: WorkerOf) -> None:
    """The same steps twice give the same losses: parameters, slots and t are reset."""
    worker, inputs = worker_of(backend), training_inputs("float32")
    worker.prepare(training_program("adam", "warmup", "float32"), inputs, BATCHES)
    first, second = (worker.train(STEPS, keep=(1, STEPS)) for _ in range(2))
    np.testing.assert_array_equal(first["losses"], second["losses"])
    for step in (1, STEPS):
        for a, b in zip(first["params"][step], second["params"][step], strict=True):
            np.testing.assert_array_equal(a, b)
    moved = [
        np.abs(a - b).max() for a, b in zip(first["params"][1], first["params"][STEPS], strict=True)
    ]
    assert min(moved) > 0  # what was kept after step 1 did not change with later steps


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_half_precision_training(backend: str, dtype: str, worker_of: WorkerOf) -> None:
    """A dozen SGD steps follow the float64 loop to the dtype's precision."""
    worker, inputs = worker_of(backend), training_inputs("float32")
    losses, _ = training_loop("sgd", "constant", inputs)
    worker.prepare(training_program("sgd", "constant", dtype), inputs, BATCHES)
    trained = worker.train(STEPS, keep=())
    tolerance = {"float16": 0.01, "bfloat16": 0.08}[dtype]
    np.testing.assert_allclose(trained["losses"], losses, rtol=tolerance, atol=tolerance)

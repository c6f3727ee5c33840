"""Every backend trains alike: optimizers, schedules and trajectories against NumPy loops."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from backends.registered import TIMEOUT_S
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

from bakeoff import environments
from bakeoff.interface import Backend
from bakeoff.worker import Worker, launch_for

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


# -- several steps to a call of the device -----------------------------------------------------

AT_ONCE = 5  # neither divides the steps nor the batches


@pytest.fixture(scope="module")
def scanning(
    backends: dict[str, Backend], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """``jax-cuda-scan`` on the processor, whose XLA runs the same program."""
    python = environments.provide(backends["jax"], progress=print).python
    on_cpu = replace(backends["jax"], mode={"steps": AT_ONCE})
    scratch = tmp_path_factory.mktemp("scan")
    with Worker(launch_for(on_cpu, str(python)), TIMEOUT_S, scratch) as worker:
        yield worker


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_that_wait_for_others_follow_their_equations(
    optimizer: str, scanning: Worker
) -> None:
    """Two scans of five steps, and two steps that are left over, each with its own rate."""
    assert STEPS % AT_ONCE == 2
    compare_training(scanning, optimizer, "exponential", "float64", 1e-11)
    compare_training(scanning, optimizer, "exponential", "float32", 5e-5)


def test_steps_that_wait_are_those_of_each_by_itself(scanning: Worker, worker_of: WorkerOf) -> None:
    runs = []
    for worker in (scanning, worker_of("jax")):
        worker.prepare(
            training_program("adam", "cosine", "float32"), training_inputs("float32"), BATCHES
        )
        trained = worker.train(STEPS, keep=(1, 7, STEPS))
        runs.append([trained["losses"], *(p for k in (1, 7, STEPS) for p in trained["params"][k])])
        worker.release()
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


def test_blocks_hold_whole_scans(scanning: Worker) -> None:
    scanning.prepare(
        training_program("adam", "constant", "float32"), training_inputs("float32"), BATCHES
    )
    loops = scanning.calibrate(1_000_000)
    assert loops % AT_ONCE == 0
    assert scanning.block(loops).loops == loops
    scanning.release()


@pytest.fixture(scope="module")
def posed_graph(
    backends: dict[str, Backend], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """``torch-cuda-graph`` on the processor, over a capture that is a stand-in."""
    python = environments.provide(backends["torch"], progress=print).python
    adapter = f"{Path(__file__).with_name('posed_torch.py')}:PosedGraph"
    launch = launch_for(replace(backends["torch"], adapter=adapter), str(python))
    with Worker(launch, TIMEOUT_S, tmp_path_factory.mktemp("posed")) as worker:
        yield worker


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_pytorch_s_captured_step_follows_its_equation(optimizer: str, posed_graph: Worker) -> None:
    """What was done before the capture leaves no trace; each replay has its own data and rate."""
    compare_training(posed_graph, optimizer, "exponential", "float64", 1e-11)
    compare_training(posed_graph, optimizer, "cosine", "float32", 5e-5)


def test_pytorch_s_captured_step_starts_afresh(posed_graph: Worker) -> None:
    posed_graph.prepare(
        training_program("adam", "warmup", "float32"), training_inputs("float32"), BATCHES
    )
    first, second = (posed_graph.train(STEPS, keep=(STEPS,)) for _ in range(2))
    np.testing.assert_array_equal(first["losses"], second["losses"])
    posed_graph.release()


def test_pytorch_captures_only_optimizers_that_keep_their_step_on_the_device(
    posed_graph: Worker,
) -> None:
    assert posed_graph.hello["optimizers"] == ["adam", "adamw"]


def test_steps_whose_results_are_overwritten_keep_copies(
    backends: dict[str, Backend], tmp_path: Path
) -> None:
    """``reduce-overhead`` without the compiler, whose graphs need a device."""
    python = environments.provide(backends["torch"], progress=print).python
    copying = replace(backends["torch"], mode={"compile_mode": "reduce-overhead"})
    with Worker(launch_for(copying, str(python)), TIMEOUT_S, tmp_path) as worker:
        compare_training(worker, "adam", "constant", "float32", 5e-5)

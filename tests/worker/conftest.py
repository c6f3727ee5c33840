"""A worker on the fake toolkit, and small programs for it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.program import Value, gradient, trace, training
from bakeoff.worker import Launch, Worker
from bakeoff_worker.program import Program

sys.path.insert(0, str(Path(__file__).parent))  # the fakes beside this file
FAKE = str(Path(__file__).with_name("fake_adapter.py"))
TIMEOUT_S = 20.0

StartWorker = Callable[..., Worker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartWorker]:
    """Start workers on the fake toolkit; they end with the test."""
    with ExitStack() as stack:

        def start_worker(
            python: str = sys.executable,
            log: Path | None = None,
            timeout_s: float = TIMEOUT_S,
            **launch: Any,
        ) -> Worker:
            options = {"adapter_file": FAKE, "adapter_class": "FakeAdapter", "name": "fake"}
            worker = Worker(Launch(python, **{**options, **launch}), timeout_s, tmp_path, log)
            return stack.enter_context(worker)

        yield start_worker


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One healthy worker for all tests of a module."""
    launch = Launch(sys.executable, FAKE, "FakeAdapter", name="fake")
    with Worker(launch, TIMEOUT_S, tmp_path_factory.mktemp("scratch")) as worker:
        yield worker


@pytest.fixture(scope="session")
def product() -> Program:
    """(3, 4) @ (4, 5), forward, float32."""
    return trace(
        lambda ops, a, b: a @ b,
        [Value("a", (3, 4), "float32"), Value("b", (4, 5), "float32")],
        name="product",
    )


@pytest.fixture(scope="session")
def factors() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "a": rng.normal(size=(3, 4)).astype("float32"),
        "b": rng.normal(size=(4, 5)).astype("float32"),
    }


@pytest.fixture(scope="session")
def product_gradient() -> Program:
    """The product with cotangent c, and the gradients of b and a (in this order)."""
    return trace(
        lambda ops, a, b: a @ b,
        [
            Value("a", (3, 4), "float64"),
            Value("b", (4, 5), "float64"),
            Value("c", (3, 5), "float64"),
        ],
        gradient(wrt=["b", "a"], cotangents=["c"]),
        name="product_gradient",
    )


def squared_loss(ops: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return ops.mean(ops.squared_error(x @ w + b, y))


@pytest.fixture(scope="session")
def regression() -> Callable[..., Program]:
    """Linear regression in float64, 8 rows a step: ``regression("adam", {"lr": 0.1})``."""

    def make(optimizer: str, hyper: dict[str, float], schedule: Any = None) -> Program:
        values = [
            Value("w", (3, 1), "float64"),
            Value("b", (1,), "float64"),
            Value("x", (8, 3), "float64"),
            Value("y", (8, 1), "float64"),
        ]
        return trace(squared_loss, values, training(["w", "b"], optimizer, hyper, schedule))

    return make


@pytest.fixture(scope="session")
def regression_inputs() -> dict[str, Any]:
    """First parameters, and four batches of data."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 8, 3))
    y = x @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * rng.normal(size=(4, 8, 1))
    return {"w": rng.normal(size=(3, 1)), "b": np.array([0.3]), "x": x, "y": y}

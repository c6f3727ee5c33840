"""The same bits again: at another call, in another process, and with another number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from backends.registered import TIMEOUT_S, built_in

from bakeoff import environments
from bakeoff.bits import digest
from bakeoff.program import Value, trace
from bakeoff.replies import Array
from bakeoff.worker import Worker, launch_for

pytestmark = pytest.mark.toolkit

BACKENDS = ("numpy", "numpy-plan", "numpy-compiled", "torch", "jax")
SHAPES = {"a": (300, 300), "b": (300, 300), "x": (4, 3, 24, 24), "w": (8, 3, 3, 3)}
PARTS = ("product", "sum", "convolution", "softmax")
PROGRAM = trace(
    lambda ops, a, b, x, w: (a @ b, ops.sum(a), ops.conv2d(x, w, padding=1), ops.softmax(b)),
    [Value(n, s, "float32") for n, s in SHAPES.items()],
)


@contextmanager
def _started(backend: str, threads: int, scratch: Path) -> Iterator[Worker]:
    registered = built_in()[backend]
    python = environments.provide(registered, progress=print).python
    launch = launch_for(registered, str(python), threads=threads)
    with Worker(launch, TIMEOUT_S, scratch) as worker:
        rng = np.random.default_rng(0)
        inputs = {n: rng.standard_normal(s).astype("f4") for n, s in SHAPES.items()}
        worker.prepare(PROGRAM, inputs)
        yield worker


def _bits(results: list[Array]) -> dict[str, str]:
    return {part: digest([array]) for part, array in zip(PARTS, results, strict=True)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_and_processes_give_the_same_bits(backend: str, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with _started(backend, 1, tmp_path) as worker:
            found += [_bits(worker.call()[0]) for _ in range(3)]
    assert all(bits == found[0] for bits in found)


# What adds up per thread, and so gives other bits with another number of them.
SPLIT = {"torch": {"sum"}, "jax": {"sum"}}


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_change_no_bits_but_where_sums_are_split(backend: str, tmp_path: Path) -> None:
    found = []
    for threads in (1, 2):
        with _started(backend, threads, tmp_path) as worker:
            found.append(_bits(worker.call()[0]))
    one, two = found
    assert {part for part in PARTS if one[part] != two[part]} <= SPLIT.get(backend, set())

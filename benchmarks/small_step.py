"""How little time NumPy can take for a small training step: the plan beside a step by hand.

A network of 64-32-10 with batch 16 is so small that a step is what its calls cost. By hand it
makes the fewest that we found, at the price of results that are rounded otherwise than the
tape's: a bias is a row of its weights and its input a column of ones, so that no call adds it or
sums up its gradient; the mean's 1/n is in the row sums that softmax divides by. Nothing is checked
but the labels. Less than this no plan of NumPy's calls can take (`benchmarks/engine`, row
plan-jax-small, whose gate it does not reach either).

Run: ``OPENBLAS_NUM_THREADS=1 python benchmarks/small_step.py``. CPU time, both in turn.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "engine"))

from workloads import step as case_of

from bakeoff_reference.arrays import check_labels
from bakeoff_reference.plan import compile_program

N, PIXELS, HIDDEN, CLASSES = 16, 64, 32, 10
SHAPES = ((PIXELS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
LR = 0.001
CALLS, ROUNDS = 1000, 60
Array = Any
Step = Callable[[Array, Array], Array]


def by_hand(params: Sequence[Array]) -> tuple[Step, tuple[Array, ...]]:
    """Return a step of SGD, as straight-line code over its own memory, and its parameters."""
    weights = np.concatenate([p.ravel() for p in params])
    slopes = np.zeros_like(weights)
    (w1, w2), (dw1, dw2) = _layers(weights), _layers(slopes)
    x1, h1 = _zeros(N, PIXELS + 1) + 1, _zeros(N, HIDDEN + 1) + 1  # their last columns stay 1
    x_part, h_part, x1_t, h1_t, w2_t = x1[:, :-1], h1[:, :-1], x1.T, h1.T, w2[:-1].T
    z, dh, dz, zeros = (_zeros(N, HIDDEN) for _ in range(4))
    positive, zero = np.zeros((N, HIDDEN), bool), _zeros()
    logits, e, p = (_zeros(N, CLASSES) for _ in range(3))
    top, total, log = (_zeros(N, 1) for _ in range(3))
    chosen, losses, mean, lr = _zeros(N), _zeros(N), _zeros(N) + 1 / N, _zeros() + LR
    p_flat, logits_flat, log_flat = p.reshape(-1), logits.reshape(-1), log.reshape(-1)
    starts, places = np.arange(N) * CLASSES, np.zeros(N, np.int64)
    n_times, log_n = np.full((CLASSES, 1), N, np.float32), np.log(np.float32(N))

    def step(x: Array, y: Array) -> Array:
        np.copyto(x_part, x)
        np.dot(x1, w1, z)
        np.maximum(z, zeros, out=h_part)
        np.dot(h1, w2, logits)
        np.maximum.reduce(logits, axis=1, keepdims=True, out=top)
        np.subtract(logits, top, logits)
        np.exp(logits, e)
        np.dot(e, n_times, total)
        check_labels(y, CLASSES)
        np.add(y, starts, places)
        logits_flat.take(places, None, chosen, "clip")
        np.log(total, log)
        np.subtract(log_flat, chosen, losses)
        np.divide(e, total, p)
        p_flat[places] -= mean
        np.dot(p, w2_t, dh)
        np.dot(h1_t, p, dw2)
        np.greater(z, zero, positive)
        np.multiply(dh, positive, dz)
        np.dot(x1_t, dz, dw1)
        np.multiply(slopes, lr, slopes)
        np.subtract(weights, slopes, weights)
        return np.dot(losses, mean) - log_n

    return step, (w1[:-1], w1[-1], w2[:-1], w2[-1])


def _layers(flat: Array) -> tuple[Array, Array]:
    """The weights of each layer, with its bias as the last row."""
    size = (PIXELS + 1) * HIDDEN
    return flat[:size].reshape(-1, HIDDEN), flat[size:].reshape(-1, CLASSES)


def _zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def drawn(rng: np.random.Generator) -> tuple[list[Array], Array, Array]:
    """Return parameters and a batch."""
    params = [0.1 * rng.standard_normal(shape, np.float32) for shape in SHAPES]
    return params, rng.random((N, PIXELS), np.float32), rng.integers(0, CLASSES, N)


def main() -> int:
    params, x, y = drawn(np.random.default_rng(0))
    plan = compile_program(case_of(f"{PIXELS}-{HIDDEN}-{CLASSES}", N, "sgd").program)
    plan.load(params)  # type: ignore[union-attr]
    hand, _ = by_hand(params)
    times = [[_timed(step, x, y) for step in (hand, plan)] for _ in range(ROUNDS)]
    by_step = [statistics.median(column) for column in zip(*times, strict=True)]
    ratio = statistics.median(h / p for h, p in times)
    print(f"by hand {by_step[0]:.1f} µs, plan {by_step[1]:.1f} µs, ratio {ratio:.2f}")
    return 0


def _timed(step: Callable[..., Any], x: Array, y: Array) -> float:
    """CPU time of a call in µs."""
    begin = time.process_time()
    for _ in range(CALLS):
        step(x, y)
    return (time.process_time() - begin) / CALLS * 1e6


if __name__ == "__main__":
    sys.exit(main())

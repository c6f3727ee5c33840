"""Every kernel, in every instantiation, against float64.

One rounding to the storage type is allowed, and some in float32, of numbers of a given size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bench import Bench
from judged import Row, row, within

Array = Any

UNIT = {"float": 2.0**-24, "__half": 2.0**-11, "__nv_bfloat16": 2.0**-8}
LABELS = {"int": "i4", "long long": "i8"}
WARP = 32


@dataclass(frozen=True)
class Launch:
    """A kernel's launch, and what it must leave in its arguments.

    Attributes
    ----------
    arguments
        Arrays of the host, which are copied to the device, and numbers.
    expected
        By the argument's position: float64 values, and the sizes of what was rounded in float32,
        times how often.
    """

    grid: tuple[int, ...]
    block: tuple[int, ...]
    arguments: Sequence[Any]
    expected: dict[int, tuple[Array, Array]]


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row per kernel: its worst error over instantiations and shapes."""
    kernels = bench.module("kernels")
    launcher = bench.module("launch").Kernels(bench.cp)
    for file, its in kernels.KERNELS.items():
        for kernel in its:
            named = [n for n in kernels.names(file) if n.partition("<")[0] == kernel]
            if kernel not in CASES and kernel not in OPTIMIZED:
                yield row(kernel, "fail", f"nothing checks it, of {file}.cu")
                continue
            yield _judged(bench, launcher, file, kernel, named)


def _judged(bench: Bench, launcher: Any, file: str, kernel: str, named: Sequence[str]) -> Row:
    fraction, where = 0.0, ""
    for name in named:
        parameters = [p.strip() for p in name.partition("<")[2].rstrip(">").split(",") if p]
        make = CASES.get(kernel) or (lambda *p: _optimizer(bench, kernel, *p))
        for launch in make(*parameters):
            found = _fraction(bench, launcher, file, name, launch, (parameters or ["float"])[0])
            if not found <= fraction:
                fraction, where = found, name
    return within(kernel, fraction, f"{len(named)} instantiations, worst {where}", file=file)


def _fraction(
    bench: Bench, launcher: Any, file: str, name: str, launch: Launch, kind: str
) -> float:
    """Return the worst error of a launch over what is allowed; NaN counts as infinite."""
    cp = bench.cp
    held = [cp.asarray(a) if isinstance(a, np.ndarray) else a for a in launch.arguments]
    launcher.launch(file, name, launch.grid, launch.block, held)
    bench.synchronize()
    worst = 0.0
    for position, (expected, rounded) in launch.expected.items():
        kept = str(launch.arguments[position].dtype)
        storage = "float" if kept == "float32" else kind
        found = values(cp.asnumpy(held[position]), storage)
        smallest = 2.0**-25 if storage == "__half" else 0.0  # half its least subnormal number
        allowed = UNIT[storage] * np.abs(expected) + UNIT["float"] * rounded + smallest + 1e-38
        error = np.abs(found - expected) / allowed
        worst = max(worst, float(np.where(np.isnan(error), np.inf, error).max()))
    return worst


def stored(numbers: Array, kind: str) -> Array:
    """Return numbers as a storage type holds them; bfloat16 as its 16 bits."""
    single = np.asarray(numbers, "f4")
    if kind != "__nv_bfloat16":
        return single.astype("f2" if kind == "__half" else "f4")
    bits = single.view("u4").astype("u8")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("u2")


def values(array: Array, kind: str) -> Array:
    """Return what is stored, in float64."""
    if kind == "__nv_bfloat16":
        array = (array.astype("u4") << 16).view("f4")
    return array.astype("f8")


def drawn(seed: int, shape: tuple[int, ...], kind: str, size: float = 1.0) -> tuple[Array, Array]:
    """Return stored numbers, and what they are in float64."""
    held = stored(size * np.random.default_rng(seed).standard_normal(shape), kind)
    return held, values(held, kind)


def softmax_loss(z: Array, labels: Array) -> tuple[Array, Array]:
    """Return losses and their gradient by the definition."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(z))
    losses = -np.log(p[rows, labels])
    p[rows, labels] -= 1
    return losses, p


def _softmax_cross_entropy(kind: str, label: str) -> Iterator[Launch]:
    for n, classes in ((64, 10), (5, 1000), (3, 33)):
        z, exact = drawn(classes, (n, classes), kind, 8.0)
        labels = np.random.default_rng(1).integers(0, classes, n)
        losses, grad = softmax_loss(exact, labels)
        yield Launch(
            (n,), (min(1024, -(-classes // WARP) * WARP),),
            (z, labels.astype(LABELS[label]), stored(np.zeros(n), kind),
             stored(np.zeros((n, classes)), kind), np.int32(classes)),
            {2: (losses, 8 * (np.abs(exact).max() + losses)), 3: (grad, 8.0 + classes // WARP)},
        )  # fmt: skip


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "Identity": (lambda x: x, np.ones_like),
    "Relu": (lambda x: np.maximum(x, 0), lambda y: (y > 0).astype("f8")),
    "Sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda y: y * (1 - y)),
    "Tanh": (np.tanh, lambda y: 1 - y**2),
}


def _bias_activation(kind: str, activation: str) -> Iterator[Launch]:
    function, _ = ACTIVATIONS[activation]
    for shape in ((64, 128), (5, 33)):
        (x, exact), (bias, exact_bias) = drawn(0, shape, kind), drawn(1, shape[1:], kind)
        y = stored(np.zeros(shape), kind)
        size = 4 * (1 + np.abs(exact) + np.abs(exact_bias))
        yield Launch((2,), (128,), (x, bias, y, np.int64(x.size), np.int32(shape[1])),
                     {2: (function(exact + exact_bias), size)})  # fmt: skip


def _bias_activation_grad(kind: str, activation: str) -> Iterator[Launch]:
    function, slope = ACTIVATIONS[activation]
    for shape in ((64, 128), (5, 33)):
        g, exact = drawn(2, shape, kind)
        y = stored(function(drawn(0, shape, kind)[1]), kind)
        dx = exact * slope(values(y, kind))
        empty = [stored(np.zeros(s), kind) for s in (shape, shape[1:])]
        yield Launch(
            (-(-shape[1] // WARP),), (WARP, 8), (g, y, *empty, *map(np.int32, shape)),
            {2: (dx, 3 * np.abs(exact)),
             3: (dx.sum(axis=0), (3 + shape[0]) * np.abs(exact).sum(axis=0))},
        )  # fmt: skip


def _second_layer(kind: str, label: str) -> Iterator[tuple[Any, ...]]:
    for n, hidden, classes in ((64, 128, 10), (9, 33, 32)):
        relu = np.maximum(np.random.default_rng(0).standard_normal((n, hidden)), 0)
        h = stored(relu, kind)
        labels = np.random.default_rng(3).integers(0, classes, n)
        weight, bias = drawn(1, (hidden, classes), kind, hidden**-0.5), drawn(2, (classes,), kind)
        yield (n, hidden, classes), h, weight, bias, labels.astype(LABELS[label])


def _classify(kind: str, label: str) -> Iterator[Launch]:
    for sizes, h, (weight, w), (bias, b), labels in _second_layer(kind, label):
        n, hidden, classes = sizes
        exact = values(h, kind)
        z = exact @ w + b
        losses, grad = softmax_loss(z, labels)
        size = np.abs(exact) @ np.abs(w) + np.abs(b)
        yield Launch(
            (-(-n // 4),), (WARP, 4),
            (h, weight, bias, labels, stored(np.zeros(n), kind),
             stored(np.zeros((n, classes)), kind), *map(np.int32, sizes)),
            {4: (losses, (hidden + 8) * (size.max() + np.abs(z).max() + losses)),
             5: (grad / n, (hidden + 8) * (1 + size) / n)},
        )  # fmt: skip


def _classify_grad(kind: str) -> Iterator[Launch]:
    for sizes, h, (weight, w), _, _ in _second_layer(kind, "int"):
        n, hidden, classes = sizes
        dz, exact = drawn(4, (n, classes), kind, 1 / n)
        x, size = values(h, kind), np.abs(exact)
        empty = [stored(np.zeros(s), kind) for s in ((hidden, classes), (classes,), (n, hidden))]
        yield Launch(
            (hidden + 1 + -(-n // 8),), (WARP, 8), (h, weight, dz, *empty, *map(np.int32, sizes)),
            {3: (x.T @ exact, (n + 1) * (x.T @ size)),
             4: (exact.sum(axis=0), (n + 1) * size.sum(axis=0)),
             5: ((exact @ w.T) * (x > 0), (classes + 1) * (size @ np.abs(w.T)))},
        )  # fmt: skip


def _next_numbers() -> Iterator[Launch]:
    table = np.arange(20, dtype="f4").reshape(4, 5)
    yield Launch((1,), (WARP,), (table, np.array([2], "i4"), np.zeros(5, "f4"), np.int32(5)),
                 {2: (table[2].astype("f8"), 0.0)})  # fmt: skip


CASES: dict[str, Callable[..., Iterator[Launch]]] = {
    "softmax_cross_entropy": _softmax_cross_entropy,
    "bias_activation": _bias_activation,
    "bias_activation_grad": _bias_activation_grad,
    "classify": _classify,
    "classify_grad": _classify_grad,
    "next_numbers": _next_numbers,
}
OPTIMIZED = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
SIZE, RATE, STEP = 3000, 0.01, 3


def _optimizer(bench: Bench, name: str, kind: str) -> Iterator[Launch]:
    """One step from slots that others have filled, against the reference's passes."""
    from bakeoff_reference.arrays import NUMPY
    from bakeoff_reference.optimizers import DEFINITIONS, complete

    definition = DEFINITIONS[name]
    (w, exact_w), (g, exact_g) = drawn(0, (SIZE,), kind), drawn(1, (SIZE,), kind)
    slots = [np.abs(drawn(2 + i, (SIZE,), "float")[0]) for i in range(len(definition.slots))]
    scalars = definition.scalars(complete(name, {}), RATE, STEP)
    numbers = np.array([scalars[n] for n in bench.module("fused").NUMBERS[name]], "f4")
    new, state = exact_w.copy(), [s.astype("f8") for s in slots]
    definition.step(NUMPY, new, exact_g, state, np.zeros(SIZE), **scalars)
    size = 12 * (np.abs(exact_w) + 16 * np.abs(new - exact_w).max())
    grid, block = bench.module("launch").elementwise(SIZE)
    kept = {
        2 + i: (s, 12 * (np.abs(s) + exact_g**2 + np.abs(exact_g))) for i, s in enumerate(state)
    }
    yield Launch(grid, block, (w, g, *slots, numbers, np.int64(SIZE)), {0: (new, size), **kept})

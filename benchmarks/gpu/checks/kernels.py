"""Every kernel, in every instantiation, against float64.

One rounding to the storage type is allowed, and some in float32, of numbers of a given size.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from bench import Bench
from judged import Row, row, within
from storage import UNIT, drawn, stored, values

Array = Any

LABELS = {"int": "i4", "long long": "i8"}
KIND_OF = {"float32": "float", "float16": "__half", "uint16": "__nv_bfloat16"}  # its bits
WARP = 32


@dataclass(frozen=True)
class Launch:
    """A kernel's launch, and what it must leave in its arguments.

    Attributes
    ----------
    arguments
        By the parameter's name in the kernel's text: arrays of the host, which are copied to the
        device, and numbers. Those that the kernel does not have are not asked.
    expected
        By name: float64 values, and the sizes of what was rounded in float32, times how often.
    """

    grid: tuple[int, ...]
    block: tuple[int, ...]
    arguments: Mapping[str, Any]
    expected: Mapping[str, tuple[Array, Array]]


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
    names = parameters(bench.module("kernels").source(file), kernel)
    fraction, where = 0.0, ""
    for name in named:
        types = [t.strip() for t in name.partition("<")[2].rstrip(">").split(",") if t]
        make = CASES.get(kernel) or partial(_optimizer, bench, kernel, names)
        for launch in make(*types):
            lacking = [n for n in names if n not in launch.arguments]
            if lacking:
                return row(kernel, "fail", f"the check has no {' and no '.join(lacking)} for it")
            found = _fraction(bench, launcher, file, name, launch, names)
            if not found <= fraction:
                fraction, where = found, name
    note = f"{len(named)} instantiations, worst {where}" if where else f"{len(named)} exact"
    return within(kernel, fraction, note, file=file)


def parameters(text: str, kernel: str) -> list[str]:
    """Return the names of a kernel's parameters, as its text has them."""
    [listed] = re.findall(rf"void {kernel}\(([^)]*)\)", text)
    return [re.findall(r"\w+", declared)[-1] for declared in listed.split(",")]


def _fraction(
    bench: Bench, launcher: Any, file: str, name: str, launch: Launch, names: Sequence[str]
) -> float:
    """Return the worst error of a launch over what is allowed; NaN counts as infinite."""
    cp = bench.cp
    given = {n: launch.arguments[n] for n in names}
    held = {n: cp.asarray(a) if isinstance(a, np.ndarray) else a for n, a in given.items()}
    launcher.launch(file, name, launch.grid, launch.block, tuple(held.values()))
    bench.synchronize()
    errors = [
        _error(cp.asnumpy(held[n]), *launch.expected[n]) for n in names if n in launch.expected
    ]
    return max(errors, default=np.inf)  # a launch that leaves nothing to look at is no check


def _error(found: Array, expected: Array, rounded: Array) -> float:
    storage = KIND_OF[str(found.dtype)]
    smallest = 2.0**-25 if storage == "__half" else 0.0  # half its least subnormal number
    allowed = UNIT[storage] * np.abs(expected) + UNIT["float"] * rounded + smallest + 1e-38
    error = np.abs(values(found, storage) - expected) / allowed
    return float(np.where(np.isnan(error), np.inf, error).max())


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
            (n,),
            (min(1024, -(-classes // WARP) * WARP),),
            {
                "logits": z,
                "labels": labels.astype(LABELS[label]),
                "losses": stored(np.zeros(n), kind),
                "grad": stored(np.zeros((n, classes)), kind),
                "classes": np.int32(classes),
            },
            {
                "losses": (losses, 8 * (np.abs(exact).max() + losses)),
                "grad": (grad, 8.0 + classes // WARP),
            },
        )


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
        size = 4 * (1 + np.abs(exact) + np.abs(exact_bias))
        yield Launch(
            (2,),
            (128,),
            {
                "x": x,
                "bias": bias,
                "y": stored(np.zeros(shape), kind),
                "size": np.int64(x.size),
                "columns": np.int32(shape[1]),
            },
            {"y": (function(exact + exact_bias), size)},
        )


def _bias_activation_grad(kind: str, activation: str) -> Iterator[Launch]:
    function, slope = ACTIVATIONS[activation]
    for shape in ((64, 128), (5, 33)):
        g, exact = drawn(2, shape, kind)
        y = stored(function(drawn(0, shape, kind)[1]), kind)
        dx = exact * slope(values(y, kind))
        yield Launch(
            (-(-shape[1] // WARP),),
            (WARP, 8),
            {
                "g": g,
                "y": y,
                "dx": stored(np.zeros(shape), kind),
                "db": stored(np.zeros(shape[1]), kind),
                "rows": np.int32(shape[0]),
                "columns": np.int32(shape[1]),
            },
            {
                "dx": (dx, 3 * np.abs(exact)),
                "db": (dx.sum(axis=0), (3 + shape[0]) * np.abs(exact).sum(axis=0)),
            },
        )


def _second_layer(kind: str) -> Iterator[tuple[tuple[int, int, int], dict[str, Any]]]:
    """Yield sizes (rows, hidden, classes), and what both kernels of the second layer read."""
    for n, hidden, classes in ((64, 128, 10), (9, 33, 32)):
        relu = np.maximum(np.random.default_rng(0).standard_normal((n, hidden)), 0)
        read = {
            "h": stored(relu, kind),
            "weight": drawn(1, (hidden, classes), kind, hidden**-0.5)[0],
            "bias": drawn(2, (classes,), kind)[0],
            "rows": np.int32(n),
            "hidden": np.int32(hidden),
            "classes": np.int32(classes),
        }
        yield (n, hidden, classes), read


def _classify(kind: str, label: str) -> Iterator[Launch]:
    table = np.arange(1, 7, dtype="f4").reshape(3, 2)
    for (n, hidden, classes), read in _second_layer(kind):
        h, w, b = (values(read[name], kind) for name in ("h", "weight", "bias"))
        labels = np.random.default_rng(3).integers(0, classes, n)
        z = h @ w + b
        losses, grad = softmax_loss(z, labels)
        size = np.abs(h) @ np.abs(w) + np.abs(b)
        written = {
            "labels": labels.astype(LABELS[label]),
            "losses": stored(np.zeros(n), kind),
            "dz": stored(np.zeros((n, classes)), kind),
            "table": table,
            "table_row": np.array([1], "i4"),
            "numbers": np.zeros(2, "f4"),
            "count": np.int32(2),
        }
        yield Launch(
            (-(-n // 4),),
            (WARP, 4),
            {**read, **written},
            {
                "losses": (losses, (hidden + 8) * (size.max() + np.abs(z).max() + losses)),
                "dz": (grad / n, (hidden + 8) * (1 + size) / n),
                "numbers": (table[1].astype("f8"), np.zeros(2)),
            },
        )


def _classify_grad(kind: str) -> Iterator[Launch]:
    for (n, hidden, classes), read in _second_layer(kind):
        dz, exact = drawn(4, (n, classes), kind, 1 / n)
        losses, exact_losses = drawn(5, (n,), kind)
        h, w, size = values(read["h"], kind), values(read["weight"], kind), np.abs(exact)
        written = {
            "dz": dz,
            "losses": losses,
            "dweight": stored(np.zeros((hidden, classes)), kind),
            "dbias": stored(np.zeros(classes), kind),
            "dh": stored(np.zeros((n, hidden)), kind),
            "loss": stored(np.zeros(1), kind),
        }
        yield Launch(
            (hidden + 2 + -(-n // 8),),
            (WARP, 8),
            {**read, **written},
            {
                "dweight": (h.T @ exact, (n + 1) * (h.T @ size)),
                "dbias": (exact.sum(axis=0), (n + 1) * size.sum(axis=0)),
                "dh": ((exact @ w.T) * (h > 0), (classes + 1) * (size @ np.abs(w.T))),
                "loss": (exact_losses.mean(keepdims=True), (n + 1) * np.abs(exact_losses).mean()),
            },
        )


def _next_numbers() -> Iterator[Launch]:
    table = np.arange(20, dtype="f4").reshape(4, 5)
    arguments = {
        "table": table,
        "row": np.array([2], "i4"),
        "numbers": np.zeros(5, "f4"),
        "count": np.int32(5),
    }
    yield Launch((1,), (WARP,), arguments, {"numbers": (table[2].astype("f8"), np.zeros(5))})


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


def _optimizer(bench: Bench, name: str, names: Sequence[str], kind: str) -> Iterator[Launch]:
    """One step from slots that others have filled, against the reference's passes."""
    from bakeoff_reference.arrays import NUMPY
    from bakeoff_reference.optimizers import DEFINITIONS, complete

    definition = DEFINITIONS[name]
    (w, exact_w), (g, exact_g) = drawn(0, (SIZE,), kind), drawn(1, (SIZE,), kind)
    its = [n for n in names if n not in ("w", "g", "numbers", "size")]
    slots = {n: np.abs(drawn(2 + i, (SIZE,), "float")[0]) for i, n in enumerate(its)}
    scalars = definition.scalars(complete(name, {}), RATE, STEP)
    numbers = np.array([scalars[n] for n in bench.module("fused").NUMBERS[name]], "f4")
    new, state = exact_w.copy(), [s.astype("f8") for s in slots.values()]
    definition.step(NUMPY, new, exact_g, state, np.zeros(SIZE), **scalars)
    size = 12 * (np.abs(exact_w) + 16 * np.abs(new - exact_w).max())
    kept = [(s, 12 * (np.abs(s) + exact_g**2 + np.abs(exact_g))) for s in state]
    yield Launch(
        *bench.module("launch").elementwise(SIZE),
        {"w": w, "g": g, **slots, "numbers": numbers, "size": np.int64(SIZE)},
        {"w": (new, size), **dict(zip(its, kept, strict=True))},
    )

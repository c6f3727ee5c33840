"""The suite `matmul`: matrix products of many shapes, forward and with both gradients."""

from collections.abc import Callable, Iterator
from typing import Any

from bakeoff import hookimpl
from bakeoff.case import PRESETS, Case, Preset, Suite, draw
from bakeoff.passes import gradient_program, includes
from bakeoff.program import Value, trace

Shape = tuple[int, ...]

ON_GPUS = (4096, 8192)

# The shapes of a and b, from small to large within a family.
SHAPES: dict[str, tuple[Shape, Shape]] = {
    **{f"square-{n}": ((n, n), (n, n)) for n in (64, 128, 256, 512, 1024, 2048)},
    # of GPUs only: a processor takes seconds, and minutes in half precision
    **{f"square-{n}": ((n, n), (n, n)) for n in ON_GPUS},
    "tall": ((8192, 64), (64, 64)),
    "skinny": ((64, 8192), (8192, 64)),
    "outer": ((1024, 16), (16, 1024)),
    "vector": ((1024, 1024), (1024,)),
    "batched-64": ((64, 64, 64), (64, 64, 64)),
    "batched-256": ((8, 256, 256), (8, 256, 256)),
    "broadcast-128": ((32, 128, 64), (64, 128)),
}
DTYPES = ("float32", "float64", "float16", "bfloat16")
PASSES = ("forward", "gradient")

_LARGE = tuple(f"square-{n}" for n in ON_GPUS)

# The cells of the small presets; `_first` places the others.
_SMALL: dict[tuple[str, str, str], Preset] = {
    ("square-64", "float32", "forward"): "smoke",
    ("square-256", "float32", "gradient"): "smoke",
    ("square-64", "float32", "gradient"): "quick",
    ("square-256", "float32", "forward"): "quick",
    ("square-512", "float32", "forward"): "quick",
    ("square-1024", "float32", "forward"): "quick",
    ("square-256", "float64", "forward"): "quick",
    ("tall", "float32", "forward"): "quick",
    ("batched-64", "float32", "forward"): "quick",
}


def matmul(ops: Any, a: Any, b: Any) -> Any:
    """The matrix product, with NumPy's rules for vectors and batches."""
    return ops.matmul(a, b)


def cases(preset: Preset) -> Iterator[Case]:
    """Yield the cells of a preset."""
    for shape in SHAPES:
        for dtype in DTYPES:
            for ask in PASSES:
                first = PRESETS.index(_first(shape, dtype, ask))
                if first <= PRESETS.index(preset) and _asked(shape, dtype, ask):
                    yield _case(shape, dtype, ask)


def museum() -> Iterator[Case]:
    """Yield one product, forward and with its gradients."""
    for ask in PASSES:
        yield _case("square-256", "float32", ask)


def _asked(shape: str, dtype: str, ask: str) -> bool:
    """Return whether there is such a cell: of large products the oracle computes but few."""
    return shape not in _LARGE or (ask == "forward" and dtype != "float64")


def _first(shape: str, dtype: str, ask: str) -> Preset:
    """Return the smallest preset that holds the cell."""
    small = _SMALL.get((shape, dtype, ask))
    if small:
        return small
    if shape in _LARGE:
        return "standard" if shape == _LARGE[0] else "full"
    if dtype == "float32":
        return "full" if (shape, ask) == ("square-2048", "gradient") else "standard"
    if dtype == "float64":
        return "standard" if shape in ("square-256", "square-512", "tall") else "full"
    # Half precision is slow where there is no hardware for it: small and forward only.
    return "standard" if (shape, ask) == ("square-256", "forward") else "full"


def _case(shape: str, dtype: str, ask: str) -> Case:
    a, b = (Value(n, s, dtype) for n, s in zip("ab", SHAPES[shape], strict=True))
    family, _, size = shape.partition("-")
    name = "-".join(part for part in (family, dtype, size, ask) if part)
    if ask == "forward":
        program = trace(matmul, [a, b])
    else:
        program = gradient_program(matmul, [a, b], ["a", "b"])
    return Case(
        suite="matmul",
        name=name,
        program=program,
        inputs={v.name: draw("normal") for v in program.inputs},
        dtype=dtype,
        title=f"{_times(a.shape)} @ {_times(b.shape)}, {dtype}, {ask}",
        includes=includes(program),
        devices=("cuda",) if shape in _LARGE else (),
        tags={"shape": family, "n": int(size or max(a.shape)), "dtype": dtype, "pass": ask},
    )


def _times(shape: Shape) -> str:
    return "×".join(str(n) for n in shape)


SUITE = Suite(
    name="matmul",
    title="Matrix product",
    summary=(
        "Square matrices from 64 to 2048 (on GPUs to 8192), tall, skinny and batched ones, in "
        "single, double and half precision: forward, and with the gradients of both operands."
    ),
    cases=cases,
    museum=museum,
)


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(SUITE)

"""The rows of the engine's table: what is asked of it, and how each figure is taken.

A row holds one or more parts, each a ratio of CPU times or a figure of the engine alone; it is
what its worst part is. Ratios of passes of a convolution are of the pass by itself: of the time of
the program with the gradient, less that of the forward program in the same process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from workloads import CHAIN, OPTIMIZERS, step_name

PLAN, COMPILED, FLOOR, DIRECT = "numpy-plan", "numpy-compiled", "gemm-floor", "numpy-plan-direct"
PASSES = {"forward": "forward", "grad-input": "gradient of input", "grad-filter": "of filter"}


@dataclass(frozen=True, slots=True)
class Ratio:
    """Time of ``new`` over that of ``base`` on a case, less each side's time on ``less``."""

    label: str
    case: str
    new: str
    base: str
    less: str = ""

    @property
    def cases(self) -> tuple[str, ...]:
        return (self.case, self.less) if self.less else (self.case,)


@dataclass(frozen=True, slots=True)
class Alone:
    """A figure of the engine by itself: the name of a function in `alone`, and a layer."""

    label: str
    figure: str
    layer: str


Part = Ratio | Alone


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. Less is better: ``gate`` is the most allowed, ``aim`` what is wanted."""

    name: str
    what: str
    gate: float
    aim: float
    parts: tuple[Part, ...]
    unit: str = "×"


def _step(new: str, base: str, optimizer: str, batch: int, net: str = "784-128-10") -> Ratio:
    label = f"{net} batch {batch}, {optimizer}"
    return Ratio(label, f"engine/{step_name(net, batch, optimizer)}", new, base)


def _passes(
    *layers: str, new: str = PLAN, asked: tuple[str, ...] = tuple(PASSES)
) -> tuple[Ratio, ...]:
    return tuple(_pass(layer, ask, new) for layer in layers for ask in asked)


def _pass(layer: str, ask: str, new: str) -> Ratio:
    op = {"sequence": "conv1d", "volume": "conv3d", "upsample3d": "conv_transpose3d"}
    name = f"conv/{op.get(layer, 'conv2d')}-{layer}-float32"
    less = "" if ask == "forward" else f"{name}-forward"
    return Ratio(f"{layer}, {PASSES[ask]}", f"{name}-{ask}", new, "torch", less)


_CONVOLVED = (
    "middle", "deep", "image", "digit", "pointwise", "strided", "depthwise", "sequence", "volume",
    "upsample3d",
)  # fmt: skip

ROWS = (
    Row("eager-step", "eager tape, SGD, vs torch eager", 0.75, 0.60,
        (_step("numpy", "torch", "sgd", 64),)),
    Row("eager-chain", "eager tape, 100 small ops forward and backward, vs torch eager", 1.0, 0.70,
        (Ratio("64×10", f"engine/{CHAIN}", "numpy", "torch"),)),
    Row("plan-torch-sgd", "plan vs torch eager", 0.65, 0.52, (_step(PLAN, "torch", "sgd", 64),)),
    Row("plan-torch-adam", "plan vs torch eager", 0.60, 0.50, (_step(PLAN, "torch", "adam", 64),)),
    Row("plan-jax", "plan vs JAX jit, every optimizer", 1.10, 0.95,
        tuple(_step(PLAN, "jax", name, batch) for batch in (64, 256) for name in OPTIMIZERS)),
    Row("plan-jax-small", "plan vs JAX jit", 0.60, 0.50,
        (_step(PLAN, "jax", "sgd", 16, "64-32-10"),)),
    Row("plan-floor", "plan vs GEMM-only floor", 1.25, 1.10,
        (_step(PLAN, FLOOR, "sgd", 64), _step(PLAN, FLOOR, "sgd", 256))),
    Row("compiled-jax-sgd", "with `compiled` vs JAX jit", 0.90, 0.85,
        (_step(COMPILED, "jax", "sgd", 64),)),
    Row("compiled-jax-adam", "with `compiled` vs JAX jit", 0.80, 0.70,
        (_step(COMPILED, "jax", "adam", 64),)),
    # the plan's own gate: some thirty calls of NumPy take longer than XLA's one
    Row("compiled-jax-small", "with `compiled` vs JAX jit", 0.60, 0.50,
        (_step(COMPILED, "jax", "sgd", 16, "64-32-10"),)),
    Row("conv-3x3", "conv2d 3×3, C ≥ 64, each pass, vs torch", 1.25, 0.95,
        _passes("middle", "deep")),
    Row("conv-direct", "conv2d 3×3 direct (exact), each pass, vs torch", 1.5, 1.2,
        _passes("middle", "deep", new=DIRECT)),
    Row("conv-few", "conv2d C ≤ 3, each pass, vs torch", 1.15, 0.80, _passes("image", "digit")),
    Row("conv-pointwise", "conv2d 1×1, each pass, vs torch", 1.0, 0.85, _passes("pointwise")),
    Row("conv-strided", "conv2d stride 2, each pass, vs torch", 1.4, 1.2, _passes("strided")),
    Row("conv-1d", "conv1d, each pass, vs torch", 1.3, 1.05, _passes("sequence")),
    Row("conv-3d", "conv3d, each pass, vs torch", 2.3, 1.8, _passes("volume")),
    Row("conv-transpose3d", "conv_transpose3d, each pass, vs torch", 3.5, 2.0,
        _passes("upsample3d")),
    Row("depthwise", "depthwise, NumPy, vs torch", 8.0, 4.0,
        _passes("depthwise", asked=("forward",))),
    Row("depthwise-compiled", "depthwise, with `compiled`, vs torch", 1.0, 0.7,
        _passes("depthwise", new=COMPILED, asked=("forward",))),
    Row("workspace", "conv workspace, forward and both gradients, memory mode", 5.0, 4.0,
        (Alone("middle", "workspace", "middle"),), "× input"),
    Row("accuracy", "accuracy against float64, default strategies", 2e-6, 1e-6,
        tuple(Alone(layer, "accuracy", layer) for layer in _CONVOLVED), ""),
)  # fmt: skip


def chosen(globs: list[str]) -> tuple[Row, ...]:
    """Return the rows whose names match any of the globs; all without globs.

    Raises
    ------
    ValueError
        If a glob matches no row.
    """
    for glob in globs:
        if not any(fnmatchcase(row.name, glob) for row in ROWS):
            names = ", ".join(row.name for row in ROWS)
            raise ValueError(f"rows {glob!r}, expected to match some of {names}")
    return tuple(r for r in ROWS if not globs or any(fnmatchcase(r.name, g) for g in globs))


def ratios(rows: tuple[Row, ...]) -> Iterator[Ratio]:
    """Yield every ratio of the rows."""
    for row in rows:
        yield from (part for part in row.parts if isinstance(part, Ratio))

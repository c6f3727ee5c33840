"""The suite `conv`: convolutions in one, two and three dimensions, and their transposes.

Forward, forward with the gradient of the input, and forward with the gradient of the filter
are separate cells: toolkits use other algorithms for each.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bakeoff import hookimpl
from bakeoff.case import PRESETS, Case, Preset, Suite, draw
from bakeoff.passes import gradient_program, includes
from bakeoff.program import Value, trace

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution with its sizes: x (N, C, \\*spatial), weight as the op takes it."""

    op: str
    x: Shape
    weight: Shape
    attrs: Mapping[str, int] = field(default_factory=dict)
    title: str = ""


_SAME = {"padding": 1}
_DOUBLE = {"stride": 2, "padding": 1}  # with kernel 4, a transpose doubles every size

LAYERS: dict[str, Layer] = {
    "image": Layer("conv2d", (32, 3, 32, 32), (16, 3, 3, 3), _SAME, "first layer, colour image"),
    "digit": Layer(
        "conv2d", (32, 1, 28, 28), (8, 1, 5, 5), {}, "first layer, 5×5, handwritten digit"
    ),
    "middle": Layer("conv2d", (16, 64, 28, 28), (64, 64, 3, 3), _SAME, "middle layer"),
    "deep": Layer("conv2d", (8, 128, 14, 14), (256, 128, 3, 3), _SAME, "deep layer"),
    "pointwise": Layer("conv2d", (16, 64, 28, 28), (128, 64, 1, 1), {}, "1×1"),
    "strided": Layer(
        "conv2d", (16, 64, 28, 28), (128, 64, 3, 3), {"stride": 2, "padding": 1}, "stride 2"
    ),
    "depthwise": Layer(
        "conv2d", (16, 64, 28, 28), (64, 1, 3, 3), {"padding": 1, "groups": 64}, "depthwise"
    ),
    "grouped": Layer(
        "conv2d", (16, 64, 28, 28), (64, 16, 3, 3), {"padding": 1, "groups": 4}, "4 groups"
    ),
    "dilated": Layer(
        "conv2d", (16, 64, 28, 28), (64, 64, 3, 3), {"padding": 2, "dilation": 2}, "dilation 2"
    ),
    **{
        f"side-{n}": Layer("conv2d", (8, 32, n, n), (32, 32, 3, 3), _SAME, f"side {n}")
        for n in (8, 16, 32, 64)  # one layer on images of every size: cost against size
    },
    "sequence": Layer("conv1d", (16, 64, 256), (128, 64, 5), {"padding": 2}, "sequence"),
    "volume": Layer("conv3d", (4, 16, 16, 16, 16), (32, 16, 3, 3, 3), _SAME, "volume"),
    "upsample1d": Layer("conv_transpose1d", (16, 64, 128), (64, 32, 4), _DOUBLE, "doubling"),
    "upsample2d": Layer("conv_transpose2d", (8, 64, 14, 14), (64, 32, 4, 4), _DOUBLE, "doubling"),
    "upsample3d": Layer(
        "conv_transpose3d", (2, 16, 8, 8, 8), (16, 8, 4, 4, 4), _DOUBLE, "doubling"
    ),
}
# What is asked beside the output, in the words of case names.
PASSES = {"forward": None, "grad-input": "x", "grad-filter": "weight"}
DTYPES = ("float32", "float64")

# The cells of the small presets; `_first` places the others.
_SMALL: dict[tuple[str, str], Preset] = {
    ("digit", "grad-filter"): "smoke",
    ("image", "forward"): "quick",
    ("middle", "forward"): "quick",
    ("middle", "grad-input"): "quick",
    ("middle", "grad-filter"): "quick",
    ("pointwise", "forward"): "quick",
    ("sequence", "forward"): "quick",
    ("upsample2d", "forward"): "quick",
}


def convolution(layer: Layer) -> Callable[..., Any]:
    """Return the workload of a layer: ``f(ops, x, weight)``."""

    def convolve(ops: Any, x: Any, weight: Any) -> Any:
        return getattr(ops, layer.op)(x, weight, **layer.attrs)

    return convolve


def cases(preset: Preset) -> Iterator[Case]:
    """Yield the cells of a preset."""
    for dtype in DTYPES:
        for name in LAYERS:
            for ask in PASSES:
                if PRESETS.index(_first(name, dtype, ask)) <= PRESETS.index(preset):
                    yield _case(name, dtype, ask)


def museum() -> Iterator[Case]:
    """Yield the first layer of a network on digits, forward and with the gradient it needs."""
    for ask in ("forward", "grad-filter"):
        yield _case("digit", "float32", ask)


def _first(name: str, dtype: str, ask: str) -> Preset:
    """Return the smallest preset that holds the cell."""
    if dtype == "float32":
        larger: Preset = "full" if name.startswith("side") and ask != "forward" else "standard"
        return _SMALL.get((name, ask), larger)
    return "standard" if name == "image" else "full"


def _case(name: str, dtype: str, ask: str) -> Case:
    layer, wrt = LAYERS[name], PASSES[ask]
    family, _, size = name.partition("-")
    workload = convolution(layer)
    values = [Value("x", layer.x, dtype), Value("weight", layer.weight, dtype)]
    if wrt is None:
        program = trace(workload, values, name=layer.op)
    else:
        program = gradient_program(workload, values, [wrt], name=layer.op)
    return Case(
        suite="conv",
        name=f"{layer.op}-{name}-{dtype}-{ask}",
        program=program,
        inputs={v.name: draw("he" if v.name == "weight" else "normal") for v in program.inputs},
        dtype=dtype,
        title=f"{layer.op}, {layer.title}: {_times(layer.x)} with {_times(layer.weight)}, {ask}",
        includes=includes(program),
        tags={
            "shape": family,
            "op": layer.op,
            "dtype": dtype,
            "pass": ask,
            **({"n": int(size)} if size else {}),
        },
    )


def _times(shape: Shape) -> str:
    return "×".join(str(n) for n in shape)


SUITE = Suite(
    name="conv",
    title="Convolution",
    summary=(
        "Convolutions in one, two and three dimensions and their transposes: forward, with the "
        "gradient of the input, and with the gradient of the filter."
    ),
    cases=cases,
    museum=museum,
)


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(SUITE)

"""The suite `operators`: every op of the catalogue, forward and gradient, small.

Cases on trying inputs (`bakeoff.trying`) are for correctness only.

The sizes are so small that the figure is the cost of calling the op, not of its arithmetic.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from bakeoff import hookimpl
from bakeoff.case import PRESETS, Case, Preset, Suite
from bakeoff.passes import includes
from bakeoff.rules import FLOATS
from bakeoff.samples import SAMPLES, Sample, samples_of
from bakeoff.trying import KINDS, NO_GRADIENT, trying

PASSES = ("forward", "gradient")

# The cells of the small presets: ops that the first lesson on a toolkit names.
_SMALL: dict[tuple[str, str], Preset] = {
    ("relu", "gradient"): "smoke",
    ("softmax", "gradient"): "smoke",
    ("add", "gradient"): "quick",
    ("multiply", "forward"): "quick",
    ("sum", "forward"): "quick",
    ("matmul", "gradient"): "quick",
    ("bias_add", "gradient"): "quick",
    ("tanh", "gradient"): "quick",
    ("sigmoid_cross_entropy_with_logits", "gradient"): "quick",
    ("softmax_cross_entropy_with_logits", "gradient"): "quick",
}

MUSEUM_OPS = ("bias_add", "relu", "tanh", "softmax", "softmax_cross_entropy_with_logits")
# One trial of each kind is in the standard preset.
_TRIALS = (
    "max-non-finite", "matmul-empty", "softmax-size-1", "exp-strided-64x10", "max_pool2d-tied",
    "matmul-cancelling", "tanh-subnormal", "logsumexp-extreme", "multiply-signed-zero",
)  # fmt: skip
_TRIED = ("float16", "float32", "float64")


def cases(preset: Preset) -> Iterator[Case]:
    """Yield the cells of a preset.

    An op's first sample is timed in float32 and float64; the others, and half precision,
    are for correctness.
    """
    for sample in SAMPLES:
        for dtype in FLOATS:
            for ask in PASSES:
                if ask == "gradient" and not sample.differentiable:
                    continue
                if PRESETS.index(_first(sample, dtype, ask)) <= PRESETS.index(preset):
                    yield _case(sample, dtype, ask)
    for kind in KINDS:
        for dtype in _TRIED:
            for sample in trying(kind, dtype):
                small = dtype == "float32" and sample.id in _TRIALS
                if PRESETS.index("standard" if small else "full") <= PRESETS.index(preset):
                    yield _trial(sample, dtype, kind)


def museum() -> Iterator[Case]:
    """Yield the parts of a network of two layers, each with its gradient."""
    for op in MUSEUM_OPS:
        yield _case(samples_of(op)[0], "float32", "gradient")


def _first(sample: Sample, dtype: str, ask: str) -> Preset:
    """Return the smallest preset that holds the cell."""
    if dtype == "float32" and _is_main(sample):
        return _SMALL.get((sample.op, ask), "standard")
    return "full"


def _is_main(sample: Sample) -> bool:
    return sample is samples_of(sample.op)[0]


def _case(sample: Sample, dtype: str, ask: str) -> Case:
    with_gradient = ask == "gradient"
    program = sample.program(dtype, with_gradient)
    return Case(
        suite="operators",
        name=f"{sample.id}-{dtype}-{ask}",
        program=program,
        inputs=sample.inputs(dtype, with_gradient),
        dtype=dtype,
        title=f"{sample.op} ({sample.label}), {dtype}, {ask}",
        includes=includes(program),
        timed=_is_main(sample) and dtype in ("float32", "float64"),
        tags={
            "op": sample.op,
            "family": sample.entry.family,
            "shape": sample.label,
            "dtype": dtype,
            "pass": ask,
        },
    )


def _trial(sample: Sample, dtype: str, kind: str) -> Case:
    """With its gradient where that is asked: the outputs are compared, too."""
    has_gradient = sample.differentiable and kind not in NO_GRADIENT
    case = _case(sample, dtype, "gradient" if has_gradient else "forward")
    return replace(case, timed=False, tags={**case.tags, "inputs": kind})


SUITE = Suite(
    name="operators",
    title="Operators",
    summary=(
        "Every op of the catalogue on small inputs, forward and with its gradients: is it "
        "right, and what does a call cost?"
    ),
    cases=cases,
    museum=museum,
)


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(SUITE)

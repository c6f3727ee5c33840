"""Trying inputs: calls of the catalogue's ops on which careless implementations fail.

`trying` gives `Sample` calls per kind of trial. What is right there is what IEEE 754 and the
array API standard say. Where they leave it open, and toolkits differ, either nothing is asked
or every usual answer is within the bound:

- The gradient of ``max``, ``maximum``, ``relu``, ``abs``, ``clip`` and their kin at a tie or
  a corner may be any of the subgradients; the catalogue names the one that the oracle gives.
- Gradients at infinities, NaN and poles are not asked: formulas that agree everywhere else
  differ there. Nor is softmax of +inf (one-hot as a limit, NaN as computed), nor zeros times
  infinity in what pads or drops out.
- A device may take subnormal numbers for zero, but not in float16. What depends on it, such
  as ``x > 0`` or ``1 / x``, is left undecided.
- Where a partial sum may overflow though the sum does not, the result is left undecided.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bakeoff.case import Draw, draw
from bakeoff.program import Value
from bakeoff.samples import SAMPLES, Given, Sample

NO_GRADIENT = frozenset({"non-finite", "signed-zero"})  # kinds that are asked forward only

_NAN, _INF = ["nan"], ["inf", "-inf"]
_ARITHMETIC = ("add", "subtract", "multiply", "divide")
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_SMOOTH = ("square", "exp", "expm1", "sigmoid", "tanh", "silu")
_ROOTS = ("sqrt", "log", "log1p")
_CORNERS = ("abs", "relu")
_PAIRED = ("maximum", "minimum")
_ENDS = ("max", "min")
_BY_ID = {s.id: s for s in SAMPLES}


@dataclass(frozen=True, slots=True)
class Viewed(Sample):
    """A call on views: every tensor is every other row of a transposed array."""

    def workload(self, dtype: str = "float32") -> Callable[..., Any]:
        call = Sample.workload(self, dtype)

        def viewed(ops: Any, *tensors: Any) -> Any:
            return call(ops, *(_view(ops, t) for t in tensors))

        return viewed

    def _values(self, dtype: str) -> list[Value]:
        return [v._replace(shape=_whole(v.shape)) for v in Sample._values(self, dtype)]


def _view(ops: Any, x: Any) -> Any:
    if not x.shape:
        return x
    return ops.permute_dims(x, tuple(reversed(range(len(x.shape)))))[::2]


def _whole(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of which `_view` makes ``shape``."""
    return (*shape[:0:-1], 2 * shape[0]) if shape else shape


@dataclass(frozen=True, slots=True)
class Inverted(Sample):
    """A call whose result is inverted: 1/-0 is -inf, and a zero's sign shows."""

    def workload(self, dtype: str = "float32") -> Callable[..., Any]:
        call = Sample.workload(self, dtype)
        return lambda ops, *tensors: 1.0 / call(ops, *tensors)


def _of(op: str, *given: Given, label: str = "", **rest: Any) -> Sample:
    """``rest``: draws by input name, where they are `Draw`; attributes else."""
    draws = {k: v for k, v in rest.items() if isinstance(v, Draw)}
    return Sample(op, label, given, {k: v for k, v in rest.items() if k not in draws}, draws)


def _both(a: Draw, b: Draw | None = None) -> dict[str, Any]:
    return {"a": a, "b": b or a}


def _non_finite() -> Iterator[Sample]:
    every, holes = draw("spiked", values=[*_NAN, *_INF]), draw("spiked", values=[*_NAN, "-inf"])
    signs = draw("among", values=[*_NAN, *_INF, 0.0, 1.0, -1.0, 2.0])
    for op in (*_SMOOTH, *_ROOTS, *_CORNERS, "negative", "sign", "zeros_like"):
        yield _of(op, (8, 9), x=every)
    for op in (*_ARITHMETIC, *_PAIRED, *_COMPARISONS):
        yield _of(op, (8, 12), (8, 12), **_both(signs))
    yield _of("pow", (8, 12), (8, 12), a=draw("among", values=["nan", "inf", 0.5, 1.0, 2.0]),
              b=draw("among", values=["nan", "inf", "-inf", 0.0, 0.5, 2.0]))  # fmt: skip
    yield _of("clip", (8, 9), x=every, min=-0.5, max=0.5)
    yield _of("astype", (8, 9), x=every, dtype="bool")
    yield _of("where", (8, 9), (8, 9), (8, 9), a=every, b=every)
    for op in ("sum", "mean", *_ENDS, "logsumexp"):
        yield _of(op, (12, 9), x=every, axis=1)
    yield _of("logsumexp", (3, 4), label="all", x=draw("constant", value="-inf"), axis=1)
    yield _of("argmax", (12, 9), x=draw("spiked", values=["-inf"]), axis=1)
    yield _of("matmul", (8, 9), (9, 7), a=every)
    yield _of("bias_add", (8, 9), (9,), x=every)
    for op in ("softmax", "log_softmax"):
        yield _of(op, (12, 9), x=holes)
    yield _of("conv2d", (2, 3, 8, 9), (4, 3, 3, 3), x=draw("spiked", values=["nan"]))
    yield _of("max_pool2d", (2, 3, 8, 8), x=every, kernel_size=2)
    yield _of("avg_pool2d", (2, 3, 8, 8), x=every, kernel_size=2)
    yield _of("sigmoid_cross_entropy_with_logits", (8, 9), (8, 9), logits=draw("spiked",
              values=_NAN))  # fmt: skip
    yield _of("softmax_cross_entropy_with_logits", (12, 9), (12, 9), logits=holes)
    yield _of("sparse_softmax_cross_entropy_with_logits", (12, 9), (12,), logits=holes,
              labels=draw("integers", high=9))  # fmt: skip
    yield _of("squared_error", (8, 9), (8, 9), predictions=every)
    yield _of("take", (6, 4), (5,), x=every, indices=draw("integers", high=6))
    yield _of("concat", [(2, 9), (3, 9)], arrays0=every)
    yield _of("pad", (8, 9), x=every, pad_width=1)
    yield _of("getitem", (8, 9), x=every, index=(slice(1, None, 2), slice(2, 7)))


def _empty() -> Iterator[Sample]:
    for op in (*_SMOOTH, *_ROOTS, *_CORNERS, "negative", "sign", "zeros_like"):
        yield _of(op, (0, 3))
    for op in (*_ARITHMETIC, *_PAIRED, "equal", "less", "squared_error"):
        yield _of(op, (2, 0), (2, 0))
    yield _of("add", (4, 0), (4, 1), label="row")
    yield _of("sum", (3, 0), axis=1)
    yield _of("sum", (0, 3), label="all")
    for op in ("mean", *_ENDS, "logsumexp"):
        yield _of(op, (0, 3), axis=1)
    yield _of("matmul", (4, 0), (0, 3))
    yield _of("matmul", (0, 5), (5, 3), label="rows")
    yield _of("bias_add", (0, 4), (4,))
    yield _of("softmax", (0, 5))
    yield _of("log_softmax", (0, 5))
    yield _of("softmax_cross_entropy_with_logits", (0, 5), (0, 5))
    yield _of("concat", [(2, 3), (0, 3)])
    yield _of("reshape", (0, 6), shape=(3, 0))
    yield _of("permute_dims", (0, 2, 3), axes=(2, 0, 1))
    yield _of("broadcast_to", (1, 3), shape=(0, 3))
    yield _of("pad", (0, 3), pad_width=((1, 1), (0, 0)))
    yield _of("getitem", (4, 3), index=(slice(2, 2), slice(None)))
    yield _of("take", (6, 4), (0,), indices=draw("integers", high=6))


def _size_1() -> Iterator[Sample]:
    for op in (*_SMOOTH, *_ROOTS, *_CORNERS, "negative", "sign"):
        yield _of(op, ())
    for op in (*_ARITHMETIC, *_PAIRED, "pow", "equal"):
        yield _of(op, (), (1, 1))
    for op in ("sum", "mean", *_ENDS, "logsumexp"):
        yield _of(op, (4, 1), axis=1)
        yield _of(op, (), label="scalar")
    yield _of("argmax", (4, 1), axis=1)
    yield _of("matmul", (1, 1), (1, 1))
    yield _of("matmul", (5, 1), (1, 3), label="outer")
    yield _of("bias_add", (1, 1), (1,))
    yield _of("softmax", (4, 1))
    yield _of("log_softmax", (4, 1))
    yield _of("softmax_cross_entropy_with_logits", (4, 1), (4, 1))
    yield _of("sparse_softmax_cross_entropy_with_logits", (4, 1), (4,),
              labels=draw("integers", high=1))  # fmt: skip
    yield _of("conv2d", (1, 1, 1, 1), (1, 1, 1, 1))
    yield _of("conv1d", (1, 1, 3), (1, 1, 3))
    yield _of("conv_transpose2d", (1, 1, 1, 1), (1, 1, 2, 2))
    yield _of("max_pool2d", (1, 1, 1, 1), kernel_size=1)
    yield _of("avg_pool2d", (1, 1, 2, 2), kernel_size=2)


_VIEWED = (
    "exp-64x10", "tanh-4d", "add-64x10", "multiply-row", "divide-64x10", "maximum-64x10",
    "where-64x10", "less-64x10", "sum-axis1", "mean-axis1", "max-axis1", "logsumexp-axis1",
    "argmax-axis1", "reshape-infer", "concat-axis0", "stack-axis0", "pad-2d", "take-rows",
    "matmul-square", "matmul-batched", "matmul-vector-right", "bias_add-image", "softmax-64x10",
    "log_softmax-64x10", "conv1d-plain", "conv2d-same", "conv2d-stride2", "conv3d-plain",
    "conv_transpose2d-stride2", "max_pool2d-overlap", "avg_pool2d-2x2", "one_hot-10",
    "sigmoid_cross_entropy_with_logits-64x10", "softmax_cross_entropy_with_logits-axis0",
    "sparse_softmax_cross_entropy_with_logits-64x10", "squared_error-64x10",
)  # fmt: skip


def _strided() -> Iterator[Sample]:
    for name in _VIEWED:
        s = _BY_ID[name]
        draws = dict(s.draws)
        if "softmax_cross" in name and "sparse" not in name:
            draws["labels"] = draw("probabilities", axis=1)  # of the transposed array
        yield Viewed(s.op, s.label, s.given, s.attrs, draws)


def _tied() -> Iterator[Sample]:
    few, one = draw("among", values=[-1.0, 0.0, -0.0, 1.0]), draw("constant", value=1.0)
    for op in (*_CORNERS, "sign"):
        yield _of(op, (6, 8), x=few)
    for op in (*_PAIRED, *_COMPARISONS):
        yield _of(op, (6, 8), (6, 8), **_both(few))
        yield _of(op, (6, 8), 0.0, label="scalar", a=few)
    yield _of("clip", (6, 8), x=few, min=-1.0, max=1.0)
    for op in _ENDS:
        yield _of(op, (6, 8), x=few, axis=1)
        yield _of(op, (6, 8), label="all", x=one)
    yield _of("argmax", (6, 8), x=few, axis=1)
    yield _of("argmax", (6, 8), label="all", x=one)
    yield _of("max_pool2d", (2, 3, 8, 8), x=few, kernel_size=2)
    yield _of("max_pool2d", (1, 2, 7, 7), label="overlap", x=one, kernel_size=3, stride=2,
              padding=1)  # fmt: skip
    yield _of("logsumexp", (6, 8), x=few, axis=1)
    for op in ("softmax", "log_softmax"):
        yield _of(op, (6, 8), x=few)


def _cancelling() -> Iterator[Sample]:
    row, column = draw("mirrored", axis=1, sign=1.0), draw("mirrored", axis=0)
    large = draw("mirrored", axis=1, scale=1e4)
    for op in ("sum", "mean"):
        yield _of(op, (8, 64), x=draw("mirrored", axis=1), axis=1)
        yield _of(op, (64, 8), label="all", x=column)
    yield _of("subtract", (1, 8), (8, 8), a=draw("constant", value=1.0),
              b=draw("uniform", low=0.999, high=1.001))  # fmt: skip
    yield _of("squared_error", (8, 8), (8, 8), predictions=draw("uniform", low=999.0, high=1001.0),
              targets=draw("constant", value=1000.0))  # fmt: skip
    yield _of("expm1", (8, 8), x=draw("powers", low=-20, high=-4))
    yield _of("log1p", (8, 8), x=draw("powers", low=-20, high=-4))
    yield _of("matmul", (8, 64), (64, 5), a=row, b=column)
    yield _of("conv1d", (2, 8, 16), (4, 8, 3), x=row, weight=draw("mirrored", axis=1))
    yield _of("conv2d", (2, 8, 6, 7), (4, 8, 3, 3), x=row, weight=draw("mirrored", axis=1))
    yield _of("conv3d", (1, 8, 4, 4, 4), (2, 8, 2, 2, 2), x=row, weight=draw("mirrored", axis=1))
    yield _of("conv_transpose2d", (2, 8, 4, 5), (8, 3, 3, 3), x=row, weight=column)
    yield _of("avg_pool2d", (2, 3, 8, 8), x=draw("mirrored", axis=-1), kernel_size=(1, 8))
    for op in ("softmax", "log_softmax"):
        yield _of(op, (6, 8), x=large)
    yield _of("logsumexp", (6, 8), x=large, axis=1)
    yield _of("softmax_cross_entropy_with_logits", (6, 8), (6, 8), logits=large)
    yield _of("sparse_softmax_cross_entropy_with_logits", (6, 8), (6,), logits=large,
              labels=draw("integers", high=8))  # fmt: skip
    yield _of("sigmoid_cross_entropy_with_logits", (6, 8), (6, 8), logits=large)


def _tiny(tiny: Draw) -> Iterator[Sample]:
    for op in (*_SMOOTH, "log1p", *_CORNERS, "negative", "sign"):
        yield _of(op, (6, 8), x=tiny)
    yield _of("sqrt", (6, 8), x=Draw("powers", {**tiny.params, "signed": False}))
    for op in ("add", "subtract", "multiply", *_PAIRED, "equal", "less", "greater"):
        yield _of(op, (6, 8), (6, 8), **_both(tiny))
    yield _of("multiply", (6, 8), (6, 8), label="by-large", a=tiny, b=draw("normal", scale=1e3))
    yield _of("divide", (6, 8), (6, 8), a=tiny, b=draw("nonzero"))
    for op in ("sum", "mean", *_ENDS, "logsumexp"):
        yield _of(op, (6, 8), x=tiny, axis=1)
    yield _of("matmul", (6, 8), (8, 5), a=tiny)
    yield _of("softmax", (6, 8), x=tiny)
    yield _of("conv2d", (2, 3, 5, 5), (4, 3, 3, 3), x=tiny)
    yield _of("max_pool2d", (2, 3, 4, 4), x=tiny, kernel_size=2)
    yield _of("getitem", (6, 8), x=tiny, index=(slice(1, 4), 2))


def _extreme(huge: Draw) -> Iterator[Sample]:
    for op in (*_SMOOTH, "negative", *_CORNERS):
        yield _of(op, (6, 8), x=huge)
    for op in (*_ARITHMETIC, *_PAIRED, "less", "equal"):
        yield _of(op, (6, 8), (6, 8), **_both(huge))
    for op in ("sum", "mean", *_ENDS, "logsumexp"):
        yield _of(op, (6, 8), x=huge, axis=1)
    yield _of("argmax", (6, 8), x=huge, axis=1)
    yield _of("matmul", (6, 8), (8, 5), a=huge, b=draw("normal", scale=1e-3))
    for op in ("softmax", "log_softmax"):
        yield _of(op, (6, 8), x=huge)
    yield _of("sigmoid_cross_entropy_with_logits", (6, 8), (6, 8), logits=huge)
    yield _of("sparse_softmax_cross_entropy_with_logits", (6, 8), (6,), logits=huge,
              labels=draw("integers", high=8))  # fmt: skip


def _signed_zero() -> Iterator[Sample]:
    zeros, ones = draw("among", values=[0.0, -0.0]), draw("among", values=[1.0, -1.0])
    inverted = [_of(op, (4, 6), x=zeros) for op in ("negative", "abs", "sqrt")]
    inverted += [_of("multiply", (4, 6), (4, 6), a=zeros, b=ones)]
    inverted += [_of("divide", (4, 6), (4, 6), a=zeros, b=ones)]
    inverted += [_of("concat", [(2, 3), (2, 3)], arrays0=zeros, arrays1=zeros)]
    for s in inverted:
        yield Inverted(s.op, "", s.given, s.attrs, s.draws)


_RANGES = {  # exponents: subnormal numbers, and the largest
    "float16": ((-24, -14), (12, 15.9)),
    "bfloat16": ((-133, -126), (110, 127.9)),
    "float32": ((-149, -126), (110, 127.9)),
    "float64": ((-1074, -1022), (1000, 1023.9)),
}


def _powers(exponents: tuple[float, float]) -> Draw:
    return draw("powers", low=exponents[0], high=exponents[1])


_KINDS: Mapping[str, Callable[[str], Iterator[Sample]]] = {
    "non-finite": lambda dtype: _non_finite(),
    "empty": lambda dtype: _empty(),
    "size-1": lambda dtype: _size_1(),
    "strided": lambda dtype: _strided(),
    "tied": lambda dtype: _tied(),
    "cancelling": lambda dtype: _cancelling(),
    "subnormal": lambda dtype: _tiny(_powers(_RANGES[dtype][0])),
    "extreme": lambda dtype: _extreme(_powers(_RANGES[dtype][1])),
    "signed-zero": lambda dtype: _signed_zero(),
}
KINDS = tuple(_KINDS)


def trying(kind: str, dtype: str) -> Iterator[Sample]:
    """Yield the calls of a kind, whose inputs are drawn for a dtype."""
    for sample in _KINDS[kind](dtype):
        label = f"{kind}-{sample.label}" if sample.label else kind
        yield replace(sample, label=label)

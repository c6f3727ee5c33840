"""Sample calls of every catalogue op: small, varied, and the same for all who check ops.

The conformance tests, the gradient checks and the suite ``operators`` run these.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bakeoff.case import Draw, draw
from bakeoff.ops import OPS, Op
from bakeoff.program import Program, Value, forward, gradient, trace
from bakeoff.rules import FLOATS, Shape

Given = Shape | list[Shape] | int | float  # a tensor, a sequence of tensors, a scalar operand


@dataclass(frozen=True, slots=True)
class Sample:
    """One call of an op.

    Attributes
    ----------
    op, label
        ``f"{op}-{label}"`` is unique.
    given
        Per tensor parameter: a shape, a list of shapes for a sequence, or a number.
    attrs
        As a caller would write them.
    draws
        Draws that replace those of the op's domain, by input name.
    """

    op: str
    label: str
    given: tuple[Given, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    draws: Mapping[str, Draw] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.op}-{self.label}"

    @property
    def entry(self) -> Op:
        return OPS[self.op]

    @property
    def differentiable(self) -> bool:
        """Whether a gradient program exists."""
        if self.op == "astype" and self.attrs["dtype"] not in FLOATS:
            return False
        return any(not isinstance(self.given[i], int | float) for i in self.entry.differentiable)

    def workload(self, dtype: str = "float32") -> Callable[..., Any]:
        """Return the call as a workload: a function of ``(ops, *tensors)``."""
        attrs = {**self.attrs, "dtype": dtype} if self._takes_dtype else self.attrs

        def call(ops: Any, *tensors: Any) -> Any:
            rest = iter(tensors)
            args = [self._argument(g, rest) for g in self.given]
            return getattr(ops, self.op)(*args, **attrs)

        return call

    def program(self, dtype: str = "float32", with_gradient: bool = False) -> Program:
        """Trace the call.

        Inputs are named as in the op's signature (``arrays0``, ``arrays1`` … for a
        sequence); the cotangent is ``g``.

        Raises
        ------
        OpError
            If the op does not take ``dtype``.
        """
        call, values = self.workload(dtype), list(self._values(dtype))
        program = trace(call, values, forward(), self.op)
        if not with_gradient:
            return program
        result = program.nodes[-1]
        wrt = [
            v.name
            for v, position in zip(values, self._positions(), strict=True)
            if position in self.entry.differentiable
        ]
        cotangent = Value("g", result.shape, result.dtype)
        return trace(call, [*values, cotangent], gradient(wrt, ["g"]), self.op)

    def inputs(self, dtype: str = "float32", with_gradient: bool = False) -> dict[str, Draw]:
        """How each input of the program is drawn."""
        drawn = {
            v.name: self.draws.get(v.name) or self._draw(position)
            for v, position in zip(self._values(dtype), self._positions(), strict=True)
        }
        return {**drawn, "g": draw("normal")} if with_gradient else drawn

    @property
    def _takes_dtype(self) -> bool:
        creates = (
            self.op not in ("astype", "one_hot") and "dtype" in self.entry.parameters.parameters
        )
        return creates and "dtype" not in self.attrs

    def _argument(self, given: Given, tensors: Any) -> Any:
        if isinstance(given, list):
            return [next(tensors) for _ in given]
        return given if isinstance(given, int | float) else next(tensors)

    def _positions(self) -> list[int]:
        """The tensor parameter that each input belongs to."""
        found: list[int] = []
        for i, given in enumerate(self.given):
            count = len(given) if isinstance(given, list) else int(isinstance(given, tuple))
            found += [i] * count
        return found

    def _values(self, dtype: str) -> Sequence[Value]:
        found = []
        for i, (name, given) in enumerate(zip(self.entry.tensors, self.given, strict=True)):
            kind = {"integers": "int64", "bool": "bool"}.get(self.entry.domain[i], dtype)
            if isinstance(given, list):
                found += [Value(f"{name}{j}", shape, kind) for j, shape in enumerate(given)]
            elif isinstance(given, tuple):
                found.append(Value(name, given, kind))
        return found

    def _draw(self, position: int) -> Draw:
        domain = self.entry.domain[position]
        if domain == "bool":
            return draw("integers", high=2)
        return draw(domain)


def _s(op: str, label: str, *given: Given, draws: Any = None, **attrs: Any) -> Sample:
    return Sample(op, label, given, attrs, draws or {})


_ELEMENTWISE = (
    "negative", "abs", "sign", "square", "sqrt", "exp", "expm1", "log", "log1p", "relu", "sigmoid",
    "tanh", "silu", "zeros_like", "ones_like",
)  # fmt: skip
_ARITHMETIC = ("add", "subtract", "multiply", "divide", "pow", "maximum", "minimum")
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_REDUCTIONS = ("sum", "mean", "max", "min", "logsumexp")
_CLASSES = {"labels": draw("integers", high=10)}

SAMPLES: tuple[Sample, ...] = (
    _s("zeros", "3x4", shape=(3, 4)),
    _s("ones", "3x4", shape=(3, 4)),
    _s("full", "3x4", shape=(3, 4), fill_value=0.5),
    _s("full", "scalar", shape=(), fill_value=-2.0),
    _s("arange", "stop", start=7),
    _s("arange", "step", start=-1.0, stop=2.0, step=0.25),
    _s("arange", "int", start=2, stop=11, step=3, dtype="int64"),
    _s("linspace", "9", start=-1.0, stop=1.0, num=9),
    _s("eye", "4", n_rows=4),
    _s("eye", "3x5-k1", n_rows=3, n_cols=5, k=1),
    *(_s(op, "64x10", (64, 10)) for op in _ELEMENTWISE),
    *(_s(op, "4d", (2, 3, 4, 5)) for op in ("exp", "relu", "sigmoid", "tanh")),
    _s("full_like", "3x4", (3, 4), fill_value=1.5),
    _s("astype", "float64", (4, 5), dtype="float64"),
    _s("astype", "float32", (4, 5), dtype="float32"),
    _s("astype", "int64", (4, 5), dtype="int64", draws={"x": draw("uniform", low=-9.0, high=9.0)}),
    _s("astype", "bool", (4, 5), dtype="bool"),
    *(_s(op, "64x10", (64, 10), (64, 10)) for op in _ARITHMETIC),
    *(_s(op, "row", (64, 10), (10,)) for op in _ARITHMETIC),
    *(_s(op, "outer", (5, 1, 4), (3, 1)) for op in ("add", "multiply", "divide")),
    *(_s(op, "scalar-right", (6, 5), 2.5) for op in _ARITHMETIC),
    *(_s(op, "scalar-left", 2.5, (6, 5)) for op in _ARITHMETIC),
    _s("pow", "square", (6, 5), 2),
    _s("clip", "both", (64, 10), min=-0.5, max=0.75),
    _s("clip", "min", (64, 10), min=0.0),
    _s("where", "64x10", (64, 10), (64, 10), (64, 10)),
    _s("where", "broadcast", (4, 1), (5,), (4, 5)),
    _s("where", "scalar", (4, 5), (4, 5), 0.0),
    *(_s(op, "64x10", (64, 10), (64, 10)) for op in _COMPARISONS),
    *(_s(op, "scalar", (64, 10), 0.0) for op in _COMPARISONS),
    _s("equal", "ties", (6, 5), (6, 5), draws={n: draw("constant", value=1.0) for n in "ab"}),
    *(_s(op, "all", (64, 10)) for op in _REDUCTIONS),
    *(_s(op, "axis1", (64, 10), axis=1) for op in _REDUCTIONS),
    *(_s(op, "axes-keepdims", (4, 5, 6), axis=(0, -1), keepdims=True) for op in _REDUCTIONS),
    _s("logsumexp", "large", (6, 5), axis=1, draws={"x": draw("normal", scale=30.0)}),
    _s("argmax", "axis1", (64, 10), axis=1),
    _s("argmax", "all", (8, 10)),
    _s("argmax", "keepdims", (4, 5, 6), axis=0, keepdims=True),
    _s("reshape", "1x4", (2, 2), shape=(1, 4)),
    _s("reshape", "infer", (4, 5, 6), shape=(-1, 6)),
    _s("permute_dims", "transpose", (3, 5), axes=(1, 0)),
    _s("permute_dims", "nhwc", (2, 3, 4, 5), axes=(0, 2, 3, 1)),
    _s("broadcast_to", "rows", (4,), shape=(3, 4)),
    _s("broadcast_to", "outer", (3, 1), shape=(2, 3, 5)),
    _s("concat", "axis0", [(2, 3), (4, 3), (1, 3)], axis=0),
    _s("concat", "axis1", [(2, 3), (2, 1)], axis=-1),
    _s("stack", "axis0", [(2, 3), (2, 3)], axis=0),
    _s("stack", "last", [(2, 3), (2, 3), (2, 3)], axis=-1),
    _s("pad", "2d", (3, 4), pad_width=((1, 0), (2, 3))),
    _s("pad", "value", (2, 3), pad_width=1, value=-1.5),
    _s("getitem", "element", (3, 4), index=(0, 0)),
    _s("getitem", "column", (3, 4), index=(slice(None), 0)),
    _s("getitem", "row", (3, 4), index=(0, slice(None))),
    _s("getitem", "strided", (6, 7, 3), index=(slice(1, None, 2), ..., slice(0, 2))),
    _s("getitem", "newaxis", (3, 4), index=(slice(None), None, -1)),
    _s("take", "rows", (6, 4), (5,), axis=0, draws={"indices": draw("integers", high=6)}),
    _s("take", "columns", (3, 6), (9,), axis=-1, draws={"indices": draw("integers", high=6)}),
    _s("matmul", "square", (16, 16), (16, 16)),
    _s("matmul", "layer", (64, 784), (784, 10)),
    _s("matmul", "batched", (4, 5, 6), (4, 6, 3)),
    _s("matmul", "broadcast", (2, 1, 5, 6), (3, 6, 4)),
    _s("matmul", "vector-left", (6,), (6, 4)),
    _s("matmul", "vector-right", (5, 6), (6,)),
    _s("matmul", "dot", (7,), (7,)),
    _s("bias_add", "dense", (64, 10), (10,)),
    _s("bias_add", "image", (2, 3, 4, 5), (3,)),
    _s("softmax", "64x10", (64, 10)),
    _s("softmax", "axis1", (2, 5, 4), axis=1),
    _s("softmax", "large", (6, 5), draws={"x": draw("normal", scale=30.0)}),
    _s("log_softmax", "64x10", (64, 10)),
    _s("log_softmax", "axis0", (5, 4), axis=0),
    _s("log_softmax", "large", (6, 5), draws={"x": draw("normal", scale=30.0)}),
    _s("dropout", "half", (64, 10), (64, 10)),
    _s("dropout", "fifth", (6, 5), (6, 5), rate=0.2),
    _s("conv1d", "plain", (2, 3, 16), (4, 3, 3)),
    _s("conv1d", "options", (2, 4, 17), (6, 2, 3), stride=2, padding=2, dilation=2, groups=2),
    _s("conv1d", "asymmetric", (2, 3, 9), (4, 3, 4), padding=((2, 1),)),
    _s("conv2d", "plain", (2, 3, 8, 9), (4, 3, 3, 3)),
    _s("conv2d", "same", (2, 3, 8, 8), (4, 3, 5, 5), padding=2),
    _s("conv2d", "1x1", (2, 6, 5, 5), (4, 6, 1, 1)),
    _s("conv2d", "stride2", (2, 4, 9, 9), (6, 4, 3, 3), stride=2, padding=1),
    _s("conv2d", "dilated", (2, 3, 9, 10), (4, 3, 3, 2), dilation=(2, 3)),
    _s("conv2d", "grouped", (2, 6, 7, 7), (4, 3, 3, 3), groups=2, padding=1),
    _s("conv2d", "depthwise", (2, 4, 7, 7), (4, 1, 3, 3), groups=4, padding=1),
    _s("conv2d", "asymmetric", (2, 3, 6, 7), (4, 3, 3, 3), padding=((0, 1), (2, 1))),
    _s("conv3d", "plain", (2, 3, 5, 6, 7), (4, 3, 3, 3, 3), padding=1),
    _s("conv3d", "options", (1, 4, 6, 7, 8), (4, 2, 2, 3, 2), stride=(1, 2, 2), padding=1,
       groups=2),
    _s("conv_transpose1d", "plain", (2, 4, 8), (4, 3, 3)),
    _s("conv_transpose1d", "options", (2, 4, 8), (4, 3, 3), stride=2, padding=1, output_padding=1,
       groups=2),
    _s("conv_transpose2d", "plain", (2, 4, 5, 6), (4, 3, 3, 3)),
    _s("conv_transpose2d", "stride2", (2, 4, 5, 6), (4, 3, 4, 4), stride=2, padding=1),
    _s("conv_transpose2d", "options", (2, 4, 5, 4), (4, 3, 3, 2), stride=(2, 3), padding=(1, 0),
       output_padding=(1, 2), dilation=(2, 1), groups=2),
    _s("conv_transpose3d", "plain", (1, 3, 4, 4, 3), (3, 2, 3, 3, 3)),
    _s("conv_transpose3d", "stride2", (1, 3, 3, 4, 3), (3, 2, 4, 4, 4), stride=2, padding=1),
    _s("max_pool2d", "2x2", (2, 3, 8, 8), kernel_size=2),
    _s("max_pool2d", "overlap", (2, 3, 7, 9), kernel_size=3, stride=2, padding=1),
    _s("avg_pool2d", "2x2", (2, 3, 8, 8), kernel_size=2),
    _s("avg_pool2d", "overlap", (2, 3, 7, 9), kernel_size=3, stride=2, padding=1),
    _s("avg_pool2d", "exclude-pad", (2, 3, 7, 9), kernel_size=3, stride=2, padding=1,
       count_include_pad=False),
    _s("one_hot", "10", (8,), num_classes=10, draws={"indices": draw("integers", high=10)}),
    _s("one_hot", "2d", (3, 4), num_classes=5, draws={"indices": draw("integers", high=5)}),
    _s("sigmoid_cross_entropy_with_logits", "64x10", (64, 10), (64, 10)),
    _s("sigmoid_cross_entropy_with_logits", "large", (6, 5), (6, 5),
       draws={"logits": draw("normal", scale=30.0)}),
    _s("softmax_cross_entropy_with_logits", "64x10", (64, 10), (64, 10)),
    _s("softmax_cross_entropy_with_logits", "axis0", (10, 6), (10, 6), axis=0,
       draws={"labels": draw("probabilities", axis=0)}),
    _s("sparse_softmax_cross_entropy_with_logits", "64x10", (64, 10), (64,), draws=_CLASSES),
    _s("sparse_softmax_cross_entropy_with_logits", "3d", (4, 5, 10), (4, 5), draws=_CLASSES),
    _s("squared_error", "64x10", (64, 10), (64, 10)),
)  # fmt: skip


def samples_of(op: str) -> tuple[Sample, ...]:
    """Return the samples of one op."""
    return tuple(s for s in SAMPLES if s.op == op)

"""The op catalogue: one table that drives tracing, conformance, coverage, FLOPs and docs.

An op's signature lists its tensors before ``/`` and its attributes after. Names and
meaning are the array API standard's where it has the op; the neural network ops are
channels-first (N, C, *spatial) with filters (O, I, *kernel) and explicit padding.

FLOPs count a multiply-add as two, and one per result for any elementwise function,
transcendental or not; movement costs none. Bytes are those of the tensors read and written,
each once.
"""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from bakeoff import attributes as A
from bakeoff import dtype_rules as D
from bakeoff import shape_rules as S
from bakeoff.errors import OpError
from bakeoff.rules import Argument, Call, Shape, Spec

ARRAY_API = "Python array API standard 2024.12"
TENSORFLOW = "TensorFlow API, tf.nn"
PYTORCH = "PyTorch documentation, torch.nn.functional"
GOODFELLOW = "Goodfellow, Bengio, Courville, Deep Learning (2016)"


@dataclass(frozen=True)
class Op:
    """An entry of the catalogue.

    Attributes
    ----------
    name, family
        The name that workloads, programs and adapters use; its group in lists.
    signature
        Tensors before ``/``, attributes after; a tensor ``arrays`` stands for a sequence.
    shape, dtype
        Rules: the result's shape and dtype, or `OpError`.
    canonical
        Attributes as adapters see them.
    cost
        FLOPs of a call with its result's shape.
    domain
        Per tensor, from which values test inputs are drawn (`bakeoff.inputs` kinds).
    differentiable
        Positions of the tensors that have a gradient.
    bound, ulp
        Kind of error bound, and for ``"ulp"`` the allowance in units in the last place.
    source
        Where the definition stands.
    """

    name: str
    family: str
    signature: str
    shape: Callable[[Call], Shape]
    dtype: Callable[[Call], str]
    canonical: Callable[[Call], Mapping[str, Any]]
    cost: Callable[[Call, Shape], int]
    domain: tuple[str, ...]
    differentiable: tuple[int, ...]
    bound: str
    source: str
    ulp: float = 0.0

    @cached_property
    def parameters(self) -> inspect.Signature:
        """The signature, parsed."""
        return _parse(self.signature)

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensor parameters."""
        kinds = self.parameters.parameters.values()
        return tuple(p.name for p in kinds if p.kind is p.POSITIONAL_ONLY)

    def bind(self, *args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Split a call's arguments into tensors and attributes, defaults filled in."""
        try:
            bound = self.parameters.bind(*args, **kwargs)
        except TypeError as error:
            raise OpError(f"{self.name}: {error}; expected {self.name}({self.signature})") from None
        bound.apply_defaults()
        values = dict(bound.arguments)
        return tuple(values.pop(name) for name in self.tensors), values

    def infer(self, args: Sequence[Argument], attrs: Mapping[str, Any]) -> tuple[Call, Spec]:
        """Check a call and return it with canonical attributes, and its result's spec.

        Raises
        ------
        OpError
            If shapes, dtypes or attributes do not fit; the message says what to change.
        """
        call = Call(self.name, tuple(args), attrs)
        if self.tensors and not call.specs:
            call.refuse(f"arguments {tuple(args)!r}, expected at least one tensor")
        for arg in call.args:
            if not isinstance(arg, (Spec, bool, int, float, tuple)):
                call.refuse(f"argument of type {type(arg).__name__}, expected a tensor or a number")
        if self.tensors != ("a", "b") and self.tensors != ("condition", "a", "b"):
            for name, arg in zip(self.tensors, call.args, strict=True):
                if not isinstance(arg, (Spec, tuple)):
                    call.refuse(f"{name} is {arg!r}, expected a tensor")
        call = Call(self.name, call.args, dict(self.canonical(call)))
        dtype = self.dtype(call)
        return call, Spec(self.shape(call), dtype)

    def flops(self, call: Call, result: Spec) -> int:
        """Floating-point operations of one call."""
        return self.cost(call, result.shape)

    def bytes(self, call: Call, result: Spec) -> int:
        """Bytes of the tensors read and written, each once."""
        return sum(s.nbytes for s in call.specs) + result.nbytes


def _parse(signature: str) -> inspect.Signature:
    """Return a signature from its text; defaults must be literals."""
    args = ast.parse(f"def f({signature}): ...").body[0].args  # type: ignore[attr-defined]
    kind = inspect.Parameter
    found = [kind(a.arg, kind.POSITIONAL_ONLY) for a in args.posonlyargs]
    plain = [kind(a.arg, kind.POSITIONAL_OR_KEYWORD) for a in args.args]
    defaults = [ast.literal_eval(d) for d in args.defaults]
    start = len(plain) - len(defaults)
    plain = [
        p.replace(default=defaults[i - start]) if i >= start else p for i, p in enumerate(plain)
    ]
    keyword = [
        kind(a.arg, kind.KEYWORD_ONLY, default=ast.literal_eval(d) if d else kind.empty)
        for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    return inspect.Signature(found + plain + keyword)


# --- FLOPs ----------------------------------------------------------------------------------


def _free(call: Call, shape: Shape) -> int:
    return 0


def _each(per_result: int) -> Callable[[Call, Shape], int]:
    return lambda call, shape: per_result * prod(shape)


def _over(per_element: int) -> Callable[[Call, Shape], int]:
    """Reductions and losses: so many per element of the first tensor."""
    return lambda call, shape: per_element * call.specs[0].size


def _matmul(call: Call, shape: Shape) -> int:
    inner: int = call.specs[0].shape[-1]
    return 2 * prod(shape) * inner


def _conv(call: Call, shape: Shape) -> int:
    return 2 * prod(shape) * prod(call.specs[1].shape[1:])


def _conv_transpose(call: Call, shape: Shape) -> int:
    x, weight = call.specs
    return 2 * x.size * prod(weight.shape[1:])


def _pool(call: Call, shape: Shape) -> int:
    kernel: Shape = call.attrs["kernel_size"]
    return prod(shape) * prod(kernel)


# --- the table ------------------------------------------------------------------------------

_CONV = "x, weight, /, *, stride=1, padding=0, dilation=1, groups=1"
_CONV_T = "x, weight, /, *, stride=1, padding=0, output_padding=0, dilation=1, groups=1"
_REDUCE = "x, /, *, axis=None, keepdims=False"

# Bounds: "exact" no error; "rounded" one correctly rounded operation; "ulp" a library function,
# so many units in the last place; "gamma" a sum of products, Higham's γ_K; "composite" several
# of these. `bakeoff.bounds` derives each.
#
# At ties ``max``, ``min``, ``maximum`` and ``minimum`` share the cotangent equally; the
# derivative of ``abs`` at 0 is 0, and ``clip`` passes the cotangent at its ends. That is what
# our engine does: any other subgradient is within the bound (`bakeoff.trying`).


def _creation(name: str, signature: str, shape: Any, canonical: Any, source: str = "") -> Op:
    return Op(
        name, "creation", signature, shape, D.dtype_attr, canonical, _free, (), (), "exact",
        source or f"{ARRAY_API}: {name}",
    )  # fmt: skip


def _unary(
    name: str, bound: str, ulp: float = 0, domain: str = "normal", source: str = "",
    differentiable: bool = True, cost: int = 1, family: str = "elementwise",
) -> Op:  # fmt: skip
    return Op(
        name, family, "x, /", S.shape_same, D.dtype_float if bound == "ulp" else D.dtype_number,
        A.none, _each(cost), (domain,), (0,) if differentiable else (), bound,
        source or f"{ARRAY_API}: {name}", ulp,
    )  # fmt: skip


def _binary(
    name: str, bound: str, ulp: float = 0, domain: tuple[str, str] = ("normal", "normal"),
    dtype: Any = D.dtype_number,
) -> Op:  # fmt: skip
    return Op(
        name, "elementwise", "a, b, /", S.shape_broadcast, dtype, A.none, _each(1), domain,
        (0, 1), bound, f"{ARRAY_API}: {name}", ulp,
    )  # fmt: skip


def _comparison(name: str) -> Op:
    return Op(
        name, "comparison", "a, b, /", S.shape_broadcast, D.dtype_bool, A.none, _each(1),
        ("normal", "normal"), (), "exact", f"{ARRAY_API}: {name}",
    )  # fmt: skip


def _reduction(
    name: str, bound: str, dtype: Any, shape: Any = S.shape_reduce, cost: int = 1,
    domain: str = "normal", source: str = "",
) -> Op:  # fmt: skip
    return Op(
        name, "reduction", _REDUCE, shape, dtype, A.reduction, _over(cost), (domain,), (0,),
        bound, source or f"{ARRAY_API}: {name}",
    )  # fmt: skip


def _movement(
    name: str, signature: str, shape: Any, canonical: Any, dtype: Any = D.dtype_same,
    domain: tuple[str, ...] = ("normal",), differentiable: tuple[int, ...] = (0,), source: str = "",
) -> Op:  # fmt: skip
    return Op(
        name, "movement", signature, shape, dtype, canonical, _free, domain, differentiable,
        "exact", source or f"{ARRAY_API}: {name}",
    )  # fmt: skip


def _neural(
    name: str, signature: str, shape: Any, canonical: Any, cost: Any, source: str,
    bound: str = "composite", domain: tuple[str, ...] = ("normal",),
    differentiable: tuple[int, ...] = (0,), dtype: Any = D.dtype_float,
) -> Op:  # fmt: skip
    return Op(
        name, "neural", signature, shape, dtype, canonical, cost, domain, differentiable, bound,
        source,
    )  # fmt: skip


_TWO = ("normal", "normal")

_TABLE = (
    # creation
    _creation("zeros", "shape, *, dtype='float32'", S.shape_attr, A.creation),
    _creation("ones", "shape, *, dtype='float32'", S.shape_attr, A.creation),
    _creation("full", "shape, fill_value, *, dtype='float32'", S.shape_attr, A.creation),
    _creation("arange", "start, stop=None, step=1, *, dtype='float32'", S.shape_arange, A.arange),
    _creation("linspace", "start, stop, num, *, dtype='float32'", S.shape_linspace, A.linspace),
    _creation("eye", "n_rows, n_cols=None, *, k=0, dtype='float32'", S.shape_eye, A.eye),
    _movement("zeros_like", "x, /", S.shape_same, A.none, differentiable=()),
    _movement("ones_like", "x, /", S.shape_same, A.none, differentiable=()),
    _movement("full_like", "x, /, fill_value", S.shape_same, A.full_like, differentiable=()),
    Op("astype", "movement", "x, /, dtype", S.shape_same, D.dtype_attr, A.dtype_only, _free,
       ("normal",), (0,), "rounded", f"{ARRAY_API}: astype"),
    # elementwise
    _binary("add", "rounded"),
    _binary("subtract", "rounded"),
    _binary("multiply", "rounded"),
    _binary("divide", "rounded", domain=("normal", "nonzero"), dtype=D.dtype_float),
    _binary("pow", "ulp", 16, domain=("positive", "normal"), dtype=D.dtype_float),
    _binary("maximum", "exact"),
    _binary("minimum", "exact"),
    _unary("negative", "exact"),
    _unary("abs", "exact", domain="nonzero"),
    _unary("sign", "exact", domain="nonzero"),
    _unary("square", "rounded"),
    _unary("sqrt", "ulp", 1, domain="positive"),
    _unary("exp", "ulp", 4),
    _unary("expm1", "ulp", 8),
    _unary("log", "ulp", 4, domain="positive"),
    _unary("log1p", "ulp", 8, domain="positive"),
    Op("clip", "elementwise", "x, /, min=None, max=None", S.shape_same, D.dtype_number, A.clip,
       _each(2), ("normal",), (0,), "exact", f"{ARRAY_API}: clip"),
    Op("where", "elementwise", "condition, a, b, /", S.shape_broadcast, D.dtype_where, A.none,
       _each(1), ("bool", *_TWO), (1, 2), "exact", f"{ARRAY_API}: where"),
    # comparison
    *map(_comparison, ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")),
    # reductions
    _reduction("sum", "gamma", D.dtype_number),
    _reduction("mean", "gamma", D.dtype_float, S.shape_reduce_some),
    _reduction("max", "exact", D.dtype_number, S.shape_reduce_some, domain="distinct"),
    _reduction("min", "exact", D.dtype_number, S.shape_reduce_some, domain="distinct"),
    _reduction("logsumexp", "composite", D.dtype_float, S.shape_reduce_some, cost=4,
               source="Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021), eq. 1.1"),
    Op("argmax", "reduction", _REDUCE, S.shape_argmax, D.dtype_index, A.argmax, _over(1),
       ("distinct",), (), "exact", f"{ARRAY_API}: argmax"),
    # movement
    _movement("reshape", "x, /, shape", S.shape_attr, A.reshape),
    _movement("permute_dims", "x, /, axes", S.shape_permute, A.permute),
    _movement("broadcast_to", "x, /, shape", S.shape_attr, A.broadcast_to),
    _movement("concat", "arrays, /, *, axis=0", S.shape_concat, A.axis_only),
    _movement("stack", "arrays, /, *, axis=0", S.shape_stack, A.new_axis),
    _movement("pad", "x, /, pad_width, *, value=0.0", S.shape_pad, A.pad,
              source="NumPy: numpy.pad, mode='constant'"),
    _movement("getitem", "x, /, index", S.shape_getitem, A.getitem,
              source=f"{ARRAY_API}: indexing"),
    _movement("take", "x, indices, /, *, axis=0", S.shape_take, A.axis_only, D.dtype_first,
              ("normal", "integers")),
    # matrix product
    Op("matmul", "matmul", "a, b, /", S.shape_matmul, D.dtype_float, A.none, _matmul, _TWO,
       (0, 1), "gamma", f"{ARRAY_API}: matmul"),
    # neural networks
    _neural("bias_add", "x, bias, /", S.shape_bias, A.none, _each(1),
            f"{TENSORFLOW}.bias_add, channels first", "rounded", _TWO, (0, 1)),
    _unary("relu", "exact", domain="nonzero", family="neural",
           source="Nair, Hinton, ICML 2010; derivative 0 at 0"),
    _unary("sigmoid", "ulp", 8, family="neural", cost=3,
           source=f"{GOODFELLOW}, eq. 3.30: 1 / (1 + exp(-x))"),
    _unary("tanh", "ulp", 8, family="neural"),
    _unary("silu", "ulp", 16, family="neural", cost=4,
           source="Elfwing, Uchibe, Doya, Neural Networks 107 (2018): x sigmoid(x)"),
    _neural("softmax", "x, /, *, axis=-1", S.shape_matrix_axis, A.axis_only, _each(4),
            f"{GOODFELLOW}, eq. 6.29"),
    _neural("log_softmax", "x, /, *, axis=-1", S.shape_matrix_axis, A.axis_only, _each(4),
            f"{GOODFELLOW}, eq. 6.30"),
    _neural("dropout", "x, noise, /, *, rate=0.5", S.shape_same, A.dropout, _each(2),
            "Srivastava et al., JMLR 15 (2014), inverted; noise in [0, 1) keeps where noise ≥ rate",
            "rounded", ("normal", "uniform"), (0,)),
    *(_neural(f"conv{n}d", _CONV, S.shape_conv, A.conv, _conv,
              f"{PYTORCH}.conv{n}d: cross-correlation", "gamma", _TWO, (0, 1))
      for n in (1, 2, 3)),
    *(_neural(f"conv_transpose{n}d", _CONV_T, S.shape_conv_transpose, A.conv_transpose,
              _conv_transpose, f"{PYTORCH}.conv_transpose{n}d: the vjp of conv{n}d in x",
              "gamma", _TWO, (0, 1)) for n in (1, 2, 3)),
    _neural("max_pool2d", "x, /, *, kernel_size, stride=None, padding=0", S.shape_pool, A.pool,
            _pool, f"{PYTORCH}.max_pool2d: pads with -inf; the first of ties gets the cotangent",
            "exact", ("distinct",)),
    _neural("avg_pool2d", "x, /, *, kernel_size, stride=None, padding=0, count_include_pad=True",
            S.shape_pool, A.pool, _pool, f"{PYTORCH}.avg_pool2d", "gamma"),
    _neural("one_hot", "indices, /, *, num_classes, dtype='float32'", S.shape_one_hot, A.one_hot,
            _free, f"{TENSORFLOW}.one_hot", "exact", ("integers",), (), D.dtype_one_hot),
    _neural("sigmoid_cross_entropy_with_logits", "logits, targets, /", S.shape_same, A.none,
            _each(5), f"{TENSORFLOW}: max(x, 0) - x z + log(1 + exp(-|x|))",
            domain=("normal", "uniform"), differentiable=(0, 1)),
    _neural("softmax_cross_entropy_with_logits", "logits, labels, /, *, axis=-1", S.shape_loss,
            A.axis_only, _over(6), f"{TENSORFLOW}: -Σ labels log_softmax(logits)",
            domain=("normal", "probabilities"), differentiable=(0, 1)),
    _neural("sparse_softmax_cross_entropy_with_logits", "logits, labels, /", S.shape_sparse_loss,
            A.none, _over(4), f"{TENSORFLOW}: -log_softmax(logits)[label]",
            domain=("normal", "integers"), dtype=D.dtype_sparse_loss),
    _neural("squared_error", "predictions, targets, /", S.shape_same, A.none, _each(2),
            f"{GOODFELLOW}, eq. 5.4: (p - t)², no reduction", "composite", _TWO, (0, 1)),
)  # fmt: skip

OPS: Mapping[str, Op] = {op.name: op for op in _TABLE}


def op(name: str) -> Op:
    """Return the catalogue's entry.

    Raises
    ------
    OpError
        If there is none of that name.
    """
    if name not in OPS:
        from difflib import get_close_matches

        near = ", ".join(get_close_matches(name, OPS, 3)) or "none near; see `bakeoff list ops`"
        raise OpError(f"op {name!r} is not in the catalogue; did you mean: {near}")
    return OPS[name]

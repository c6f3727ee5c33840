"""The tracer: a workload, a Python function of ``(ops, …)``, becomes a neutral program.

>>> from bakeoff.program import Value, gradient, trace
>>> def layer(ops, x, w, b):
...     return ops.relu(x @ w + b)
>>> program = trace(layer, [Value("x", (8, 3), "float32"), Value("w", (3, 2), "float32"),
...                         Value("b", (2,), "float32")])
>>> [node.op for node in program.nodes]
['matmul', 'add', 'relu']
>>> program.nodes[-1].shape
(8, 2)
"""

from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any, NoReturn

from bakeoff.errors import TraceError
from bakeoff.ops import OPS, op
from bakeoff.rules import DTYPES, FLOATS, Argument, Shape, Spec
from bakeoff_worker.optimizers import DEFINITIONS
from bakeoff_worker.program import Node, Program, Value
from bakeoff_worker.schedules import SCHEDULES

__all__ = ["Node", "Program", "Traced", "Value", "forward", "gradient", "trace", "training"]

Index = int | slice | EllipsisType | None
Ask = dict[str, Any]


# --- what is asked of a program -------------------------------------------------------------


def forward() -> Ask:
    """Ask for the outputs."""
    return {"kind": "forward"}


def gradient(wrt: Sequence[str], cotangents: Sequence[str]) -> Ask:
    """Ask for the outputs and the vector-Jacobian products with respect to ``wrt``.

    Parameters
    ----------
    wrt
        Names of inputs.
    cotangents
        Names of further inputs, one per output and of its shape; they are not passed to
        the workload.
    """
    return {"kind": "gradient", "wrt": list(wrt), "cotangents": list(cotangents)}


def training(
    params: Sequence[str],
    optimizer: str,
    hyper: Mapping[str, float],
    schedule: Mapping[str, Any] | None = None,
) -> Ask:
    """Ask for optimizer steps on ``params``; the workload returns one scalar loss.

    Hyperparameters that are left out take the catalogue's defaults.

    Raises
    ------
    TraceError
        For an optimizer, hyperparameter or schedule that the catalogue does not have.
    """
    chosen = dict(schedule or {"name": "constant"})
    name = chosen.pop("name", None)
    return {
        "kind": "training",
        "params": list(params),
        "optimizer": optimizer,
        "hyper": _filled("optimizer", optimizer, _HYPER, hyper),
        "schedule": {"name": name, **_filled("schedule", name, _SCHEDULE, chosen)},
    }


_HYPER = {name: {"lr": None, **d.hyper} for name, d in DEFINITIONS.items()}
_SCHEDULE = {name: s.parameters for name, s in SCHEDULES.items()}


def _filled(
    what: str,
    name: Any,
    table: Mapping[str, Mapping[str, float | None]],
    given: Mapping[str, Any],
) -> dict[str, float]:
    """Return the parameters of ``name``: those given over the table's defaults."""
    if name not in table:
        raise TraceError(f"{what} {name!r}, expected one of {', '.join(table)}")
    filled = {**table[name], **given}
    for key in given:
        if key not in table[name]:
            raise TraceError(f"{what} {name}: no {key!r}, expected {', '.join(table[name])}")
    missing = [key for key, value in filled.items() if value is None]
    if missing:
        raise TraceError(f"{what} {name}: {', '.join(missing)} must be given")
    return {key: float(value) for key, value in filled.items() if value is not None}


# --- traced values --------------------------------------------------------------------------


class Traced:
    """A tensor of a workload being traced: it has a shape and a dtype, but no values."""

    __array_ufunc__ = None  # NumPy scalars and arrays leave their operators to us
    __slots__ = ("_tracer", "name", "spec")

    def __init__(self, tracer: "_Tracer", name: str, spec: Spec) -> None:
        self._tracer, self.name, self.spec = tracer, name, spec

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> str:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return self.spec.ndim

    @property
    def size(self) -> int:
        return self.spec.size

    def __repr__(self) -> str:
        return f"Traced({self.name}, shape={self.shape}, dtype={self.dtype!r})"

    def __getitem__(self, index: Index | tuple[Index, ...]) -> "Traced":
        return self._tracer.apply("getitem", self, index)

    def _refuse(self, what: str) -> NoReturn:
        raise TraceError(
            f"{self._tracer.workload}: {what} of traced value {self.name} (shape {self.shape}, "
            f"dtype {self.dtype}) was asked for, but a workload is traced once, without values, "
            "and then runs on every toolkit; use where, maximum or another op instead, or decide "
            "on shapes, which are known"
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TraceError(
            f"{self._tracer.workload}: assignment into {self.name}; tensors do not change, "
            "build a new one with where, concat or pad"
        )

    __hash__ = object.__hash__


def _operator(name: str, reflected: bool = False) -> Callable[[Traced, Any], Traced]:
    if reflected:
        return lambda self, other: self._tracer.apply(name, other, self)
    return lambda self, other: self._tracer.apply(name, self, other)


for _symbol, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow",
    "matmul": "matmul",
}.items():  # fmt: skip
    setattr(Traced, f"__{_symbol}__", _operator(_name))
    setattr(Traced, f"__r{_symbol}__", _operator(_name, reflected=True))
for _symbol, _name in {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal",
}.items():  # fmt: skip
    setattr(Traced, f"__{_symbol}__", _operator(_name))


def _unary(name: str) -> Callable[[Traced], Traced]:
    return lambda self: self._tracer.apply(name, self)


def _refusal(what: str) -> Callable[..., NoReturn]:
    return lambda self, *args, **kwargs: self._refuse(what)


setattr(Traced, "__neg__", _unary("negative"))
setattr(Traced, "__abs__", _unary("abs"))
# What would need a value. One by one they would be stubs that never return their type.
for _symbol, _name in {
    "bool": "the truth value (if, while, and, or, not)",
    "iter": "iteration (for, unpacking)",
    "len": "the length (use shape[0])",
    "float": "the number",
    "int": "the integer",
    "index": "the index",
    "array": "a NumPy array",
}.items():
    setattr(Traced, f"__{_symbol}__", _refusal(_name))


class _Tracer:
    """Collects nodes; its ``ops`` is what the workload receives."""

    def __init__(self, workload: str) -> None:
        self.workload = workload
        self.nodes: list[Node] = []

    def apply(self, name: str, *args: Any, **kwargs: Any) -> Traced:
        entry = op(name)
        tensors, attrs = entry.bind(*args, **kwargs)
        tensors = tuple(tuple(t) if isinstance(t, list) else t for t in tensors)
        call, result = entry.infer([self._spec(name, t) for t in tensors], attrs)
        node = Node(
            f"v{len(self.nodes)}",
            name,
            tuple(_reference(t) for t in tensors),
            dict(call.attrs),
            result.shape,
            result.dtype,
        )
        self.nodes.append(node)
        return Traced(self, node.name, result)

    def _spec(self, name: str, value: Any) -> Argument:
        if isinstance(value, tuple):
            if not value or not all(isinstance(v, Traced) for v in value):
                raise TraceError(f"{self.workload}: {name} takes a non-empty sequence of tensors")
            return tuple(v.spec for v in value)
        if isinstance(value, Traced):
            if value._tracer is not self:
                raise TraceError(f"{self.workload}: {value!r} belongs to another trace")
            return value.spec
        if isinstance(value, (bool, int, float)):
            return value
        raise TraceError(
            f"{self.workload}: {name} got {type(value).__name__}, expected a tensor of the "
            "workload or a Python number; pass arrays as inputs of the workload"
        )


def _reference(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(v.name for v in value)
    return value.name if isinstance(value, Traced) else value


class _Ops:
    """The namespace a workload sees while it is traced: the whole catalogue."""

    def __init__(self, tracer: _Tracer) -> None:
        self._tracer = tracer

    def __getattr__(self, name: str) -> Callable[..., Traced]:
        op(name)
        tracer = self._tracer
        return lambda *args, **kwargs: tracer.apply(name, *args, **kwargs)

    def __dir__(self) -> list[str]:
        return list(OPS)


# --- tracing --------------------------------------------------------------------------------


def trace(
    workload: Callable[..., Any],
    inputs: Sequence[Value],
    ask: Ask | None = None,
    name: str | None = None,
) -> Program:
    """Trace a workload.

    Parameters
    ----------
    workload
        ``f(ops, *tensors)`` returning a tensor or a tuple of tensors. It is called once,
        with one traced tensor per input that is no cotangent.
    inputs
        Name, shape and dtype of each input, cotangents included.
    ask
        `forward` (the default), `gradient` or `training`.
    name
        The program's; by default the workload's.

    Raises
    ------
    TraceError
        If the workload looks at values, or the ask does not fit it.
    OpError
        If an op is applied to shapes or dtypes it does not take.
    """
    ask = ask or forward()
    tracer = _Tracer(name or str(getattr(workload, "__name__", "workload")))
    values = [Value(v.name, tuple(v.shape), v.dtype) for v in inputs]
    for value in values:
        if value.dtype not in DTYPES:
            raise TraceError(
                f"{tracer.workload}: input {value.name} has dtype {value.dtype!r}, expected one "
                f"of {', '.join(DTYPES)}"
            )
    cotangents = set(ask.get("cotangents", ()))
    traced = [
        Traced(tracer, v.name, Spec(v.shape, v.dtype)) for v in values if v.name not in cotangents
    ]
    result = workload(_Ops(tracer), *traced)
    outputs = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    for output in outputs:
        if not isinstance(output, Traced):
            raise TraceError(
                f"{tracer.workload}: returned {type(output).__name__}, expected a tensor or a "
                "tuple of tensors"
            )
    names = tuple(o.name for o in outputs)
    program = Program(tracer.workload, tuple(values), tuple(tracer.nodes), names, ask)
    _check_ask(program)
    return Program.from_json(program.to_json())  # one form, validated


def _check_ask(program: Program) -> None:
    table, where = program.values(), program.name
    outputs = [table[o] for o in program.outputs]
    for key in ("wrt", "params", "cotangents"):
        for name in program.ask.get(key, ()):
            if name not in table or table[name].dtype not in FLOATS:
                raise TraceError(f"{where}: {key} {name!r}, expected a floating-point input")
    if program.kind == "gradient":
        given = [table[c] for c in program.ask["cotangents"]]
        got = [(v.shape, v.dtype) for v in given]
        expected = [(v.shape, v.dtype) for v in outputs]
        if got != expected:
            raise TraceError(
                f"{where}: cotangents {got}, expected one per output and like it: {expected}"
            )
        if not program.ask["wrt"]:
            raise TraceError(f"{where}: wrt is empty, expected at least one input")
    if program.kind == "training" and (len(outputs) != 1 or outputs[0].shape != ()):
        got_shapes = [o.shape for o in outputs]
        raise TraceError(f"{where}: outputs {got_shapes}, expected one scalar loss; take the mean")

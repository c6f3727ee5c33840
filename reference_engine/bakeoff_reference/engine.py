"""An engine: the ops and the tape over one array module."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from bakeoff_reference import operators
from bakeoff_reference.arrays import NUMPY, XP, Array, dtype_name
from bakeoff_reference.conv.settings import ConvSettings
from bakeoff_reference.errors import refuse
from bakeoff_reference.graph import Operator
from bakeoff_reference.overloads import specialise
from bakeoff_reference.primitive import PRIMITIVES, Primitive
from bakeoff_reference.tape import Number, backward_pass, bind, toposort
from bakeoff_reference.tensor import LEAF, Tensor

__all__ = ["DEFAULT", "Engine", "operators"]

Function = Callable[..., Any]


class Engine:
    """Ops by catalogue name, and gradients, computed with ``xp``.

    Attributes
    ----------
    xp
        The array module (`bakeoff_reference.arrays.array_module`).
    Tensor
        This engine's tensor class.
    ops
        Callables by name.

    ``conv`` says how convolutions are computed; left out, by shape.
    """

    def __init__(
        self, xp: XP, tensor: type[Tensor] | None = None,
        primitives: Mapping[str, Primitive] = PRIMITIVES, conv: ConvSettings | None = None,
    ) -> None:  # fmt: skip
        # rules see nothing but the array module, so that is what carries the settings
        self.xp = xp if conv is None else SimpleNamespace(**{**vars(xp), "conv": conv})
        self.Tensor: type[Tensor] = tensor or type("Tensor", (Tensor,), {"__slots__": ()})
        self.Tensor.engine = self
        self.ops = {name: bind(op, self) for name, op in primitives.items()}
        specialise(self.Tensor, self.ops)

    def array(self, value: Any, dtype: Any = None) -> Array:
        """Return an array; Python floats become float32, as deep learning has it."""
        if isinstance(value, Tensor):
            value = value.value
        if dtype is not None:
            return self.xp.asarray(value, dtype_name(dtype))
        if hasattr(value, "dtype"):
            return self.xp.asarray(value)
        array = self.xp.asarray(value)
        return array.astype("float32") if array.dtype == "float64" else array

    def wrap(self, value: Array, *, tracked: bool = False) -> Tensor:
        """Return a tensor of an array as it is."""
        t = self.Tensor.__new__(self.Tensor)
        t.value, t.node = value, LEAF if tracked else None
        return t

    def as_tensors(self, arguments: Sequence[Any], op: Primitive) -> tuple[Any, ...]:
        """Return an op's arguments as tensors.

        Elementwise ops keep Python numbers beside a tensor as numbers, which take its dtype.
        """
        numbers = [isinstance(a, (bool, int, float)) for a in arguments]
        keep = op.prepare is None and not op.variadic and not all(numbers)
        return tuple(
            a
            if type(a) is self.Tensor
            else Number(a)
            if keep and number
            else self._constant(a, op.name)
            for a, number in zip(arguments, numbers, strict=True)
        )

    def _constant(self, value: Any, op: str) -> Tensor:
        if isinstance(value, Tensor):
            refuse(op, "a tensor of another engine; use one engine's tensors together")
        return self.Tensor(value)

    def backward(self, end: Tensor, cotangent: Any = None) -> None:
        """Add gradients of ``end`` to its variables' ``grad``."""
        if end.node is None:
            raise ValueError(
                "backward: the tensor depends on no variable; make one with variable(...)"
            )
        order = toposort([end])
        parents = [p for t in order for p in t.node[2]]  # type: ignore[index]  # made by ops
        leaves = {id(t): t for t in (end, *parents) if t.node is LEAF}
        table = backward_pass(self.xp, [end], [self._cotangent(end, cotangent)], order, own=True)
        for key, leaf in leaves.items():
            if key in table:
                grad = table[key] if leaf.grad is None else leaf.grad.value + table[key]
                leaf.grad = self.wrap(grad)

    def _cotangent(self, end: Tensor, cotangent: Any) -> Array:
        if cotangent is None:
            if end.size != 1:
                raise ValueError(
                    f"backward: shape {end.shape} without a cotangent, expected a scalar; "
                    "reduce it with sum or mean, or give a cotangent"
                )
            return self.xp.ones(end.shape, end.value.dtype)
        g = self.array(cotangent, end.dtype)
        if g.shape != end.shape:
            raise ValueError(f"backward: cotangent of shape {g.shape}, expected {end.shape}")
        return g

    def value_and_grad(self, fn: Function, wrt: int | Sequence[int] = 0) -> Function:
        """Return ``g(*args) -> (value, gradient)`` of a function with a scalar result.

        With a sequence ``wrt`` the gradient is a tuple, in that order. ``fn`` may return
        a tuple ``(scalar, anything else)``; the rest is handed through in ``value``.
        """
        positions = (wrt,) if isinstance(wrt, int) else tuple(wrt)

        def call(*args: Any) -> tuple[Any, Any]:
            inputs = self.tracked(args, positions)
            value = fn(*inputs)
            end = value[0] if isinstance(value, tuple) else value
            grads = self.gradients([end], [None], [inputs[i] for i in positions])
            return value, grads[0] if isinstance(wrt, int) else grads

        return call

    def grad(self, fn: Function, wrt: int | Sequence[int] = 0) -> Function:
        """Return the gradient of a function with a scalar result, as a function."""
        both = self.value_and_grad(fn, wrt)
        return lambda *args: both(*args)[1]

    def vjp(self, fn: Function, *args: Any) -> tuple[Any, Function]:
        """Return ``fn(*args)`` and the function from a cotangent to a gradient per argument."""
        inputs = self.tracked(args, range(len(args)))
        value = fn(*inputs)
        ends = value if isinstance(value, tuple) else (value,)

        def pull(*cotangents: Any) -> tuple[Tensor, ...]:
            return self.gradients(ends, cotangents, inputs)

        return value, pull

    def with_gradients(self, fn: Function, wrt: Sequence[int]) -> Function:
        """Return ``g(args, cotangents) -> (outputs, gradients)`` of a function of many results.

        ``cotangents`` None stands for a 1 for each output, which are scalars then.
        """
        positions = tuple(wrt)

        def call(args: Sequence[Any], cotangents: Sequence[Any] | None) -> tuple[Any, Any]:
            inputs = self.tracked(args, positions)
            outputs = fn(*inputs)
            given = (None,) * len(outputs) if cotangents is None else cotangents
            return outputs, self.gradients(outputs, given, [inputs[i] for i in positions])

        return call

    def with_own_results(self, fn: Function, shared: Callable[[Array, Array], bool]) -> Function:
        """Return ``fn``, its results copied where they may lie in an argument's memory.

        reshape, getitem and their kin give views; ``shared`` tells them.
        """

        def call(*tensors: Tensor) -> tuple[Tensor, ...]:
            return tuple(
                self.wrap(t.value.copy()) if any(shared(t.value, x.value) for x in tensors) else t
                for t in fn(*tensors)
            )

        return call

    def tracked(self, args: Sequence[Any], positions: Sequence[int]) -> list[Any]:
        """Return the arguments with fresh variables at ``positions``; the rest are constants."""
        inputs = [self.wrap(a.value if isinstance(a, Tensor) else self.array(a)) for a in args]
        for i in positions:
            inputs[i].node = LEAF
        return inputs

    def gradients(
        self, ends: Sequence[Tensor], cotangents: Sequence[Any], wrt: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the gradient of each tensor in ``wrt``: zeros where nothing depends on it."""
        given = [self._cotangent(e, c) for e, c in zip(ends, cotangents, strict=True)]
        table = backward_pass(self.xp, ends, given, own=True)
        return tuple(
            self.wrap(
                table[id(t)] if id(t) in table else self.xp.zeros(t.value.shape, t.value.dtype)
            )
            for t in wrt
        )


DEFAULT = Engine(NUMPY, Tensor)
specialise(Operator, DEFAULT.ops)

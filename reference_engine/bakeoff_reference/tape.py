"""The tape: ops applied to tensors are recorded, and walked backwards once."""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from bakeoff_reference.arrays import XP, Array, is_floating
from bakeoff_reference.broadcasting import unbroadcast
from bakeoff_reference.errors import refuse
from bakeoff_reference.graph import Apply, Operator
from bakeoff_reference.primitive import Primitive
from bakeoff_reference.tensor import LEAF, Tensor

if TYPE_CHECKING:
    from bakeoff_reference.engine import Engine

Op = Callable[..., Any]

_number = count().__next__  # a tensor is younger than all that it was made of
_NONE: dict[str, Any] = {}


def bind(op: Primitive, engine: "Engine") -> Op:
    """Return the op as a function of this engine's tensors.

    Arrays and Python numbers are taken as constants; an application to a graph node gives a
    graph node.
    """
    general = _bind_general(op, engine)
    plain = not (op.parameters or op.saves or op.prepare or op.variadic)
    quick = {(0,): _bind_unary, (0, 1): _bind_binary}.get(op.same) if plain else None
    call = quick(op, engine, general) if quick else general
    call.__name__ = call.__qualname__ = op.name
    call.__doc__ = op.doc
    return call


def _bind_unary(op: Primitive, engine: "Engine", general: Op) -> Op:
    """The quick way for one tensor and no attributes."""
    T, forward = engine.Tensor, op.bound(engine.xp)
    new = T.__new__

    def call(a: Any, /) -> Any:
        if type(a) is not T:
            return general(a)
        x = a.value
        value = forward(x)
        result = new(T)
        result.value = value
        result.node = None if a.node is None else (_number(), op, (a,), (x,), value, _NONE)
        return result

    return call


def _bind_binary(op: Primitive, engine: "Engine", general: Op) -> Op:
    """The quick way for two tensors and no attributes; everything else takes the general one."""
    T, forward = engine.Tensor, op.bound(engine.xp)
    new = T.__new__

    def call(a: Any, b: Any, /) -> Any:
        if type(a) is not T or type(b) is not T:
            return general(a, b)
        x, y = a.value, b.value
        if x.dtype is not y.dtype:
            return general(a, b)
        try:
            value = forward(x, y)
        except ValueError:
            return general(a, b)  # to say it in our words
        result = new(T)
        result.value = value
        if a.node is None and b.node is None:
            result.node = None
        else:
            result.node = (_number(), op, (a, b), (x, y), value, _NONE)
        return result

    return call


def _bind_general(op: Primitive, engine: "Engine") -> Op:
    T, arity, name = engine.Tensor, op.arity, op.name
    forward, new = op.bound(engine.xp), T.__new__
    has_attributes, prepare, saves, variadic = (
        bool(op.parameters),
        op.prepare,
        op.saves,
        op.variadic,
    )

    def call(*args: Any, **attrs: Any) -> Any:
        if len(args) < arity:
            raise TypeError(f"{name}: {len(args)} tensors, expected {arity}")
        parents = tuple(args[0]) if variadic else args[:arity]
        if has_attributes or attrs or len(args) > arity:
            attrs = op.attributes(args[arity:], attrs)
        for t in parents:
            if type(t) is not T:
                if any(isinstance(p, Operator) for p in parents):
                    return Apply(op, parents, attrs)
                parents = engine.as_tensors(parents, op)
                break
        values = [t.value for t in parents]
        if arity > 1 or variadic:
            _check_dtypes(op, values)
        if prepare is not None:
            attrs = prepare(*values, **attrs)
        try:
            saved = value = forward(*values, **attrs)
        except ValueError as error:
            _explain(op, values, error)
        if saves:
            value, saved = value
        result = new(T)
        result.value = value
        result.node = None
        for t in parents:
            if t.node is not None:
                result.node = (_number(), op, parents, values, saved, attrs)
                break
        return result

    return call


class Number:
    """A Python number among an op's tensors: it takes the dtype of those beside it."""

    __slots__ = ("value",)
    node = None

    def __init__(self, value: float) -> None:
        self.value = value


def _check_dtypes(op: Primitive, values: Sequence[Any]) -> None:
    arrays = values if op.variadic else [values[i] for i in op.same]
    if not arrays:
        refuse(op.name, "no tensors, expected at least one")
    first = getattr(arrays[0], "dtype", None)
    for v in arrays:
        if getattr(v, "dtype", first) is not first:
            break
    else:
        if first is not None and is_floating(first):
            return
    dtypes = [v.dtype for v in arrays if hasattr(v, "dtype")]
    for dtype in dtypes[1:]:
        if dtype != dtypes[0]:
            refuse(op.name, f"dtypes {dtypes[0]} and {dtype} differ; convert one with astype")
    if len(dtypes) < len(arrays) and dtypes and not is_floating(dtypes[0]):
        for v in arrays:
            if isinstance(v, float):
                refuse(op.name, f"scalar {v!r} with dtype {dtypes[0]}; convert with astype")


def _explain(op: Primitive, values: Sequence[Any], error: ValueError) -> None:
    """Raise what an array library refused, in our form."""
    shapes = [v.shape for v in values if hasattr(v, "shape")]
    if len(shapes) > 1 and "broadcast" in str(error):
        refuse(
            op.name,
            f"shapes {' and '.join(map(str, shapes))} cannot be broadcast together; "
            "sizes must be equal or 1, counted from the last dimension",
        )
    raise error


def toposort(ends: Iterable[Tensor]) -> list[Tensor]:
    """Return every tensor that an op made on the way to ``ends``, the youngest first.

    An op's result is younger than its arguments, so the order of creation is topological.
    """
    made: dict[int, Tensor] = {}
    stack = [t for t in ends if t.node is not None]
    while stack:
        t = stack.pop()
        number, _, parents, *_ = t.node  # type: ignore[misc]  # only tracked tensors are stacked
        if number not in made and number >= 0:
            made[number] = t
            for parent in parents:
                if parent.node is not None:
                    stack.append(parent)
    return [made[number] for number in sorted(made, reverse=True)]


def backward_pass(
    xp: XP,
    ends: Sequence[Tensor],
    cotangents: Sequence[Array],
    order: Sequence[Tensor] | None = None,
    *,
    own: bool = False,
) -> dict[int, Array]:
    """Return the gradients of variables, by the tensor's ``id``; ``order`` is that of `toposort`.

    With ``own``, each is an array that shares memory with nothing else: rules may pass on a
    cotangent, a part of it, or what the forward pass left.

    One loop over the tape, youngest first: when a tensor is reached, all that it went into has
    been, so its entry in the table of gradients is complete.
    """
    table: dict[int, Array] = {}
    for end, g in zip(ends, cotangents, strict=True):
        if end.node is not None:
            if id(end) in table:
                table[id(end)] = table[id(end)] + g
            else:
                table[id(end)] = copied(xp, g) if own and end.node is LEAF else g
    for t in toposort(ends) if order is None else order:
        g = table.pop(id(t), None)
        if g is None:
            continue
        _, op, parents, values, saved, attrs = t.node  # type: ignore[misc]  # tracked
        rules = op.vjps or op.rules(len(parents))
        # not strict: an op has as many rules as parents, and this is the tape's inner loop
        for parent, value, rule in zip(parents, values, rules):  # noqa: B905
            if parent.node is None or rule is None:
                continue
            grad = rule(xp, g, saved, *values, **attrs)
            if grad.shape != value.shape:
                grad = unbroadcast(xp, grad, value.shape)
            key = id(parent)
            if key in table:
                table[key] = table[key] + grad
            elif own and parent.node is LEAF and not _made(grad, g, saved, values):
                table[key] = copied(xp, grad)
            else:
                table[key] = grad
    return table


def _made(grad: Array, g: Array, saved: Any, values: Sequence[Array]) -> bool:
    """Whether a rule made the gradient, and nothing else has a part in its memory."""
    old = grad.base is not None or grad is g or grad is saved
    return not old and all(grad is not v for v in values)


def copied(xp: XP, x: Array) -> Array:
    """Return the values in memory of their own."""
    result = xp.empty(x.shape, x.dtype)
    xp.copyto(result, x)
    return result

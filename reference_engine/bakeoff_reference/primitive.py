"""What an op is to the engine: a forward rule and, beside it, its vector-Jacobian products.

A rule is a pure function of the array module ``xp`` and arrays::

    @primitive
    def multiply(xp, a, b, /):
        return xp.multiply(a, b)

    multiply.defvjp(
        lambda xp, g, y, a, b: g * b,
        lambda xp, g, y, a, b: g * a,
    )

A vjp rule receives the cotangent ``g``, what the forward rule saved (its result, or the second
thing it returned if declared with ``saves=True``) and the forward arguments. Broadcasting is
undone by the backward pass, so a rule may return the gradient in the result's shape.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Any, overload

from bakeoff_reference.arrays import XP, Array, is_half

Rule = Callable[..., Any]

PRIMITIVES: dict[str, "Primitive"] = {}


class Primitive:
    """An op: name, rules, signature.

    Attributes
    ----------
    forward
        ``forward(xp, *arrays, **attrs)`` with canonical attributes.
    prepare
        ``prepare(*arrays, **attrs)`` returns canonical attributes or raises `OpError`; None for
        ops without attributes to check.
    saves
        Whether ``forward`` returns ``(result, saved)``.
    variadic
        Whether the op takes one sequence of tensors.
    ufunc
        The function of ``xp`` that the rule is, if it is just one.
    accumulates
        Whether rules add up, and so are run in float32 for 16 bits.
    same
        Positions of the tensors that must share a dtype.
    """

    def __init__(
        self, rule: Rule, prepare: Rule | None, saves: bool, accumulates: bool,
        variadic: bool, same: Sequence[int] | None, ufunc: str,
    ) -> None:  # fmt: skip
        self._rule = rule
        self._vjp_rules: tuple[Rule | None, ...] = ()
        self.name = rule.__name__.rstrip("_")
        self.doc = inspect.getdoc(rule) or ""
        # a function object: inspect would otherwise see the wrapper of `accumulates`
        parameters = list(inspect.signature(rule).parameters.values())[1:]
        only, var = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL
        self.arity = 1 if variadic else sum(p.kind is only for p in parameters)
        self.parameters = [p for p in parameters if p.kind not in (only, var)]
        self.positional = [
            p.name for p in self.parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY
        ]
        self.defaults = {p.name: p.default for p in self.parameters if p.default is not p.empty}
        self.saves, self.variadic, self.prepare, self.ufunc = saves, variadic, prepare, ufunc
        self._names = {p.name for p in self.parameters}
        self.same = tuple(range(self.arity)) if same is None else tuple(same)
        self.accumulates = accumulates
        self.forward = widened(rule, saves) if accumulates else rule
        self.vjps: tuple[Rule | None, ...] = ()
        self._vjp_each: Rule | None = None

    def defvjp(self, *rules: Rule | None) -> None:
        """Give one rule per tensor argument; None where there is no gradient."""
        self._vjp_rules = rules
        self.vjps = tuple(_widened_vjp(r) if r and self.accumulates else r for r in rules)

    def unwidened(self) -> "Primitive":
        """Return the op for an array module that itself adds 16 bits up in float32."""
        op = Primitive(
            self._rule, self.prepare, self.saves, False, self.variadic, self.same, self.ufunc
        )
        op.defvjp(*self._vjp_rules)
        return op

    def defvjp_each(self, rule: Rule) -> None:
        """Give the rule of a variadic op: ``rule(xp, g, saved, *arrays, position=i, **attrs)``."""
        self._vjp_each = rule

    def rules(self, count: int) -> Sequence[Rule | None]:
        """Return the vjp rules of an application to ``count`` tensors."""
        if self._vjp_each is None:
            return self.vjps
        return [partial(self._vjp_each, position=i) for i in range(count)]

    def attributes(self, positional: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of a call by name, defaults filled in.

        Raises
        ------
        TypeError
            For attributes that are missing or unknown.
        """
        attrs = {**self.defaults, **given}
        if positional:
            attrs.update(zip(self.positional, positional, strict=False))
        names = self._names
        if attrs.keys() != names or len(positional) > len(self.positional):
            missing = sorted(names - attrs.keys())
            unknown = sorted(attrs.keys() - names)
            raise TypeError(
                f"{self.name}: missing {missing}, unknown {unknown}, "
                f"expected attributes {self.signature}"
            )
        return attrs

    def bound(self, xp: XP) -> Rule:
        """Return the forward rule with its array module: the function itself if it is one."""
        return getattr(xp, self.ufunc) if self.ufunc else partial(self.forward, xp)

    def prepared(self, values: Sequence[Array], attrs: dict[str, Any]) -> dict[str, Any]:
        """Return canonical attributes of a call to these arrays; shapes are checked."""
        return attrs if self.prepare is None else self.prepare(*values, **attrs)

    @property
    def signature(self) -> str:
        """The attributes as text: ``(*, axis=None, keepdims=False)``."""
        return str(inspect.Signature(self.parameters))

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


@overload
def primitive(rule: Rule) -> Primitive: ...
@overload
def primitive(
    *,
    prepare: Rule | None = None,
    saves: bool = False,
    accumulates: bool = False,
    variadic: bool = False,
    same: Sequence[int] | None = None,
    ufunc: str = "",
) -> Callable[[Rule], Primitive]: ...
def primitive(
    rule: Rule | None = None,
    *,
    prepare: Rule | None = None,
    saves: bool = False,
    accumulates: bool = False,
    variadic: bool = False,
    same: Sequence[int] | None = None,
    ufunc: str = "",
) -> Primitive | Callable[[Rule], Primitive]:
    """Register a forward rule as an op; usable with and without arguments.

    ``ufunc`` names the function of ``xp`` that the rule is nothing but a call of; the tape then
    calls that. ``accumulates`` marks rules that add up: for 16 bits they are run in float32 and
    rounded once, forward and backward.
    """

    def register(rule: Rule) -> Primitive:
        op = Primitive(rule, prepare, saves, accumulates, variadic, same, ufunc)
        PRIMITIVES[op.name] = op
        return op

    return register if rule is None else register(rule)


def _widen(xp: XP, values: Sequence[Any]) -> list[Any]:
    return [
        xp.astype(v, "float32") if hasattr(v, "dtype") and is_half(v.dtype) else v for v in values
    ]


def widened(rule: Rule, saves: bool = False) -> Rule:
    """Run a rule on arrays of 16 bits in float32, and round its result once.

    With ``saves`` it returns a pair, of which the second is kept as it is.
    """

    @wraps(rule)
    def forward(xp: XP, *values: Array, **attrs: Any) -> Any:
        dtype = values[0].dtype
        if not is_half(dtype):
            return rule(xp, *values, **attrs)
        result = rule(xp, *_widen(xp, values), **attrs)
        if saves:
            return xp.astype(result[0], dtype), result[1]
        return xp.astype(result, dtype)

    return forward


def _widened_vjp(rule: Rule) -> Rule:
    @wraps(rule)
    def vjp(xp: XP, g: Array, saved: Any, *values: Array, **attrs: Any) -> Array:
        if not is_half(g.dtype):
            return rule(xp, g, saved, *values, **attrs)
        return xp.astype(rule(xp, *_widen(xp, (g, saved, *values)), **attrs), g.dtype)

    return vjp

"""Optimizers, working in place on arrays of any shape.

``g`` is the gradient, ``w`` the parameter, t = 1, 2, ... the step. The numbers of a step
(bias corrections and the like) are computed on the host in float64; the passes over the arrays
allocate nothing. The same passes run over single tensors on the tape and, in a plan, once over
one flat arena that holds all parameters.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from bakeoff_reference.arrays import NUMPY, XP, Array, is_half
from bakeoff_reference.tensor import Tensor

Hyper = Mapping[str, float]
State = list[list[Array]]
Step = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Definition:
    """An optimizer.

    Attributes
    ----------
    hyper
        Hyperparameters besides ``lr``, with their defaults.
    slots
        Arrays kept per parameter, zero at first.
    scalars
        ``scalars(hyper, lr, t)``: the numbers of one step, by name.
    step
        ``step(xp, w, g, slots, scratch, **scalars)`` changes ``w`` and ``slots`` in place;
        ``scratch`` is an array like ``w`` whose content is lost.
    spends
        Whether ``scratch`` may be ``g`` itself: the step reads no gradient after it wrote there.
    """

    name: str
    hyper: Hyper
    slots: tuple[str, ...]
    scalars: Callable[[Hyper, float, int], dict[str, float]]
    step: Step
    spends: bool


DEFINITIONS: dict[str, Definition] = {}


def _define(
    slots: Sequence[str], scalars: Any, spends: bool, **hyper: float
) -> Callable[[Step], Step]:
    def register(step: Step) -> Step:
        name = step.__name__.strip("_")
        DEFINITIONS[name] = Definition(name, hyper, tuple(slots), scalars, step, spends)
        return step

    return register


def _plain(hyper: Hyper, lr: float, t: int) -> dict[str, float]:
    return {"lr": lr, **hyper}


@_define((), _plain, True)
def _sgd(xp: XP, w: Array, g: Array, slots: Any, s: Array, *, lr: Any) -> None:
    xp.multiply(g, lr, out=s)
    xp.subtract(w, s, out=w)


@_define(("v",), _plain, True, momentum=0.9)
def _momentum(xp: XP, w: Array, g: Array, slots: Any, s: Array, *, lr: Any, momentum: Any) -> None:
    (v,) = slots
    xp.multiply(v, momentum, out=v)
    xp.add(v, g, out=v)
    xp.multiply(v, lr, out=s)
    xp.subtract(w, s, out=w)


@_define(("p",), _plain, True, momentum=0.9)
def _nesterov(xp: XP, w: Array, g: Array, slots: Any, s: Array, *, lr: Any, momentum: Any) -> None:
    (p,) = slots  # momentum v, which needs one pass less than v
    xp.add(p, g, out=p)
    xp.multiply(p, momentum, out=p)
    xp.add(p, g, out=s)
    xp.multiply(s, lr, out=s)
    xp.subtract(w, s, out=w)


def _scaled_step(xp: XP, w: Array, g: Array, root: Array, s: Array, lr: Any, eps: Any) -> None:
    """``w -= lr g / (sqrt(root) + eps)``."""
    xp.sqrt(root, out=s)
    xp.add(s, eps, out=s)
    xp.divide(g, s, out=s)
    xp.multiply(s, lr, out=s)
    xp.subtract(w, s, out=w)


@_define(("s",), _plain, False, eps=1e-10)
def _adagrad(xp: XP, w: Array, g: Array, slots: Any, s: Array, *, lr: Any, eps: Any) -> None:
    (total,) = slots
    xp.square(g, out=s)
    xp.add(total, s, out=total)
    _scaled_step(xp, w, g, total, s, lr, eps)


def _rmsprop_scalars(hyper: Hyper, lr: float, t: int) -> dict[str, float]:
    """The numbers of a step with the average kept as a plain sum, as Adam's are.

    With s' = s / (1 - decay) and c = sqrt(1 - decay), lr g / (sqrt(s) + eps) =
    (lr / c) g / (sqrt(s') + eps / c).
    """
    c = sqrt(1 - hyper["decay"])
    return {"step": lr / c, "eps": hyper["eps"] / c, "decay": hyper["decay"]}


@_define(("s",), _rmsprop_scalars, False, decay=0.99, eps=1e-8)
def _rmsprop(
    xp: XP, w: Array, g: Array, slots: Any, s: Array, *, step: Any, eps: Any, decay: Any
) -> None:
    (total,) = slots
    xp.square(g, out=s)
    xp.multiply(total, decay, out=total)
    xp.add(total, s, out=total)
    _scaled_step(xp, w, g, total, s, step, eps)


def _adam_scalars(hyper: Hyper, lr: float, t: int) -> dict[str, float]:
    """The numbers of a step with both averages kept as plain sums.

    With m' = m / (1 - b1) and v' = v / (1 - b2), which need one pass less each,
    lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) = step m' / (sqrt(v') + eps')
    where c = sqrt((1 - b2) / (1 - b2^t)), step = lr (1 - b1) / (1 - b1^t) / c, eps' = eps / c.
    """
    b1, b2 = hyper["beta1"], hyper["beta2"]
    c = sqrt((1 - b2) / (1 - b2**t))
    found = {"b1": b1, "b2": b2, "eps": hyper["eps"] / c}
    found["step"] = lr * (1 - b1) / (1 - b1**t) / c
    if "weight_decay" in hyper:
        found["shrink"] = 1 - lr * hyper["weight_decay"]
    return found


@_define(("m", "v"), _adam_scalars, True, beta1=0.9, beta2=0.999, eps=1e-8)
def _adam(
    xp: XP, w: Array, g: Array, slots: Any, s: Array, *, b1: Any, b2: Any, eps: Any, step: Any
) -> None:
    m, v = slots
    xp.multiply(m, b1, out=m)
    xp.add(m, g, out=m)
    xp.square(g, out=s)
    xp.multiply(v, b2, out=v)
    xp.add(v, s, out=v)
    _scaled_step(xp, w, m, v, s, step, eps)


@_define(("m", "v"), _adam_scalars, True, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01)
def _adamw(xp: XP, w: Array, g: Array, slots: Any, s: Array, *, shrink: Any, **rest: Any) -> None:
    xp.multiply(w, shrink, out=w)
    _adam(xp, w, g, slots, s, **rest)


def complete(name: str, given: Hyper) -> dict[str, float]:
    """Return an optimizer's hyperparameters with defaults filled in, ``lr`` left out.

    Raises
    ------
    ValueError
        If the optimizer or a hyperparameter is unknown.
    """
    if name not in DEFINITIONS:
        raise ValueError(f"optimizer {name!r}, expected one of {', '.join(DEFINITIONS)}")
    known = dict(DEFINITIONS[name].hyper)
    unknown = sorted(given.keys() - known.keys() - {"lr"})
    if unknown:
        raise ValueError(f"optimizer {name}: unknown {unknown}, expected {['lr', *known]}")
    return {**known, **{k: float(v) for k, v in given.items() if k != "lr"}}


class Optimizer:
    """An optimizer with its hyperparameters.

    ``init`` and ``update`` are for loops that keep parameters and state themselves;
    `apply_gradients` updates variables and keeps the state here.

    Examples
    --------
    >>> from bakeoff_reference import variable
    >>> w = variable([1.0])
    >>> sgd(0.5).apply_gradients([([1.0], w)])
    >>> w
    Tensor([0.5], dtype=float32)
    """

    def __init__(self, name: str, lr: float, xp: XP = NUMPY, **hyper: float) -> None:
        self.definition = DEFINITIONS.get(name)
        self.hyper = complete(name, hyper)
        assert self.definition is not None  # `complete` has refused unknown names
        self.name, self.lr, self.xp = name, float(lr), xp
        self.t = 0
        self._state: State | None = None

    def init(self, params: Sequence[Any]) -> State:
        """Return the state before the first step: the slots, then scratch, per parameter."""
        assert self.definition is not None
        count = len(self.definition.slots) + 1
        # moments of gradients of 16 bits underflow: 1e-4 squared is below its smallest number
        return [
            [self.xp.zeros(a.shape, "float32" if is_half(a.dtype) else a.dtype)
             for _ in range(count)]
            for a in map(_array, params)
        ]  # fmt: skip

    def update(
        self, params: Sequence[Any], grads: Sequence[Any], state: State, lr: float, t: int
    ) -> tuple[Sequence[Any], State]:
        """Do step ``t`` = 1, 2, ... in place; return the same params and state.

        ``params`` and ``grads`` are tensors or arrays; gradients are left as they are.
        """
        assert self.definition is not None
        xp, step = self.xp, self.definition.step
        scalars = self.definition.scalars(self.hyper, lr, t)
        for param, grad, (*slots, scratch) in zip(params, grads, state, strict=True):
            w, g = _array(param), _array(grad)
            if is_half(w.dtype):
                wide = xp.astype(w, "float32")
                step(xp, wide, xp.astype(g, "float32"), slots, scratch, **scalars)
                xp.copyto(w, wide, casting="same_kind")
            else:
                step(xp, w, g, slots, scratch, **scalars)
        return params, state

    def apply_gradients(self, pairs: Iterable[tuple[Any, Tensor]], lr: float | None = None) -> None:
        """Do one step on variables: pairs of (gradient, variable), the same ones every time.

        Variables get new arrays: a tape recorded before the step still has the old values.
        """
        grads, variables = zip(*pairs, strict=True)
        if self._state is None:
            self._state = self.init(variables)
        self.t += 1
        values = [v.value.copy() for v in variables]
        arrays = [self.xp.asarray(_array(g), w.dtype) for g, w in zip(grads, values, strict=True)]
        self.update(values, arrays, self._state, self.lr if lr is None else lr, self.t)
        for v, value in zip(variables, values, strict=True):
            v.value = value


def _array(x: Any) -> Array:
    return x.value if isinstance(x, Tensor) else x


def sgd(lr: float) -> Optimizer:
    """Stochastic gradient descent: ``w -= lr g``.

    Source: Robbins & Monro, A stochastic approximation method (1951).
    """
    return Optimizer("sgd", lr)


def momentum(lr: float, momentum: float = 0.9) -> Optimizer:
    """Heavy ball: ``v = momentum v + g; w -= lr v``.

    Source: Polyak (1964); Sutskever et al., ICML 2013, in PyTorch's form.
    """
    return Optimizer("momentum", lr, momentum=momentum)


def nesterov(lr: float, momentum: float = 0.9) -> Optimizer:
    """Nesterov's momentum: ``v = momentum v + g; w -= lr (g + momentum v)``.

    Source: Nesterov (1983); Sutskever et al., ICML 2013, in PyTorch's form.
    """
    return Optimizer("nesterov", lr, momentum=momentum)


def adagrad(lr: float, eps: float = 1e-10) -> Optimizer:
    """``s += g^2; w -= lr g / (sqrt(s) + eps)``.

    Source: Duchi, Hazan & Singer, JMLR 12 (2011).
    """
    return Optimizer("adagrad", lr, eps=eps)


def rmsprop(lr: float, decay: float = 0.99, eps: float = 1e-8) -> Optimizer:
    """``s = decay s + (1 - decay) g^2; w -= lr g / (sqrt(s) + eps)``.

    Source: Tieleman & Hinton, Neural networks for machine learning, lecture 6.5 (2012).
    """
    return Optimizer("rmsprop", lr, decay=decay, eps=eps)


def adam(lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam, with m and v the moving averages of g and g^2.

    ``m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
    w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)``.
    Source: Kingma & Ba, ICLR 2015, algorithm 1.
    """
    return Optimizer("adam", lr, beta1=beta1, beta2=beta2, eps=eps)


def adamw(
    lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:  # fmt: skip
    """Adam with decoupled weight decay: first ``w -= lr weight_decay w``, then Adam.

    Source: Loshchilov & Hutter, ICLR 2019, algorithm 2.
    """
    return Optimizer("adamw", lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)

"""Optimizers: one table of definitions, for toolkits whose own do not agree with it.

``g`` is the gradient, ``w`` a parameter, ``t = 1, 2, ...`` the step. `Definition.scalars`
runs on the host in float64; `Definition.update` uses ``+ - * /`` and ``sqrt`` only, so
that it runs eagerly, under a jit's tracing, and in a graph.
"""

import math
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

Tensor = Any
Scalars = Dict[str, Any]  # floats, or traced scalars in a jit
Slots = Tuple[Tensor, ...]


class Definition(NamedTuple):
    """An optimizer.

    ``hyper`` holds the defaults (``lr`` comes from the schedule). ``slots`` names the
    tensors kept per parameter, zero at first. ``scalars(hyper, lr, t)`` gives the
    numbers of step ``t``; ``update(w, g, slots, scalars, sqrt)`` gives ``(w, slots)``.
    """

    name: str
    equation: str
    source: str
    hyper: Dict[str, float]
    slots: Tuple[str, ...]
    scalars: Callable[[Mapping[str, float], float, int], Scalars]
    update: Callable[..., Tuple[Tensor, Slots]]


def _fixed(hyper: Mapping[str, float], lr: float, t: int) -> Scalars:
    return dict(hyper, lr=lr)


def _sgd(w: Tensor, g: Tensor, slots: Slots, k: Scalars, sqrt: Any) -> Tuple[Tensor, Slots]:
    return w - k["lr"] * g, ()


def _momentum(w: Tensor, g: Tensor, slots: Slots, k: Scalars, sqrt: Any) -> Tuple[Tensor, Slots]:
    (v,) = slots
    v = k["momentum"] * v + g
    return w - k["lr"] * v, (v,)


def _nesterov(w: Tensor, g: Tensor, slots: Slots, k: Scalars, sqrt: Any) -> Tuple[Tensor, Slots]:
    (v,) = slots
    v = k["momentum"] * v + g
    return w - k["lr"] * (g + k["momentum"] * v), (v,)


def _adagrad(w: Tensor, g: Tensor, slots: Slots, k: Scalars, sqrt: Any) -> Tuple[Tensor, Slots]:
    (s,) = slots
    s = s + g * g
    return w - k["lr"] * (g / (sqrt(s) + k["eps"])), (s,)


def _rmsprop_scalars(hyper: Mapping[str, float], lr: float, t: int) -> Scalars:
    return {"lr": lr, "d": hyper["decay"], "rest": 1.0 - hyper["decay"], "eps": hyper["eps"]}


def _rmsprop(w: Tensor, g: Tensor, slots: Slots, k: Scalars, sqrt: Any) -> Tuple[Tensor, Slots]:
    (s,) = slots
    s = k["d"] * s + k["rest"] * (g * g)
    return w - k["lr"] * (g / (sqrt(s) + k["eps"])), (s,)


def _adam_scalars(hyper: Mapping[str, float], lr: float, t: int) -> Scalars:
    b1, b2 = hyper["beta1"], hyper["beta2"]
    return {
        "b1": b1,
        "rest1": 1.0 - b1,
        "b2": b2,
        "rest2": 1.0 - b2,
        "step": lr / (1.0 - b1**t),
        "root": math.sqrt(1.0 - b2**t),
        "eps": hyper["eps"],
        "shrink": 1.0 - lr * hyper.get("weight_decay", 0.0),
    }


def _adam(w: Tensor, g: Tensor, slots: Slots, k: Scalars, sqrt: Any) -> Tuple[Tensor, Slots]:
    m, v = slots
    m = k["b1"] * m + k["rest1"] * g
    v = k["b2"] * v + k["rest2"] * (g * g)
    # sqrt(v / (1 - b2^t)) = sqrt(v) / root: the corrections stay on the host, in float64
    return w - k["step"] * (m / (sqrt(v) / k["root"] + k["eps"])), (m, v)


def _adamw(w: Tensor, g: Tensor, slots: Slots, k: Scalars, sqrt: Any) -> Tuple[Tensor, Slots]:
    return _adam(k["shrink"] * w, g, slots, k, sqrt)


DEFINITIONS: Dict[str, Definition] = {
    d.name: d
    for d in (
        Definition(
            "sgd",
            "w -= lr g",
            "Robbins & Monro 1951",
            {},
            (),
            _fixed,
            _sgd,
        ),
        Definition(
            "momentum",
            "v = momentum v + g; w -= lr v",
            "Polyak 1964; Sutskever et al. 2013, in PyTorch's form",
            {"momentum": 0.9},
            ("v",),
            _fixed,
            _momentum,
        ),
        Definition(
            "nesterov",
            "v = momentum v + g; w -= lr (g + momentum v)",
            "Nesterov 1983; Sutskever et al. 2013, in PyTorch's form",
            {"momentum": 0.9},
            ("v",),
            _fixed,
            _nesterov,
        ),
        Definition(
            "adagrad",
            "s += g^2; w -= lr g / (sqrt(s) + eps)",
            "Duchi, Hazan & Singer 2011",
            {"eps": 1e-10},
            ("s",),
            _fixed,
            _adagrad,
        ),
        Definition(
            "rmsprop",
            "s = decay s + (1 - decay) g^2; w -= lr g / (sqrt(s) + eps)",
            "Tieleman & Hinton 2012, lecture 6.5; eps outside the root",
            {"decay": 0.99, "eps": 1e-8},
            ("s",),
            _rmsprop_scalars,
            _rmsprop,
        ),
        Definition(
            "adam",
            "m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; "
            "w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)",
            "Kingma & Ba 2015, algorithm 1",
            {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
            ("m", "v"),
            _adam_scalars,
            _adam,
        ),
        Definition(
            "adamw",
            "w -= lr weight_decay w; then adam",
            "Loshchilov & Hutter 2019, algorithm 2",
            {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
            ("m", "v"),
            _adam_scalars,
            _adamw,
        ),
    )
}


def hyperparameters(name: str, given: Mapping[str, float]) -> Dict[str, float]:
    """Return an optimizer's hyperparameters, defaults filled in, without ``lr``.

    Raises
    ------
    ValueError
        If the optimizer or a hyperparameter is unknown.
    """
    if name not in DEFINITIONS:
        raise ValueError("optimizer %r, expected one of %s" % (name, ", ".join(DEFINITIONS)))
    hyper = dict(DEFINITIONS[name].hyper)
    unknown = sorted(set(given) - set(hyper) - {"lr"})
    if unknown:
        raise ValueError(
            "optimizer %s: unknown %s; expected %s" % (name, unknown, [*sorted(hyper), "lr"])
        )
    hyper.update((k, float(v)) for k, v in given.items() if k != "lr")
    return hyper


class Composed(object):
    """An optimizer made of a definition and a toolkit's ``+ - * /``, ``sqrt``, ``zeros_like``."""

    def __init__(
        self,
        name: str,
        hyper: Mapping[str, float],
        sqrt: Callable[[Tensor], Tensor],
        zeros_like: Callable[[Tensor], Tensor],
    ) -> None:
        self.definition = DEFINITIONS[name]
        self.hyper = hyperparameters(name, hyper)
        self._sqrt = sqrt
        self._zeros_like = zeros_like

    def init(self, params: Sequence[Tensor]) -> List[Slots]:
        """Return the slots of every parameter: zeros."""
        count = len(self.definition.slots)
        return [tuple(self._zeros_like(p) for _ in range(count)) for p in params]

    def update(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        state: Sequence[Slots],
        lr: float,
        t: int,
    ) -> Tuple[List[Tensor], List[Slots]]:
        """Return new parameters and slots after step ``t`` = 1, 2, ..."""
        scalars = self.definition.scalars(self.hyper, lr, t)
        update, sqrt = self.definition.update, self._sqrt
        new = [update(w, g, s, scalars, sqrt) for w, g, s in zip(params, grads, state)]
        return [w for w, _ in new], [s for _, s in new]

"""bakeoff's own tensor and autodiff engine: the oracle, and a competitor.

Eager: ``c = a * b; c.backward(); a.grad``, or `value_and_grad` of a function. Graph:
`placeholder`, `Variable`, `Session`. Every op of the catalogue is in `ops`.
"""

from typing import Any

from bakeoff_reference import initializers, ops, optimizers, schedules
from bakeoff_reference.engine import DEFAULT, Engine
from bakeoff_reference.errors import OpError
from bakeoff_reference.graph import Operator, Session, Variable
from bakeoff_reference.graph import Placeholder as placeholder
from bakeoff_reference.tensor import Tensor

value_and_grad = DEFAULT.value_and_grad
grad = DEFAULT.grad
vjp = DEFAULT.vjp


def constant(value: Any, dtype: Any = None) -> Tensor:
    """Return a tensor that gradients do not reach; Python floats become float32."""
    return Tensor(value, dtype)


def variable(value: Any, dtype: Any = None) -> Tensor:
    """Return a tensor that `Tensor.backward` finds the gradient of."""
    return Tensor(value, dtype, requires_grad=True)


__all__ = [
    "Engine",
    "OpError",
    "Operator",
    "Session",
    "Tensor",
    "Variable",
    "constant",
    "grad",
    "initializers",
    "ops",
    "optimizers",
    "placeholder",
    "schedules",
    "value_and_grad",
    "variable",
    "vjp",
]

"""The ops: forward rule and vector-Jacobian products side by side, one family per module.

Importing this package fills `bakeoff_reference.primitive.PRIMITIVES`.
"""

from bakeoff_reference.operators import (
    activation,
    comparison,
    convolution,
    creation,
    elementwise,
    loss,
    matmul,
    movement,
    pooling,
    reduction,
)

__all__ = [
    "activation",
    "comparison",
    "convolution",
    "creation",
    "elementwise",
    "loss",
    "matmul",
    "movement",
    "pooling",
    "reduction",
]

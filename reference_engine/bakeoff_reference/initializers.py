"""Initial weights. Every draw comes from a generator that the caller holds.

>>> rng = generator(0)
>>> glorot_uniform(rng, (784, 128)).shape
(784, 128)
"""

from math import prod, sqrt

import numpy

from bakeoff_reference.engine import DEFAULT
from bakeoff_reference.tensor import Tensor

Generator = numpy.random.Generator
Shape = tuple[int, ...]


def generator(seed: int) -> Generator:
    """Return a random generator; there is no hidden global one."""
    return numpy.random.default_rng(seed)


def fans(shape: Shape) -> tuple[int, int]:
    """Return fan-in and fan-out of a weight.

    Matrices are (in, out), as in ``x @ w``; filters are (out, in, *kernel).
    """
    if len(shape) < 2:
        raise ValueError(f"fans: shape {shape}, expected (in, out) or (out, in, *kernel)")
    if len(shape) == 2:
        return shape[0], shape[1]
    field = prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _tensor(
    array: "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float64]]", dtype: str
) -> Tensor:
    return DEFAULT.Tensor(array, dtype, requires_grad=True)


def zeros(shape: Shape, dtype: str = "float32") -> Tensor:
    """Return a variable of zeros: for biases."""
    return _tensor(numpy.zeros(shape), dtype)


def normal(rng: Generator, shape: Shape, scale: float = 1.0, dtype: str = "float32") -> Tensor:
    """Return a variable drawn from N(0, scale^2)."""
    return _tensor(rng.normal(0.0, scale, shape), dtype)


def glorot_uniform(rng: Generator, shape: Shape, dtype: str = "float32") -> Tensor:
    """Return a variable drawn from U(-a, a) with a = sqrt(6 / (fan_in + fan_out)).

    Source: Glorot & Bengio, AISTATS 2010, equation 16.
    """
    limit = sqrt(6 / sum(fans(shape)))
    return _tensor(rng.uniform(-limit, limit, shape), dtype)


def glorot_normal(rng: Generator, shape: Shape, dtype: str = "float32") -> Tensor:
    """Return a variable drawn from N(0, 2 / (fan_in + fan_out)).

    Source: Glorot & Bengio, AISTATS 2010, equation 12.
    """
    return normal(rng, shape, sqrt(2 / sum(fans(shape))), dtype)


def he(rng: Generator, shape: Shape, dtype: str = "float32") -> Tensor:
    """Return a variable drawn from N(0, 2 / fan_in): for layers followed by relu.

    Source: He, Zhang, Ren & Sun, ICCV 2015, equation 10.
    """
    return normal(rng, shape, sqrt(2 / fans(shape)[0]), dtype)

"""Figures of the engine by itself: memory and accuracy of its convolutions."""

import tracemalloc
from typing import Any

import numpy as np

from bakeoff_conv import LAYERS, Layer, convolution
from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.engine import DEFAULT, Engine

Array = Any


def workspace(layer: str) -> float:
    """Return the most memory that forward and both gradients hold, over the input's size.

    The output and the gradients are in it; the input, the filter and the cotangent are not.
    """
    from bakeoff_reference.conv.settings import ConvSettings

    engine = Engine(NUMPY, conv=ConvSettings(memory=True))
    arrays = drawn(LAYERS[layer])
    tracemalloc.start()
    try:
        passes(engine, LAYERS[layer], *arrays)
        return tracemalloc.get_traced_memory()[1] / float(arrays[0].nbytes)
    finally:
        tracemalloc.stop()


def accuracy(layer: str) -> float:
    """Return the largest error of float32 over the largest result, of the worst of three passes."""
    arrays = drawn(LAYERS[layer])
    single = passes(DEFAULT, LAYERS[layer], *arrays)
    double = passes(DEFAULT, LAYERS[layer], *(a.astype("f8") for a in arrays))
    return max(
        float(np.max(np.abs(s - d)) / np.max(np.abs(d)))
        for s, d in zip(single, double, strict=True)
    )


def drawn(layer: Layer) -> tuple[Array, Array, Array]:
    """Return input, filter and cotangent: normal, the filter as He et al. draw it."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(layer.x), rng.standard_normal(layer.weight)
    w *= (2 / np.prod(layer.weight[1:])) ** 0.5
    x, w = x.astype("f4"), w.astype("f4")
    y = convolution(layer)(DEFAULT_OPS, DEFAULT.wrap(x), DEFAULT.wrap(w))
    return x, w, rng.standard_normal(y.shape).astype("f4")


def passes(engine: Engine, layer: Layer, x: Array, w: Array, g: Array) -> list[Array]:
    """Return the output, and the gradients of input and filter."""
    ops = Namespace(engine)
    inputs = engine.wrap(x), engine.wrap(w)
    y, pull = engine.vjp(lambda a, b: convolution(layer)(ops, a, b), *inputs)
    return [y.value, *(t.value for t in pull(engine.wrap(g)))]


class Namespace:
    """An engine's ops as attributes, as workloads ask for them."""

    def __init__(self, engine: Engine) -> None:
        self.__dict__.update(engine.ops)


DEFAULT_OPS = Namespace(DEFAULT)
FIGURES = {"workspace": workspace, "accuracy": accuracy}

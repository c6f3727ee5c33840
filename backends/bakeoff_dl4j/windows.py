"""Convolutions and pools in SameDiff's operations.

Source: https://deeplearning4j.konduit.ai
"""

from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.shapes import transposed_sizes, window_sizes

from .operators import Graph, Symbol, permuted

Op = Callable[..., Symbol]
Pairs = Sequence[Tuple[int, int]]


def windows(graph: Graph) -> Dict[str, Op]:
    """Return the ops by their catalogue names."""
    sd = graph.sd

    def even(padding: Pairs) -> List[int]:
        if any(lo != hi for lo, hi in padding):
            raise Unsupported("ND4J pads both ends alike")
        return [lo for lo, _ in padding]

    def conv(
        n: int, x: Symbol, weight: Symbol, stride: Any, padding: Pairs, dilation: Any, groups: int
    ) -> Symbol:
        if groups > 1:
            raise Unsupported("ND4J's convolutions have no groups")
        if any(d > 1 for d in dilation):
            raise Unsupported("ND4J's dilated convolution fails in its native code (1.0.0-beta3)")
        pad, kernel = even(padding), weight.shape[2:]
        sizes = window_sizes(x.shape[2:], kernel, stride, padding, dilation)
        shape = (x.shape[0], weight.shape[0]) + sizes
        axes = list(range(2, n + 2)) + [1, 0]
        w = permuted(graph, weight, axes)  # (O, I, ...) --> (..., I, O)
        spans = list(zip({1: "W", 2: "HW", 3: "DHW"}[n], kernel, stride, pad))
        values = {k + a: v for a, *three in spans for k, v in zip("ksp", three)}
        if n == 3:
            values.update(dD=1, dH=1, dW=1, biasUsed=False, dataFormat="NCDHW", isSameMode=False)
            config = graph.config("Conv3DConfig", **values)
            return Symbol(sd.conv3d(x.variable, w.variable, config), shape)
        values.update(dH=1, dW=1, dataFormat="NCHW", isSameMode=False)
        if n == 1:  # as of height 1: conv1d has no gradient
            values.update(kH=1, sH=1, pH=0)
            rows = sd.reshape(x.variable, graph.ints(x.shape[:2] + (1,) + x.shape[2:]))
            w_rows = sd.reshape(w.variable, graph.ints((1,) + w.shape))
            result = sd.conv2d(rows, w_rows, graph.config("Conv2DConfig", **values))
            return graph.shaped(result, (), shape)
        config = graph.config("Conv2DConfig", **values)
        return Symbol(sd.conv2d(x.variable, w.variable, config), shape)

    def conv_transpose(
        x: Symbol, weight: Symbol, stride: Any, padding: Pairs, output_padding: Any, dilation: Any,
        groups: int,
    ) -> Symbol:  # fmt: skip
        if groups > 1 or any(output_padding) or any(d > 1 for d in dilation):
            raise Unsupported("ND4J's deconv2d has no groups and no output padding")
        pad, kernel = even(padding), weight.shape[2:]
        sizes = transposed_sizes(x.shape[2:], kernel, stride, padding, output_padding, dilation)
        shape = (x.shape[0], weight.shape[1]) + sizes
        if len(stride) == 1:  # as of height 1
            kernel, stride, pad = (1,) + kernel, (1,) + tuple(stride), [0, *pad]
        raised = graph.ints(x.shape[:2] + (1,) * (4 - len(x.shape)) + x.shape[2:])
        w = graph.shaped(weight.variable, weight.shape, weight.shape[:2] + tuple(kernel))
        config = graph.config(
            "DeConv2DConfig", kH=kernel[0], kW=kernel[1], sH=stride[0], sW=stride[1], pH=pad[0],
            pW=pad[1], dH=1, dW=1, dataFormat="NCHW", isSameMode=False,
        )  # fmt: skip
        w = permuted(graph, w, (2, 3, 1, 0))  # (I, O, H, W) --> (H, W, O, I)
        result = sd.deconv2d(sd.reshape(x.variable, raised), w.variable, config)
        return graph.shaped(result, (), shape)

    def pool(
        name: str, x: Symbol, kernel_size: Any, stride: Any, padding: Pairs,
        count_include_pad: bool = True,
    ) -> Symbol:  # fmt: skip
        pad = even(padding)
        if any(pad) and name == "avgPooling2d" and count_include_pad:
            raise Unsupported("ND4J's mean over a window leaves its padding out")
        sizes = window_sizes(x.shape[2:], kernel_size, stride, padding, (1, 1))
        config = graph.config(
            "Pooling2DConfig", kH=kernel_size[0], kW=kernel_size[1], sH=stride[0], sW=stride[1],
            pH=pad[0], pW=pad[1], isNHWC=False, isSameMode=False,
        )  # fmt: skip
        return Symbol(getattr(sd, name)(x.variable, config), x.shape[:2] + sizes)

    return {
        **{"conv%dd" % n: partial(conv, n) for n in (1, 2, 3)},
        "conv_transpose1d": conv_transpose,
        "conv_transpose2d": conv_transpose,
        "max_pool2d": partial(pool, "maxPooling2d"),
        "avg_pool2d": partial(pool, "avgPooling2d"),
    }

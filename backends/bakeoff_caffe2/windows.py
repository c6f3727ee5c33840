"""Convolutions and pools in Caffe2's operators.

Source: https://caffe2.ai/docs/operators-catalogue.html
"""

from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.shapes import transposed_sizes, window_sizes

from .blobs import Net, Symbol
from .operators import reshaped

Op = Callable[..., Symbol]
Pairs = Sequence[Tuple[int, int]]


def _pads(padding: Pairs) -> List[int]:
    """All beginnings, then all ends."""
    return [lo for lo, _ in padding] + [hi for _, hi in padding]


def windows(net: Net) -> Dict[str, Op]:
    """Return the ops by their catalogue names."""

    def conv(
        x: Symbol, weight: Symbol, stride: Any, padding: Pairs, dilation: Any, groups: int
    ) -> Symbol:
        kernel = weight.shape[2:]
        sizes = window_sizes(x.shape[2:], kernel, stride, padding, dilation)
        return net.add(
            "Conv", [x, weight], (x.shape[0], weight.shape[0]) + sizes, order="NCHW", no_bias=1,
            kernels=list(kernel), strides=list(stride), dilations=list(dilation),
            pads=_pads(padding), group=groups,
        )  # fmt: skip

    def conv_transpose(
        x: Symbol, weight: Symbol, stride: Any, padding: Pairs, output_padding: Any, dilation: Any,
        groups: int,
    ) -> Symbol:  # fmt: skip
        if any(d > 1 for d in dilation):
            raise Unsupported("Caffe2's ConvTranspose has no dilation")
        if len(x.shape) == 3:  # as of height 1
            x, weight = (reshaped(net, v, v.shape[:2] + (1,) + v.shape[2:]) for v in (x, weight))
            result = conv_transpose(
                x, weight, (1,) + tuple(stride), ((0, 0),) + tuple(padding),
                (0,) + tuple(output_padding), (1, 1), groups,
            )  # fmt: skip
            return reshaped(net, result, result.shape[:2] + result.shape[3:])
        kernel = weight.shape[2:]
        sizes = transposed_sizes(x.shape[2:], kernel, stride, padding, output_padding, (1, 1))
        return net.add(
            "ConvTranspose", [x, weight], (x.shape[0], weight.shape[1] * groups) + sizes,
            order="NCHW", no_bias=1, kernels=list(kernel), strides=list(stride),
            adjs=list(output_padding), pads=_pads(padding), group=groups,
        )  # fmt: skip

    def pool(operator: str, x: Symbol, kernel_size: Any, stride: Any, padding: Pairs,
             **options: Any) -> Symbol:  # fmt: skip
        sizes = window_sizes(x.shape[2:], kernel_size, stride, padding, (1, 1))
        return net.add(
            operator, [x], x.shape[:2] + sizes, order="NCHW", kernels=list(kernel_size),
            strides=list(stride), pads=_pads(padding),
            **options
        )  # fmt: skip

    return {
        "conv1d": conv,
        "conv2d": conv,
        "conv3d": conv,
        "conv_transpose1d": conv_transpose,
        "conv_transpose2d": conv_transpose,
        "max_pool2d": partial(pool, "MaxPool"),
        "avg_pool2d": partial(pool, "AveragePool"),
    }

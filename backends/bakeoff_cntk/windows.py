"""Convolutions and pools in CNTK's functions, which slide over samples: they need the batch axis.

Source: https://learn.microsoft.com/python/api/cntk/cntk.ops
"""

from typing import Any, Callable, Dict, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.shapes import transposed_sizes, window_sizes

from .operators import Symbol, movement

Op = Callable[..., Symbol]
Pairs = Sequence[Tuple[int, int]]


def windows(C: Any) -> Dict[str, Op]:
    """Return the ops by their catalogue names."""
    pad = movement(C)["pad"]

    def sliding(x: Symbol, fn: Callable[[Any], Any], channels: int, sizes: Sequence[int]) -> Symbol:
        """Return ``fn`` of the samples of ``x``."""
        shape = (x.shape[0], channels) + tuple(sizes)
        if x.batched:
            return Symbol(fn(x.variable), shape, x.dtype, True)
        return Symbol(C.unpack_batch(fn(C.to_batch(x.variable))), shape, x.dtype)

    def padded(x: Symbol, padding: Pairs, value: float = 0.0) -> Symbol:
        return pad(x, ((0, 0), (0, 0)) + tuple(padding), value) if any(map(any, padding)) else x

    def conv(
        x: Symbol, weight: Symbol, stride: Any, padding: Pairs, dilation: Any, groups: int
    ) -> Symbol:
        if any(d > 1 for d in dilation):
            raise Unsupported("CNTK: dilated convolution on CPU is not yet implemented")
        if groups > 1 and len(stride) == 3:
            raise Unsupported("CNTK: groups in three dimensions are not supported on the CPU")
        kernel = weight.shape[2:]
        reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
        same = [
            s == 1 and (lo, hi) == (r // 2, r - r // 2) and r % 2 == 0 and r > 0
            for s, r, (lo, hi) in zip(stride, reach, padding)
        ]
        x = padded(x, [(0, 0) if auto else p for auto, p in zip(same, padding)])
        sizes = [
            n if auto else (n - r - 1) // s + 1
            for auto, n, r, s in zip(same, x.shape[2:], reach, stride)
        ]

        def convolved(sample: Any) -> Any:
            if groups > 1 and len(stride) == 1:  # MKL fails: as of height 1
                raised = (x.shape[1], 1, x.shape[2])
                w = C.reshape(weight.variable, weight.shape[:2] + (1,) + kernel)
                result = C.convolution(
                    w, C.reshape(sample, raised), strides=(1,) + tuple(stride),
                    auto_padding=[False, False] + same, groups=groups,
                )  # fmt: skip
                return C.reshape(result, (weight.shape[0], *sizes))
            return C.convolution(
                weight.variable, sample, strides=tuple(stride), auto_padding=[False] + same,
                groups=groups,
            )  # fmt: skip

        return sliding(x, convolved, weight.shape[0], sizes)

    def conv_transpose(
        x: Symbol, weight: Symbol, stride: Any, padding: Pairs, output_padding: Any, dilation: Any,
        groups: int,
    ) -> Symbol:  # fmt: skip
        if groups > 1:
            raise Unsupported("CNTK's convolution_transpose has no groups")
        if any(output_padding):
            raise Unsupported("CNTK's convolution_transpose has no output padding")
        kernel = weight.shape[2:]
        whole = transposed_sizes(
            x.shape[2:], kernel, stride, ((0, 0),) * len(kernel), output_padding, dilation
        )

        def convolved(sample: Any) -> Any:
            result = C.convolution_transpose(
                weight.variable, sample, strides=tuple(stride), dilation=tuple(dilation),
                auto_padding=[False] * (len(kernel) + 1),
            )  # fmt: skip
            cut = [i for i, p in enumerate(padding) if any(p)]
            if not cut:
                return result
            begin, end = [padding[i][0] for i in cut], [whole[i] - padding[i][1] for i in cut]
            return C.slice(result, [i + 1 for i in cut], begin, end)

        sizes = [n - lo - hi for n, (lo, hi) in zip(whole, padding)]
        return sliding(x, convolved, weight.shape[1], sizes)

    def pooled(kind: Any, x: Symbol, kernel: Any, stride: Any) -> Symbol:
        sizes = window_sizes(x.shape[2:], kernel, stride, ((0, 0),) * 2, (1, 1))

        def pool(sample: Any) -> Any:
            return C.pooling(sample, kind, tuple(kernel), tuple(stride), auto_padding=[False])

        return sliding(x, pool, x.shape[1], sizes)

    def max_pool2d(x: Symbol, kernel_size: Any, stride: Any, padding: Pairs) -> Symbol:
        lowest = -3e38  # C.pad takes no infinity
        return pooled(C.MAX_POOLING, padded(x, padding, lowest), kernel_size, stride)

    def avg_pool2d(
        x: Symbol, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Symbol:
        means = pooled(C.AVG_POOLING, padded(x, padding), kernel_size, stride)
        if count_include_pad or not any(map(any, padding)):
            return means
        raise Unsupported("CNTK pools explicit padding with the rest: it does not leave it out")

    table: Dict[str, Op] = {"max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv
        table["conv_transpose%dd" % n] = conv_transpose
    return table

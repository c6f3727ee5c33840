"""Shapes of results, for toolkits whose graphs do not know them by themselves.

Programs state every shape; these are for what an adapter puts between two of its values.
"""

from typing import Container, Sequence, Tuple

Shape = Tuple[int, ...]
Pairs = Sequence[Tuple[int, int]]


def size(shape: Sequence[int]) -> int:
    """Return the number of elements."""
    product = 1
    for n in shape:
        product *= n
    return product


def broadcast(a: Sequence[int], b: Sequence[int]) -> Shape:
    """Return the shape that two shapes have together."""
    n = max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + tuple(a), (1,) * (n - len(b)) + tuple(b)
    return tuple(y if x == 1 else x for x, y in zip(a, b))


def reduced(shape: Sequence[int], axes: Container[int], keepdims: bool) -> Shape:
    """Return the shape after a reduction."""
    sizes = [1 if i in axes else n for i, n in enumerate(shape)]
    return tuple(n for i, n in enumerate(sizes) if keepdims or i not in axes)


def concatenated(shapes: Sequence[Sequence[int]], axis: int) -> Shape:
    """Return the shape of arrays laid end to end."""
    result = list(shapes[0])
    result[axis] = sum(shape[axis] for shape in shapes)
    return tuple(result)


def window_sizes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> Shape:
    """Return the spatial sizes after a convolution or a pool."""
    return tuple(
        (n + lo + hi - d * (k - 1) - 1) // s + 1
        for n, k, s, (lo, hi), d in zip(sizes, kernel, stride, padding, dilation)
    )


def transposed_sizes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    output_padding: Sequence[int],
    dilation: Sequence[int],
) -> Shape:
    """Return the spatial sizes after a transposed convolution."""
    return tuple(
        (n - 1) * s + d * (k - 1) + 1 + e - lo - hi
        for n, k, s, (lo, hi), e, d in zip(sizes, kernel, stride, padding, output_padding, dilation)
    )


def symmetric(padding: Pairs) -> bool:
    """Return whether both ends are padded alike."""
    return all(lo == hi for lo, hi in padding)


def last_first(pairs: Pairs) -> Shape:
    """Return what PyTorch's ``pad`` wants: (lo, hi) of the last dimension, then the one before."""
    return tuple(n for pair in reversed(list(pairs)) for n in pair)

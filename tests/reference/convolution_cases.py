"""Shapes and attributes of convolutions that have a result, for property tests."""

from typing import Any

from hypothesis import strategies as st


@st.composite
def geometries(draw: Any, transposed: bool = False) -> dict[str, Any]:
    """Shapes and attributes of a convolution that has a result."""
    dims = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(dims))

    kernel, stride, dilation = each(1, 3), each(1, 3), each(1, 2)
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(dims))
    groups, depth, filters = (draw(st.integers(1, n)) for n in (3, 2, 2))
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    n = draw(st.integers(1, 2))
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if transposed:
        extra = tuple(
            draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
        )
        space = tuple(
            draw(st.integers(1, 3)) + -(-max(0, sum(p) - e + 1) // s)
            for p, e, s in zip(padding, extent, stride, strict=True)
        )
        x, w = (n, depth * groups, *space), (depth * groups, filters, *kernel)
        attrs["output_padding"] = extra
    else:
        space = tuple(
            max(1, e - sum(p)) + draw(st.integers(0, 3))
            for e, p in zip(extent, padding, strict=True)
        )
        x, w = (n, depth * groups, *space), (filters * groups, depth, *kernel)
    return {"dims": dims, "x": x, "w": w, "attrs": attrs}

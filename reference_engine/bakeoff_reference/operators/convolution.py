"""Convolutions (cross-correlations) in 1, 2 and 3 dimensions, and their transposes.

x (N, C, *space), weight (O, C/groups, *kernel) -> (N, O, *out). A transposed convolution is the
gradient of a convolution with respect to its input, so the same three functions, forward,
``input_grad`` and ``filter_grad``, serve both ops and all their gradients.
"""

from typing import Any

from bakeoff_reference.arguments import Pairs, Shape, pairs_of, per_dim, window_extent
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv import passes
from bakeoff_reference.conv.geometry import Geometry, transposed_extent
from bakeoff_reference.errors import refuse
from bakeoff_reference.primitive import Primitive, primitive


def _prepare(op: str, dims: int, transposed: bool) -> Any:
    layout = "(C, O / groups, ...), C" if transposed else "(O, C / groups, ...), O"

    def prepare(x: Array, weight: Array, **attrs: Any) -> dict[str, Any]:
        groups = int(attrs["groups"])
        fits = x.ndim == weight.ndim == dims + 2 and groups >= 1
        if fits:
            channels = weight.shape[0] if transposed else weight.shape[1] * groups
            fits = x.shape[1] == channels and weight.shape[0] % groups == 0
        if not fits:
            refuse(
                op,
                f"x {x.shape} and weight {weight.shape} with groups {groups}: expected "
                f"x (N, C, ...) of {dims + 2} dimensions and weight {layout} divisible by groups",
            )
        space, kernel = x.shape[2:], weight.shape[2:]
        found: dict[str, Any] = {
            "stride": per_dim(op, "stride", attrs["stride"], dims),
            "padding": pairs_of(op, "padding", attrs["padding"], dims),
            "dilation": per_dim(op, "dilation", attrs["dilation"], dims),
        }
        if transposed:
            extra = per_dim(op, "output_padding", attrs["output_padding"], dims, least=0)
            found["output_padding"] = extra
            limits = map(max, found["stride"], found["dilation"])
            if any(e >= limit for e, limit in zip(extra, limits, strict=True)):
                refuse(op, f"output_padding {extra}, expected less than stride or dilation")
            if min(transposed_extent(space, kernel, **found)) < 1:
                refuse(op, f"padding {found['padding']} leaves nothing; lower padding")
        else:
            window_extent(op, space, kernel, **found)
        return {**found, "groups": groups}

    return prepare


def _geometry(
    x: Array, weight: Array, stride: Shape, padding: Pairs, dilation: Shape, groups: int
) -> Geometry:
    kernel = weight.shape[2:]
    out = window_extent("conv", x.shape[2:], kernel, stride, padding, dilation)
    return Geometry(kernel, out, stride, padding, dilation, groups)


def _conv(xp: XP, x: Array, weight: Array, /, **attrs: Any) -> Any:
    return passes.forward(xp, x, weight, _geometry(x, weight, **attrs))


def _conv_grad_x(xp: XP, g: Array, cols: Array, x: Array, weight: Array, **attrs: Any) -> Array:
    return passes.input_grad(xp, g, weight, x.shape, _geometry(x, weight, **attrs))


def _conv_grad_weight(
    xp: XP, g: Array, cols: Array, x: Array, weight: Array, **attrs: Any
) -> Array:
    return passes.filter_grad(xp, g, x, weight.shape, _geometry(x, weight, **attrs), cols)


def _of_transpose(
    x: Array, weight: Array, stride: Shape, padding: Pairs, output_padding: Shape,
    dilation: Shape, groups: int,
) -> tuple[Geometry, Shape]:  # fmt: skip
    """The convolution whose input gradient a transposed convolution is, and its input's shape."""
    kernel, space = weight.shape[2:], x.shape[2:]
    extent = transposed_extent(space, kernel, stride, padding, output_padding, dilation)
    geo = Geometry(kernel, space, stride, padding, dilation, groups)
    return geo, (x.shape[0], weight.shape[1] * groups, *extent)


def _transpose(xp: XP, x: Array, weight: Array, /, **attrs: Any) -> Array:
    geo, shape = _of_transpose(x, weight, **attrs)
    return passes.input_grad(xp, x, weight, shape, geo)


def _transpose_grad_x(xp: XP, g: Array, y: Array, x: Array, weight: Array, **attrs: Any) -> Array:
    geo, _ = _of_transpose(x, weight, **attrs)
    return passes.forward(xp, g, weight, geo)[0]


def _transpose_grad_weight(
    xp: XP, g: Array, y: Array, x: Array, weight: Array, **attrs: Any
) -> Array:
    geo, _ = _of_transpose(x, weight, **attrs)
    return passes.filter_grad(xp, x, g, weight.shape, geo)


def _define(dims: int) -> tuple[Primitive, Primitive]:
    def conv(
        xp: XP, x: Array, weight: Array, /, *,
        stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        return _conv(
            xp, x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups
        )

    def transpose(
        xp: XP, x: Array, weight: Array, /, *, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, dilation: Any = 1, groups: int = 1,
    ) -> Array:  # fmt: skip
        return _transpose(
            xp, x, weight, stride=stride, padding=padding, output_padding=output_padding,
            dilation=dilation, groups=groups,
        )  # fmt: skip

    conv.__name__, transpose.__name__ = f"conv{dims}d", f"conv_transpose{dims}d"
    conv.__doc__ = f"""Return the {dims}-D cross-correlation of x (N, C, ...) with a filter.

    weight (O, C / groups, *kernel); stride and dilation an int or one per dimension; padding an
    int or a (before, after) pair per dimension. Result (N, O, *out) with
    out = (n + before + after - dilation (k - 1) - 1) // stride + 1.
    """
    transpose.__doc__ = f"""Return the transpose of `conv{dims}d`: its gradient in x.

    weight (C, O / groups, *kernel). Result (N, O, *out) with
    out = (n - 1) stride - before - after + dilation (k - 1) + 1 + output_padding.
    Source: Dumoulin & Visin, A guide to convolution arithmetic (2016), chapter 4.
    """
    # float16 is the passes' business: an array module may add it up in float32 as it is
    forward = primitive(prepare=_prepare(conv.__name__, dims, False), saves=True)(conv)
    backward = primitive(prepare=_prepare(transpose.__name__, dims, True))(transpose)
    forward.defvjp(_conv_grad_x, _conv_grad_weight)
    backward.defvjp(_transpose_grad_x, _transpose_grad_weight)
    return forward, backward


conv1d, conv_transpose1d = _define(1)
conv2d, conv_transpose2d = _define(2)
conv3d, conv_transpose3d = _define(3)

"""A pass of a convolution in cuDNN's words: dims, strides, and what precision allows."""

from typing import Any, Literal, NamedTuple

Pass = Literal["forward", "input_grad", "filter_grad"]
Shape = tuple[int, ...]

DTYPES = ("float32", "float16", "bfloat16")


class Problem(NamedTuple):
    """One pass of a convolution of at least two spatial axes.

    Attributes
    ----------
    which
        The pass.
    dtype, tf32
        Of all three arrays; whether float32 may be rounded to TF32.
    x, weight, y
        The shapes (N, C, *space), (O, C/G, *K), (N, O, *out).
    stride, low, high, dilation
        Per spatial axis; ``low`` and ``high`` are the padding before and after.
    """

    which: Pass
    dtype: str
    tf32: bool
    x: Shape
    weight: Shape
    y: Shape
    stride: Shape
    low: Shape
    high: Shape
    dilation: Shape

    @property
    def tensor_cores(self) -> bool:
        """Whether its products may be those of tensor cores."""
        return self.tf32 or self.dtype != "float32"

    @property
    def shapes(self) -> tuple[Shape, Shape, Shape]:
        """The shapes of both operands and of the result."""
        return {
            "forward": (self.x, self.weight, self.y),
            "input_grad": (self.y, self.weight, self.x),
            "filter_grad": (self.y, self.x, self.weight),
        }[self.which]

    def strides(self, shape: Shape) -> Shape:
        """Return the strides of an array of a shape, in elements.

        Tensor cores take channels last, and cuDNN converts what comes otherwise; all its other
        kernels take channels first, and what comes otherwise is converted for them. Workspace
        shows it: of the suite's layer ``middle`` forward, 131 bytes against 3.3 MB in float16,
        0 against 6.6 MB in float32.
        """
        axes = list(range(len(shape)))
        order = [0, *axes[2:], 1] if self.tensor_cores else axes
        strides, step = [0] * len(shape), 1
        for axis in reversed(order):
            strides[axis] = step
            step *= shape[axis]
        return tuple(strides)

    def check(self) -> str:
        """Return why cuDNN cannot be asked, empty if it can.

        Raises
        ------
        ValueError
            If the shapes do not belong together: cuDNN accepts some of these.
        """
        (n, c, *space), (o, depth, *kernel), (batch, filters, *out) = self.x, self.weight, self.y
        groups = c // depth if depth else 0
        if n != batch or o != filters or groups * depth != c or (groups and o % groups):
            raise ValueError(
                f"cuDNN: x {self.x}, weight {self.weight}, y {self.y}: expected x (N, C, ...), "
                "weight (O, C / groups, ...), y (N, O, ...) with O and C divisible by groups"
            )
        if 0 in (*self.x, *self.weight, *self.y):
            return "an array is empty"
        reached = [
            (size + lo + hi - d * (k - 1) - 1) // s + 1
            for size, k, s, lo, hi, d in zip(
                space, kernel, self.stride, self.low, self.high, self.dilation, strict=True
            )
        ]
        if reached != out:  # output_padding beyond the stride: cuDNN has no word for it
            return f"padding and stride give outputs {reached}, asked for are {out}"
        return ""


def problem(
    which: Pass, dtype: str, tf32: bool, a: Shape, b: Shape, shape: Shape, geo: Any
) -> Problem:
    """Return the problem of a pass with operands of shapes ``a`` and ``b``.

    ``shape`` is the result's; ``geo`` a `bakeoff_reference.conv.geometry.Geometry`. An only
    spatial axis gets one of size 1 before it: cuDNN has no convolution in one dimension.
    """
    x, weight, y = {
        "forward": (a, b, shape),
        "input_grad": (shape, b, a),
        "filter_grad": (b, shape, a),
    }[which]
    low, high = zip(*geo.padding, strict=True)
    stride, dilation = geo.stride, geo.dilation
    if len(stride) == 1:
        x, weight, y = ((*s[:2], 1, *s[2:]) for s in (x, weight, y))
        stride, low, high, dilation = (1, *stride), (0, *low), (0, *high), (1, *dilation)
    return Problem(which, dtype, tf32, x, weight, y, stride, low, high, dilation)

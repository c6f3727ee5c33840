"""Convolution by cuDNN, with NumPy in the place of its frontend; im2col is the other opinion."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from bakeoff_cupy.convolution import passes, plans
from bakeoff_cupy.convolution.passes import Convolutions
from bakeoff_cupy.convolution.plans import AVOIDED
from bakeoff_cupy.convolution.problem import Problem, problem
from bakeoff_cupy.graph import Captured
from bakeoff_cupy.namespace import namespace
from bakeoff_reference.conv.geometry import Geometry
from bakeoff_reference.engine import Engine
from gpu import fe, posing

Array = np.ndarray[Any, Any]


class Layer(NamedTuple):
    """A convolution: x and weight as the op takes them."""

    op: str
    x: tuple[int, ...]
    weight: tuple[int, ...]
    attrs: Mapping[str, Any]


LAYERS = {
    "1d": Layer("conv1d", (2, 4, 9), (6, 4, 3), {"padding": ((2, 1),), "stride": 2}),
    "plain": Layer("conv2d", (2, 3, 6, 7), (4, 3, 3, 2), {}),
    "pointwise": Layer("conv2d", (2, 3, 6, 7), (4, 3, 1, 1), {}),
    "uneven padding": Layer("conv2d", (2, 3, 6, 7), (4, 3, 3, 3), {"padding": ((0, 2), (1, 0))}),
    "strided": Layer("conv2d", (2, 3, 8, 7), (4, 3, 3, 3), {"stride": (2, 3), "padding": 1}),
    "dilated": Layer("conv2d", (2, 3, 9, 8), (4, 3, 3, 3), {"dilation": (2, 3), "padding": 2}),
    "grouped": Layer("conv2d", (2, 6, 6, 5), (4, 3, 3, 3), {"groups": 2, "padding": 1}),
    "depthwise": Layer("conv2d", (2, 3, 6, 5), (6, 1, 3, 3), {"groups": 3}),
    "3d": Layer("conv3d", (2, 2, 5, 4, 6), (3, 2, 3, 2, 3), {"padding": 1, "stride": (1, 2, 1)}),
    "transposed 1d": Layer("conv_transpose1d", (2, 4, 5), (4, 3, 4), {"stride": 2, "padding": 1}),
    "transposed 2d": Layer(
        "conv_transpose2d", (2, 4, 5, 3), (4, 3, 4, 3),
        {"stride": (2, 3), "padding": 1, "output_padding": (1, 2), "groups": 2},
    ),
    "transposed 3d": Layer("conv_transpose3d", (2, 2, 3, 2, 3), (2, 3, 2, 2, 2), {"stride": 2}),
}  # fmt: skip
PRECISIONS = {  # dtype, TF32, and how far sums in another order may stray
    "float32": ("float32", False, 1e-5),
    "tf32": ("float32", True, 1e-5),
    "float16": ("float16", False, 2e-2),
    "bfloat16": ("bfloat16", False, 1e-1),
}


class Posed:
    """An engine over NumPy in CuPy's place that convolves by a frontend in NumPy."""

    def __init__(self, folder: Path, tf32: bool = False, **frontend: Any) -> None:
        self.cp = posing.cupy(folder)
        self.frontend = fe.Frontend(posing.queued, self._stream, posing.EXTENTS, **frontend)
        self.convolutions = Convolutions(
            self.frontend, self.cp.empty, self.cp.ascontiguousarray, self._stream, tf32
        )
        self.plain = Engine(namespace(self.cp))
        xp = namespace(self.cp)
        xp.convolution = self.convolutions
        self.engine = Engine(xp)

    def _stream(self) -> int:
        return int(self.cp.cuda.get_current_stream().ptr)

    def three(self, layer: Layer, dtype: str, engine: Engine | None = None) -> list[Array]:
        """Return output and both gradients."""
        engine = engine or self.engine
        rng = np.random.default_rng(0)
        x, weight = (self._held(rng.standard_normal(s), dtype) for s in (layer.x, layer.weight))
        op = engine.ops[layer.op]
        out, pull = engine.vjp(lambda a, b: op(a, b, **layer.attrs), x, weight)
        drawn = self._held(rng.standard_normal(out.value.shape), dtype)
        return [self.cp.asnumpy(t.value) for t in (out, *pull(drawn))]

    def _held(self, values: Array, dtype: str) -> Any:
        return self.cp.asarray(values.astype(dtype))


@pytest.fixture
def posed(tmp_path: Path) -> Posed:
    return Posed(tmp_path)


def differs(posed: Posed, layer: Layer, dtype: str, within: float) -> str:
    """Return which of output and gradients is not im2col's, empty if none."""
    found, expected = posed.three(layer, dtype), posed.three(layer, dtype, posed.plain)
    for name, a, b in zip(("output", "gradient of x", "of weight"), found, expected, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{name}: {a.dtype} {a.shape}, expected {b.dtype} {b.shape}"
        if not np.allclose(a, b, rtol=within, atol=within * float(abs(b).max())):
            return f"{name}: off by {abs(a - b).max():.2g}"
    return ""


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", LAYERS)
def test_all_three_passes_are_those_of_im2col(name: str, precision: str, tmp_path: Path) -> None:
    dtype, tf32, within = PRECISIONS[precision]
    posed = Posed(tmp_path, tf32)
    assert differs(posed, LAYERS[name], dtype, within) == ""
    figures = posed.convolutions.figures()
    assert (figures["cudnn_passes"], figures["im2col_passes"]) == (3, 0)
    assert figures["cudnn_workspace_bytes"] == 256


# --- mistakes ------------------------------------------------------------------------------------


def _swapped(which: Any) -> Callable[[Any], None]:
    node, first, second = plans.OPERATIONS[which]
    return lambda patch: patch.setitem(plans.OPERATIONS, which, (node, second, first))


def _other(**wrong: Callable[[Problem], Any]) -> Callable[[Any], None]:
    """Plant wrong fields into every problem."""

    def planted(*given: Any) -> Problem:
        right = problem(*given)
        return right._replace(**{name: value(right) for name, value in wrong.items()})

    return lambda patch: patch.setattr(passes, "problem", planted)


def _strides(self: Problem, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Row-major without the first axis's padding: one row too short."""
    return (1, *(int(np.prod(shape[1 + i :])) for i in range(1, len(shape))))


MISTAKES: dict[str, Callable[[Any], None]] = {
    "operands of the input's gradient swapped": _swapped("input_grad"),
    "operands of the filter's gradient swapped": _swapped("filter_grad"),
    "operands of the output swapped": _swapped("forward"),
    "the filter's gradient asked for as the input's": lambda patch: patch.setitem(
        plans.OPERATIONS, "filter_grad", plans.OPERATIONS["input_grad"]
    ),
    "padding before and after exchanged": _other(low=lambda p: p.high, high=lambda p: p.low),
    "padding of one side for both": _other(high=lambda p: p.low),
    "stride and dilation exchanged": _other(stride=lambda p: p.dilation,
                                            dilation=lambda p: p.stride),
    "spatial axes exchanged": _other(stride=lambda p: p.stride[::-1]),
    "strides with a gap": lambda patch: patch.setattr(Problem, "strides", _strides),
    "channels first in memory, told to lie last": lambda patch: patch.setattr(
        passes, "_last", lambda shape: shape
    ),
    "channels last in memory, told to lie first": lambda patch: patch.setattr(
        Problem, "strides", lambda self, shape: tuple(
            int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    ),
    "two operands with one number": lambda patch: patch.setattr(plans, "UIDS", (1, 1, 3)),
    "numbers given in another order": lambda patch: patch.setattr(passes, "UIDS", (2, 1, 3)),
    "no stream": lambda patch: patch.setattr(
        fe.Frontend, "set_stream", lambda self, handle, stream: None
    ),
    "sums in float16": lambda patch: patch.setattr(
        fe.Frontend, "data_type", SimpleNamespace(FLOAT="HALF", HALF="HALF")
    ),
}  # fmt: skip
REVEALING = Layer(
    "conv2d", (2, 3, 8, 9), (4, 3, 3, 3), {"stride": (2, 1), "padding": ((2, 0), (1, 0))}
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_caught(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels last, so that both layouts can be mistaken; the layer has no two sizes alike."""
    MISTAKES[mistake](monkeypatch)
    posed = Posed(tmp_path)
    try:
        right = differs(posed, REVEALING, "float16", 2e-2) == ""
    except (AssertionError, ValueError):
        right = False
    assert not (right and posed.convolutions.figures()["cudnn_passes"] == 3)


def test_what_reveals_mistakes_is_right_without_one(posed: Posed) -> None:
    assert differs(posed, REVEALING, "float16", 2e-2) == ""
    assert posed.convolutions.figures()["cudnn_passes"] == 3


# --- what cuDNN is asked -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "strides"),
    [("float32", [126, 42, 7, 1]), ("tf32", [126, 1, 21, 3]), ("float16", [126, 1, 21, 3])],
)
def test_channels_lie_last_for_tensor_cores(
    precision: str, strides: list[int], tmp_path: Path
) -> None:
    dtype, tf32, _ = PRECISIONS[precision]
    posed = Posed(tmp_path, tf32)
    posed.three(LAYERS["plain"], dtype)
    assert [g.node["x"].stride for g in posed.frontend.built] == [strides] * 3


@pytest.mark.parametrize("precision", PRECISIONS)
def test_tensor_cores_are_for_float32_only_by_tf32(precision: str, tmp_path: Path) -> None:
    dtype, tf32, _ = PRECISIONS[precision]
    posed = Posed(tmp_path, tf32)
    posed.three(LAYERS["plain"], dtype)
    expected = {*AVOIDED} | ({"TENSOR_CORE"} if precision == "float32" else set())
    assert [set(g.notes) for g in posed.frontend.built] == [expected] * 3


def test_a_result_is_not_converted_for_the_next_convolution(posed: Posed) -> None:
    """Of tensor cores: its channels lie last, and the next one takes them so."""
    geo = Geometry((3, 3), (6, 6), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    x, w = (posed.cp.asarray(np.ones(s, "f2")) for s in ((2, 4, 6, 6), (4, 4, 3, 3)))
    y = posed.convolutions("forward", x, w, (2, 4, 6, 6), geo)
    assert y.shape == (2, 4, 6, 6)
    assert posed.convolutions._laid_out(y, True).data.ptr == y.data.ptr


def test_a_plan_is_built_once(posed: Posed) -> None:
    for _ in range(2):
        posed.three(LAYERS["plain"], "float32")
        posed.convolutions.forget()
    assert len(posed.frontend.built) == 3
    assert posed.convolutions.figures() == {}


def test_an_array_that_begins_anywhere_is_moved_to_where_kernels_can_read_it(posed: Posed) -> None:
    memory = posed.cp.asarray(np.arange(64 + 5, dtype="f4"))
    start = next(i for i in range(5) if memory[i:].data.ptr % passes.ALIGNED_BYTES)
    x = memory[start : start + 64].reshape((1, 4, 4, 4))
    geo = Geometry((1, 1), (4, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    eye = posed.cp.asarray(np.eye(4, dtype="f4").reshape(4, 4, 1, 1))
    y = posed.convolutions("forward", x, eye, (1, 4, 4, 4), geo)
    np.testing.assert_array_equal(posed.cp.asnumpy(y), posed.cp.asnumpy(x))


def test_the_stream_is_told_when_it_changes(posed: Posed) -> None:
    told = []
    for ptr in (5, 5, 6):
        with posing.Stream(ptr):
            posed.three(LAYERS["plain"], "float32")
            told.append(posed.frontend.handle_stream)
    assert told == [5, 5, 6]


def test_a_captured_convolution_is_computed_anew_at_each_launch(posed: Posed) -> None:
    layer, cp = LAYERS["strided"], posed.cp
    x, w = (cp.asarray(np.zeros(s, "f2")) for s in (layer.x, layer.weight))
    tensors = [posed.engine.wrap(a) for a in (x, w)]
    captured = Captured(cp, lambda: posed.engine.ops["conv2d"](*tensors, **layer.attrs).value)
    rng = np.random.default_rng(0)
    for _ in range(2):
        for held in (x, w):
            held.set(rng.standard_normal(held.shape))
        captured.launch()
        expected = posed.plain.ops["conv2d"](*map(posed.plain.wrap, (x, w)), **layer.attrs)
        np.testing.assert_allclose(captured.result, expected.value, rtol=2e-2, atol=2e-2)


# --- what cuDNN does not take --------------------------------------------------------------------

LEFT = {
    "empty": Layer("conv2d", (0, 3, 6, 7), (4, 3, 3, 2), {}),
    "output padding beyond the stride": Layer(
        "conv_transpose2d", (2, 3, 4, 4), (3, 2, 3, 3), {"dilation": 3, "output_padding": 2}
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_cudnn_has_no_words_for_is_left_to_im2col(name: str, posed: Posed) -> None:
    for a, b in zip(posed.three(LEFT[name], "float32"),
                    posed.three(LEFT[name], "float32", posed.plain), strict=True):  # fmt: skip
        np.testing.assert_array_equal(a, b)
    assert posed.convolutions.figures()["cudnn_passes"] == 0


def test_a_refused_pass_goes_through_im2col_and_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    posed = Posed(tmp_path, refuses=lambda graph: graph.node["which"] == "wgrad")
    assert differs(posed, LAYERS["plain"], "float32", 1e-5) == ""
    figures = posed.convolutions.figures()
    assert (figures["cudnn_passes"], figures["im2col_passes"]) == (2, 1)
    assert "no engine, in NumPy's place; by im2col" in capsys.readouterr().err


def test_float64_is_never_cudnns(posed: Posed) -> None:
    posed.three(LAYERS["plain"], "float64")
    assert posed.frontend.built == []
    figures = posed.convolutions.figures()
    assert (figures["cudnn_passes"], figures["im2col_passes"]) == (0, 3)


def test_without_a_frontend_everything_is_im2cols() -> None:
    absent = Convolutions(None, np.empty, np.ascontiguousarray, lambda: 0, missing="no module")
    x = np.ones((1, 1, 3, 3), "f4")
    assert absent("forward", x, x, (1, 1, 1, 1), None) is None
    assert absent.describe() == "im2col and matrix products; no cuDNN: no module"


@pytest.mark.parametrize("cuda", [13, 12])
def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, cuda: int) -> None:
    def backend_version() -> int:
        raise RuntimeError("Unable to find symbol cudnnGetVersion")

    for module, reason in (
        (None, "cudnn"),
        (SimpleNamespace(backend_version=backend_version), "symbol cudnnGetVersion"),
    ):
        monkeypatch.setitem(sys.modules, "cudnn", module)
        found, told = passes.load(cuda)
        assert found is None
        assert reason in told
        assert told.endswith(f"; install nvidia-cudnn-frontend and nvidia-cudnn-cu{cuda}")


@pytest.mark.parametrize(
    ("x", "weight", "y"),
    [
        ((2, 4, 6, 6), (4, 3, 3, 3), (2, 4, 4, 4)),
        ((2, 4, 6, 6), (3, 2, 3, 3), (2, 3, 4, 4)),
        ((2, 4, 6, 6), (3, 4, 3, 3), (2, 4, 4, 4)),
        ((2, 4, 6, 6), (3, 4, 3, 3), (1, 3, 4, 4)),
    ],
    ids=["channels", "groups", "filters", "batch"],
)
def test_shapes_that_do_not_belong_together_are_an_error(x: Any, weight: Any, y: Any) -> None:
    geo = Geometry(weight[2:], y[2:], (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    with pytest.raises(ValueError, match=r"cuDNN: x \(2, 4, 6, 6\), weight .*: expected x"):
        problem("forward", "float32", False, x, weight, y, geo).check()

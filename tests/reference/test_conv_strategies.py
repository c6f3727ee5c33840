"""Strategies of convolution: each against plain loops, its error, its choice, its memory."""

import tracemalloc
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from convolution_cases import geometries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_formulas import conv, conv_filter_gradient, conv_transpose

from bakeoff.program import gradient, trace
from bakeoff_reference import OpError, Variable, ops, optimizers, placeholder
from bakeoff_reference.arguments import window_extent
from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.conv import adjoint, autotune, blocked, passes
from bakeoff_reference.conv.choose import RULES, choose, offered
from bakeoff_reference.conv.geometry import Geometry
from bakeoff_reference.conv.settings import NAMES, ConvSettings
from bakeoff_reference.conv.strategies import STRATEGIES, Problem, Strategy
from bakeoff_reference.engine import Engine
from bakeoff_reference.plan import compile_graph, compile_program, compile_training
from bakeoff_worker.program import Value

PASSES = ("forward", "input_grad", "filter_grad")


@st.composite
def special(draw: Any) -> dict[str, Any]:
    """Geometries that the strategies for special filters apply to, empty batches among them."""
    dims = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["pointwise", "channelwise", "3x3"]))
    dims = 2 if kind == "3x3" else dims
    size = {"pointwise": 1, "3x3": 3}.get(kind) or draw(st.integers(1, 3))
    low = 0 if kind == "pointwise" else 2
    padding = tuple((draw(st.integers(0, low)), draw(st.integers(0, low))) for _ in range(dims))
    dilation = draw(st.integers(1, 2)) if kind == "channelwise" else 1
    groups, filters = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    depth = 1 if kind == "channelwise" else draw(st.integers(1, 3))
    extent = dilation * (size - 1) + 1
    space = tuple(
        max(1, extent - lo - hi) + draw(st.integers(0, 9 if dims < 3 else 2)) for lo, hi in padding
    )
    attrs = {
        "stride": (1,) * dims, "padding": padding, "dilation": (dilation,) * dims,
        "groups": groups,
    }  # fmt: skip
    n = draw(st.integers(0, 3))
    return {
        "dims": dims, "x": (n, depth * groups, *space),
        "w": (filters * groups, depth, *(size,) * dims), "attrs": attrs,
    }  # fmt: skip


def _geometry(case: dict[str, Any]) -> Geometry:
    a = case["attrs"]
    kernel = case["w"][2:]
    out = window_extent("conv", case["x"][2:], kernel, a["stride"], a["padding"], a["dilation"])
    return Geometry(kernel, out, a["stride"], a["padding"], a["dilation"], a["groups"])


def _expected(case: dict[str, Any], x: Any, w: Any, g: Any) -> dict[str, Any]:
    """All three passes by plain loops."""
    a, geo = case["attrs"], _geometry(case)
    left_over = tuple(  # inputs that no window reaches
        n + lo + hi - d * (k - 1) - 1 - (o - 1) * s
        for n, (lo, hi), k, o, s, d in zip(
            x.shape[2:], geo.padding, geo.kernel, geo.out, geo.stride, geo.dilation, strict=True
        )
    )
    return {
        "forward": conv(x, w, **a),
        "input_grad": conv_transpose(g, w, **a, output_padding=left_over),
        "filter_grad": conv_filter_gradient(x, g, w.shape, **a),
    }


def _input_grad(
    strategy: Strategy, xp: Any, g: Any, w: Any, shape: Any, geo: Geometry, limit: int
) -> Any:
    """The input's gradient by adjoint convolutions of this strategy, where it applies to them."""

    def forward(_: Any, a: Any, b: Any, sub: Geometry) -> Any:
        fits = strategy.applies(Problem(a.shape, b.shape, sub))
        chosen = strategy if fits else STRATEGIES["blocked"]
        assert chosen.forward is not None
        return chosen.forward(xp, a, b, sub, limit)

    return adjoint.input_grad(xp, g, w, shape, geo, forward)


def _computed(
    strategy: Strategy, which: Any, case: dict[str, Any], x: Any, w: Any, g: Any, limit: int
) -> Any:
    geo = _geometry(case)
    xp = SimpleNamespace(**{**vars(NUMPY), "conv": _Limited(limit)})
    args = {"forward": (x, w, None), "input_grad": (g, w, x.shape), "filter_grad": (g, x, w.shape)}
    if strategy.offers(which):
        return passes.run(strategy, which, xp, *args[which], geo)
    if which == "input_grad" and strategy.forward and adjoint.applies(geo):
        return _input_grad(strategy, xp, g, w, x.shape, geo, limit)
    return None


class _Limited(SimpleNamespace):
    """Settings with a workspace of few bytes: blocks of one image, or of several."""

    strategy, tolerance, memory, autotune = "", 1.0, False, False

    def __init__(self, limit: int) -> None:
        super().__init__(workspace_bytes=limit)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    case=st.one_of(geometries(), special()), limit=st.sampled_from([1, 2**11, 2**20]),
    shortest=st.sampled_from([1, blocked.SHORTEST]),
)  # fmt: skip
def test_every_pass_equals_the_plain_loop(
    name: str, case: dict[str, Any], limit: int, shortest: int
) -> None:
    """In float64, wherever the strategy says that it applies, by columns and by shifted images."""
    strategy = STRATEGIES[name]
    if not strategy.applies(Problem(case["x"], case["w"], _geometry(case))):
        return
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal(case["x"]), rng.standard_normal(case["w"])
    g = rng.standard_normal((x.shape[0], w.shape[0], *_geometry(case).out))
    expected = _expected(case, x, w, g)
    for which in PASSES:
        with patch.object(blocked, "SHORTEST", shortest):
            got = _computed(strategy, which, case, x, w, g, limit)
        if got is not None:
            assert got.shape == expected[which].shape
            np.testing.assert_allclose(got, expected[which], rtol=1e-9, atol=1e-9, err_msg=which)


APPLICABLE = {
    "pointwise": ((2, 4, 5, 6), (3, 4, 1, 1), 0, 1),
    "channelwise": ((2, 4, 5, 6), (4, 1, 3, 3), 1, 4),
    "overlapping": ((2, 4, 5, 6), (3, 4, 3, 3), 1, 1),
    "winograd2": ((2, 4, 5, 6), (3, 4, 3, 3), 1, 1),
    "winograd4": ((2, 4, 5, 6), (3, 4, 3, 3), 1, 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_each_strategy_applies_to_something(name: str) -> None:
    """So that the property above is not empty, and each pass is some strategy's."""
    x, w, padding, groups = APPLICABLE.get(name, APPLICABLE["overlapping"])
    case = {"x": x, "w": w, "attrs": {
        "stride": (1, 1), "padding": ((padding,) * 2,) * 2, "dilation": (1, 1), "groups": groups,
    }}  # fmt: skip
    assert STRATEGIES[name].applies(Problem(x, w, _geometry(case)))
    assert any(STRATEGIES[name].offers(which) for which in PASSES)  # type: ignore[arg-type]


def test_names_are_the_strategies() -> None:
    assert tuple(STRATEGIES) == NAMES
    for which, rules in RULES.items():
        assert all(STRATEGIES[name].offers(which) for name, _ in rules)


# --- errors -------------------------------------------------------------------------------------

LAYERS = {
    "middle": ((4, 64, 14, 14), (64, 64, 3, 3), {"padding": 1}),
    "deep": ((2, 128, 14, 14), (256, 128, 3, 3), {"padding": 1}),
    "pointwise": ((4, 64, 14, 14), (128, 64, 1, 1), {}),
    "strided": ((4, 64, 14, 14), (128, 64, 3, 3), {"stride": 2, "padding": 1}),
    "depthwise": ((4, 64, 14, 14), (64, 1, 3, 3), {"padding": 1, "groups": 64}),
    "grouped": ((4, 64, 14, 14), (64, 16, 3, 3), {"padding": 1, "groups": 4}),
    "dilated": ((4, 64, 14, 14), (64, 64, 3, 3), {"padding": 2, "dilation": 2}),
    "sequence": ((4, 64, 128), (128, 64, 5), {"padding": 2}),
    "volume": ((1, 16, 8, 8, 8), (32, 16, 3, 3, 3), {"padding": 1}),
}


def _three(engine: Engine, layer: str, dtype: str) -> list[Any]:
    """Forward and both gradients of a layer on standard normal values rounded to float32."""
    x_shape, w_shape, attrs = LAYERS[layer]
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(s).astype("float32").astype(dtype) for s in (x_shape, w_shape))
    op = engine.ops[f"conv{len(x_shape) - 2}d"]
    y, pull = engine.vjp(lambda a, b: op(a, b, **attrs), x, w)
    g = rng.standard_normal(y.shape).astype("float32").astype(dtype)
    return [t.numpy() for t in (y, *pull(g))]


def _error(layer: str, settings: ConvSettings) -> float:
    """The largest error over the largest result, of the worst pass."""
    got = _three(Engine(NUMPY, conv=settings), layer, "float32")
    exact = _three(Engine(NUMPY), layer, "float64")
    return max(
        float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in zip(got, exact, strict=True)
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_chosen_unasked_is_accurate(layer: str) -> None:
    assert _error(layer, ConvSettings()) <= 2e-6


@pytest.mark.parametrize("name", NAMES)
def test_each_strategy_keeps_to_its_declared_error(name: str) -> None:
    assert _error("deep", ConvSettings(name)) <= STRATEGIES[name].error


def test_the_bound_of_winograd_grows_with_the_tile() -> None:
    """F(4, 3)'s is far above F(2, 3)'s, and all others are the direct sum's."""
    growth = {name: s.growth(64) for name, s in STRATEGIES.items()}
    assert growth["winograd4"] > 20 * growth["winograd2"]
    assert {v for n, v in growth.items() if "winograd" not in n} == {1.0}
    assert _error("deep", ConvSettings("winograd4")) > _error("deep", ConvSettings("winograd2"))


# --- choice -------------------------------------------------------------------------------------


def _problem(layer: str) -> Problem:
    x, w, attrs = LAYERS[layer]
    dims = len(x) - 2
    padding = ((attrs.get("padding", 0),) * 2,) * dims
    full = {
        "stride": (attrs.get("stride", 1),) * dims, "padding": padding,
        "dilation": (attrs.get("dilation", 1),) * dims, "groups": attrs.get("groups", 1),
    }  # fmt: skip
    return Problem(x, w, _geometry({"x": x, "w": w, "attrs": full}))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("which", PASSES)
def test_the_less_accurate_are_chosen_only_on_request(layer: str, which: Any) -> None:
    problem = _problem(layer)
    assert choose(which, problem, ConvSettings()).name != "winograd4"
    assert choose(which, problem, ConvSettings(memory=True)).small
    assert "winograd4" not in offered(which, problem, ConvSettings())
    fits = STRATEGIES["winograd4"].offers(which) and STRATEGIES["winograd4"].applies(problem)
    assert ("winograd4" in offered(which, problem, ConvSettings(tolerance=2e-5))) == fits


def test_a_strategy_that_does_not_apply_gives_way() -> None:
    assert choose("forward", _problem("sequence"), ConvSettings("winograd2")).name == "blocked"
    assert choose("input_grad", _problem("deep"), ConvSettings("winograd2")).name == "adjoint"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strategy": "fft"}, "strategy 'fft', expected one of im2col, blocked"),
        ({"tolerance": 1e-9}, "tolerance 1e-09, expected at least 2e-06"),
        ({"tolerance": float("nan")}, "tolerance nan, expected at least"),
    ],
    ids=["strategy", "tolerance", "nan"],
)
def test_settings_that_mean_nothing_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConvSettings(**given)


def test_the_oracle_shares_no_strategy() -> None:
    """In float64, results are the same to the last bit whatever is asked."""
    plain = _three(Engine(NUMPY), "deep", "float64")
    for name in NAMES:
        asked = ConvSettings(name, tolerance=1.0)
        for a, b in zip(_three(Engine(NUMPY, conv=asked), "deep", "float64"), plain, strict=True):
            np.testing.assert_array_equal(a, b)


def test_other_array_modules_get_what_serves_all() -> None:
    """Strategies made for NumPy are never chosen for another library, and refused if asked for."""
    other = SimpleNamespace(**{**vars(NUMPY), "name": "cupy"})
    for layer in ("deep", "depthwise", "pointwise"):
        got = _three(Engine(other), layer, "float32")
        same = _three(Engine(NUMPY, conv=ConvSettings("im2col")), layer, "float32")
        for a, b in zip(got, same, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="'winograd2' is made for NumPy, got cupy"):
        _three(Engine(other, conv=ConvSettings("winograd2")), "deep", "float32")


# --- plans and memory ---------------------------------------------------------------------------


def _program(layer: str) -> Any:
    """A layer with its gradients; a plan of it is called with x, w and g."""
    x, w, attrs = LAYERS[layer]
    g = (x[0], w[0], *_problem(layer).geo.out)
    values = [Value(n, shape, "float32") for n, shape in (("x", x), ("w", w), ("g", g))]

    def layer_of(ops: Any, x: Any, w: Any) -> Any:
        return getattr(ops, f"conv{len(x.shape) - 2}d")(x, w, **attrs)

    return trace(layer_of, values, gradient(["x", "w"], ["g"]), "conv")


def _inputs(program: Any) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal(v.shape).astype("float32") for v in program.inputs]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layer", ["deep", "depthwise", "strided", "pointwise", "volume"])
def test_plans_compute_what_the_tape_does(layer: str, name: str) -> None:
    """Every strategy can be recorded, and gives the same bits."""
    conv, program = ConvSettings(name, tolerance=1.0), _program(layer)
    x, w, g = _inputs(program)
    engine = Engine(NUMPY, conv=conv)
    op, attrs = engine.ops[program.nodes[0].op], LAYERS[layer][2]
    y, pull = engine.vjp(lambda a, b: op(a, b, **attrs), x, w)
    results = compile_program(program, conv)(x, w, g)
    for got, expected in zip(results, (y, *pull(g)), strict=True):
        np.testing.assert_array_equal(got, expected.numpy())


@pytest.mark.parametrize("name", ["winograd2", "im2col"])
def test_graphs_and_their_training_convolve_as_they_are_told(name: str) -> None:
    """F(2, 3) rounds otherwise than columns: whoever is told computes the tape's own bits."""
    told = ConvSettings(name)
    x, w, _ = _inputs(_program("deep"))
    images, filters = placeholder("images"), Variable(w)
    y = ops.conv2d(images, filters, padding=1)
    engine = Engine(NUMPY, conv=told)
    mean, conv2d = engine.ops["mean"], engine.ops["conv2d"]
    expected = conv2d(x, w, padding=1).numpy()
    np.testing.assert_array_equal(
        compile_graph(y, {images: x}, conv=told)(feed={images: x}), expected
    )
    train = compile_training(ops.mean(y), {images: x}, [filters], optimizers.sgd(1.0), told)
    train(feed={images: x})
    _, pull = engine.vjp(lambda f: mean(conv2d(x, f, padding=1)), w)
    (grad,) = pull(np.float32(1))
    np.testing.assert_array_equal(filters.value, w - grad.numpy())


@pytest.mark.parametrize("layer", ["deep", "middle", "strided", "depthwise", "volume"])
def test_plans_allocate_nothing_but_results(layer: str) -> None:
    """In steady state: the results, a few views, and NumPy's own buffers of 8192 elements."""
    program = _program(layer)
    x, w, g = _inputs(program)
    plan = compile_program(program)
    plan(x, w, g)
    tracemalloc.start()
    start, _ = tracemalloc.get_traced_memory()
    plan(x, w, g)
    peak = tracemalloc.get_traced_memory()[1] - start
    tracemalloc.stop()
    assert peak <= x.nbytes + w.nbytes + g.nbytes + 2**15


def test_memory_mode_needs_few_times_the_input() -> None:
    """N16 C64 28² K64: forward and both gradients within 4 times the input's bytes."""
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(s).astype("float32") for s in ((16, 64, 28, 28), (64, 64, 3, 3)))
    engine = Engine(NUMPY, conv=ConvSettings(memory=True))
    g = np.ones((16, 64, 28, 28), "float32")
    tracemalloc.start()
    start, _ = tracemalloc.get_traced_memory()
    y, pull = engine.vjp(lambda a, b: engine.ops["conv2d"](a, b, padding=1), x, w)
    grads = pull(g)
    peak = tracemalloc.get_traced_memory()[1] - start
    tracemalloc.stop()
    assert peak <= 4 * x.nbytes
    assert [t.shape for t in (y, *grads)] == [g.shape, x.shape, w.shape]


def test_a_plan_keeps_the_fastest() -> None:
    """Each way is tried as often; the shortest time decides, by whatever clock."""
    now = iter(range(0, 1000, 7))
    spent = {"slow": 0, "quick": 0}
    extra = {"slow": 3, "quick": 1}

    def way(name: str) -> Any:
        def run() -> None:
            spent[name] += 1
            for _ in range(extra[name]):
                next(now)

        return run

    ways = {name: way(name) for name in spent}
    assert autotune.fastest(ways, lambda: next(now)) == "quick"
    assert spent["slow"] == spent["quick"] == autotune.ROUNDS + 1


def test_an_autotuned_plan_is_right() -> None:
    program = _program("middle")
    given = _inputs(program)
    tuned = compile_program(program, ConvSettings(autotune=True))(*given)
    for a, b in zip(tuned, compile_program(program)(*given), strict=True):
        assert np.max(np.abs(a - b)) <= 1e-5 * np.max(np.abs(b))


def test_a_kernel_larger_than_its_input_is_refused_by_all() -> None:
    for name in NAMES:
        engine = Engine(NUMPY, conv=ConvSettings(name))
        with pytest.raises(OpError, match="exceeds padded input"):
            engine.ops["conv2d"](np.ones((1, 1, 2, 2), "f"), np.ones((1, 1, 3, 3), "f"))

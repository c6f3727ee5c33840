"""Programs walked into graphs: pairs of ops, dependence, a step's numbers, shapes between."""

from typing import Any

import pytest

from bakeoff.program import Value, forward, trace, training
from bakeoff.samples import SAMPLES, Sample
from bakeoff_worker import optimizers, shapes
from bakeoff_worker.graph import StepNumbers, fused, grow, reaching

X, W, B = Value("x", (4, 5), "float32"), Value("w", (5, 3), "float32"), Value("b", (3,), "float32")
DENSE = {("matmul", "bias_add"): "dense"}


def _layer(ops: Any, x: Any, w: Any, b: Any) -> Any:
    return ops.relu(ops.bias_add(ops.matmul(x, w), b))


def _product_used_twice(ops: Any, x: Any, w: Any, b: Any) -> Any:
    product = ops.matmul(x, w)
    return ops.add(ops.bias_add(product, b), product)


def _product_is_an_output(ops: Any, x: Any, w: Any, b: Any) -> Any:
    product = ops.matmul(x, w)
    return product, ops.bias_add(product, b)


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        (_layer, ["dense", "relu"]),
        (_product_used_twice, ["matmul", "bias_add", "add"]),
        (_product_is_an_output, ["matmul", "bias_add"]),
    ],
)
def test_a_pair_is_one_where_nothing_else_takes_its_first(workload: Any, expected: Any) -> None:
    program = fused(trace(workload, [X, W, B]), DENSE)
    assert [n.op for n in program.nodes] == expected


def test_a_pair_has_the_arguments_and_attributes_of_both() -> None:
    program = trace(
        lambda ops, x, y: ops.mean(ops.sparse_softmax_cross_entropy_with_logits(x, y)),
        [X, Value("y", (4,), "int64")],
    )
    pair = ("sparse_softmax_cross_entropy_with_logits", "mean")
    (node,) = fused(program, {pair: "loss"}).nodes
    assert (node.op, node.args, node.shape) == ("loss", ("x", "y"), ())
    assert node.attrs == {"axis": (0,), "keepdims": False}
    assert node.name == program.outputs[0]


def test_batches_of_matrices_are_no_pair() -> None:
    batch = Value("x", (2, 4, 5), "float32")
    program = trace(lambda ops, x, w, b: ops.bias_add(ops.matmul(x, w), b), [batch, W,
                    Value("b", (4,), "float32")])  # fmt: skip
    assert [n.op for n in fused(program, DENSE).nodes] == ["matmul", "bias_add"]


def test_growing_gives_every_value_a_symbol() -> None:
    program = trace(lambda ops, x: ops.concat([ops.add(x, 2.5), x], axis=0), [X])
    symbols = grow(program, {"x": "x"}, lambda node, args: (node.op, *args))
    assert symbols[program.outputs[0]] == ("concat", [("add", "x", 2.5), "x"])


def test_no_gradient_comes_through_a_step() -> None:
    def workload(ops: Any, x: Any, w: Any, b: Any) -> Any:
        return ops.sum(ops.sign(x)), ops.sum(ops.matmul(x, w))

    program = trace(workload, [X, W, B])
    assert reaching(program) == {"x": [program.outputs[1]], "w": [program.outputs[1]], "b": []}


@pytest.mark.parametrize("schedule", ["constant", "exponential"])
@pytest.mark.parametrize("name", optimizers.DEFINITIONS)
def test_fixed_and_changing_numbers_are_the_definitions(name: str, schedule: str) -> None:
    extra = {"gamma": 0.9} if schedule == "exponential" else {}
    ask = training(["w"], name, {"lr": 0.25}, {"name": schedule, **extra})
    numbers = StepNumbers(trace(lambda ops, x, w: ops.sum(ops.matmul(x, w)), [X, W], ask))
    for t in (1, 2, 7):
        lr = 0.25 * (0.9 ** (t - 1) if extra else 1.0)
        expected = numbers.definition.scalars(optimizers.hyperparameters(name, {}), lr, t)
        assert {**numbers.fixed, **dict(zip(numbers.changing, numbers.at(t), strict=True))} == (
            pytest.approx(expected, rel=1e-15)
        )
        assert numbers.rate(t) == pytest.approx(lr, rel=1e-15)


def _windowed(kind: str) -> list[Sample]:
    return [s for s in SAMPLES if s.op[:-2] == kind or (kind == "pool" and "_pool" in s.op)]


def _parts(sample: Sample) -> tuple[Any, Any, dict[str, Any], Any]:
    program = sample.program()
    values, (node,) = program.values(), program.nodes
    inputs = [values[a].shape for a in node.args if isinstance(a, str)]
    return inputs, node, node.attrs, node.shape


@pytest.mark.parametrize("sample", _windowed("conv") + _windowed("pool"), ids=lambda s: s.id)
def test_window_sizes_are_the_catalogues(sample: Sample) -> None:
    inputs, _, attrs, shape = _parts(sample)
    kernel = attrs.get("kernel_size") or inputs[1][2:]
    dilation = attrs.get("dilation", (1, 1))
    got = shapes.window_sizes(inputs[0][2:], kernel, attrs["stride"], attrs["padding"], dilation)
    assert got == shape[2:]


@pytest.mark.parametrize("sample", _windowed("conv_transpose"), ids=lambda s: s.id)
def test_transposed_sizes_are_the_catalogues(sample: Sample) -> None:
    inputs, _, attrs, shape = _parts(sample)
    options = (attrs[k] for k in ("stride", "padding", "output_padding", "dilation"))
    assert shapes.transposed_sizes(inputs[0][2:], inputs[1][2:], *options) == shape[2:]


@pytest.mark.parametrize(
    "sample",
    [s for s in SAMPLES if s.op in ("add", "sum") and "scalar" not in s.id],
    ids=lambda s: s.id,
)
def test_other_shapes_are_the_catalogues(sample: Sample) -> None:
    inputs, _, attrs, shape = _parts(sample)
    if sample.op == "sum":
        assert shapes.reduced(inputs[0], attrs["axis"], attrs["keepdims"]) == shape
    else:
        assert shapes.broadcast(*inputs) == shape


def test_concatenated_adds_up_one_axis() -> None:
    assert shapes.concatenated([(2, 3), (2, 1)], 1) == (2, 4)
    assert shapes.size(()) == 1
    assert shapes.size((2, 3)) == 6
    assert shapes.symmetric(((1, 1), (0, 0)))
    assert not shapes.symmetric(((1, 0),))


def test_forward_programs_are_walked_as_they_are() -> None:
    program = trace(_layer, [X, W, B], forward())
    assert fused(program, {}) == program

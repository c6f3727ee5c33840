"""Small cases on which honest backends are right and each planted fault shows."""

from collections.abc import Callable, Mapping
from typing import Any

from bakeoff.case import Case, Draw, draw
from bakeoff.passes import gradient_program
from bakeoff.program import Program, Value, trace, training

NORMAL = draw("normal")


def _case(name: str, program: Program, dtype: str = "float32", **options: Any) -> Case:
    draws = options.pop("draws", {})
    inputs = {v.name: draws.get(v.name, NORMAL) for v in program.inputs}
    return Case("faults", name, program, inputs, dtype, **options)


def _forward(
    name: str,
    workload: Callable[..., Any],
    dtype: str = "float32",
    draws: Mapping[str, Draw] | None = None,
    **shapes: Any,
) -> Case:
    values = [Value(n, s, dtype) for n, s in shapes.items()]
    return _case(name, trace(workload, values), dtype, draws=draws or {})


def _gradient(name: str, workload: Callable[..., Any], **shapes: Any) -> Case:
    values = [Value(n, s, "float32") for n, s in shapes.items()]
    return _case(name, gradient_program(workload, values, list(shapes)))


def _convolution(ops: Any, x: Any, weight: Any) -> Any:
    return ops.conv2d(x, weight, padding=1)


def _layer(ops: Any, x: Any, w: Any, b: Any) -> Any:
    return ops.tanh(ops.bias_add(x @ w, b))


def _columns(ops: Any, x: Any) -> Any:
    return ops.sum(ops.exp(ops.permute_dims(x, (1, 0))), axis=0)


def _views(ops: Any, x: Any) -> Any:
    return ops.reshape(x, (5, 6)), x[1:3]


def _spread(ops: Any, x: Any) -> Any:
    return ops.logsumexp(x, axis=1), ops.mean(x), ops.softmax(x, axis=0), ops.max(x, axis=1)


def _small(ops: Any, x: Any) -> Any:
    """Among subnormal numbers, which not every device has."""
    return ops.subtract(ops.multiply(x, 0.25), ops.multiply(x, 0.5))


def _constants(ops: Any, x: Any) -> Any:
    """The same for all inputs, though computed each time: no fault."""
    return ops.maximum(ops.minimum(x, 0.0), 0.0), ops.ones_like(x)


def _loss(ops: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return ops.mean(ops.squared_error(ops.bias_add(x @ w, b), y))


def _network_loss(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    hidden = ops.relu(ops.bias_add(x @ w1, b1))
    logits = ops.bias_add(hidden @ w2, b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


def _network() -> Case:
    values = [
        *(Value(n, s, "float32") for n, s in NETWORK.items()),
        Value("x", (16, 6), "float32"),
        Value("y", (16,), "int64"),
    ]
    draws = {"b1": draw("zeros"), "b2": draw("zeros"), "y": draw("integers", high=4)}
    program = trace(_network_loss, values, training(list(NETWORK), "sgd", {"lr": 0.1}))
    return _case("network", program, draws=draws, steps=12, batches=3)


NETWORK = {"w1": (6, 8), "b1": (8,), "w2": (8, 4), "b2": (4,)}


def _training(
    name: str, optimizer: str, lr: float, schedule: Mapping[str, Any] | None = None
) -> Case:
    values = [
        Value("w", (6, 2), "float32"),
        Value("b", (2,), "float32"),
        Value("x", (16, 6), "float32"),
        Value("y", (16, 2), "float32"),
    ]
    ask = training(["w", "b"], optimizer, {"lr": lr}, schedule)
    draws: dict[str, Draw] = {"b": draw("zeros")}
    return _case(name, trace(_loss, values, ask), draws=draws, steps=20, batches=3)


CASES: dict[str, Case] = {
    c.name: c
    for c in (
        _forward("product", lambda ops, a, b: a @ b, a=(16, 64), b=(64, 8)),
        _forward("product-float64", lambda ops, a, b: a @ b, "float64", a=(16, 64), b=(64, 8)),
        _forward("product-float16", lambda ops, a, b: a @ b, "float16", a=(8, 256), b=(256, 4)),
        _forward("long-product", lambda ops, a, b: a @ b, a=(8, 1024), b=(1024, 8)),
        _forward("exponential", lambda ops, x: ops.exp(x), x=(7, 9)),
        _gradient("product-gradient", lambda ops, a, b: a @ b, a=(9, 32), b=(32, 5)),
        _forward("convolution", _convolution, x=(2, 3, 9, 8), weight=(4, 3, 3, 3)),
        _gradient("convolution-gradient", _convolution, x=(2, 3, 6, 5), weight=(4, 3, 3, 3)),
        _gradient("softmax-gradient", lambda ops, x: ops.softmax(x), x=(6, 10)),
        _gradient("layer-gradient", _layer, x=(8, 12), w=(12, 4), b=(4,)),
        _forward("tanh-7x5", lambda ops, x: ops.tanh(x), x=(7, 5)),
        _forward("tanh-5x7", lambda ops, x: ops.tanh(x), x=(5, 7)),
        _forward("columns", _columns, x=(20, 30)),
        _forward("views", _views, x=(6, 5)),
        _forward("spread", _spread, x=(12, 40)),
        _forward("constants", _constants, x=(3, 4)),
        _forward("small", _small, draws={"x": draw("normal", scale=1e-38)}, x=(5, 8)),
        _network(),
        _training("adam", "adam", 0.05),
        _training("nesterov", "nesterov", 0.02),
        _training("decay", "sgd", 0.1, {"name": "step_decay", "d": 0.5, "t0": 5}),
    )
}

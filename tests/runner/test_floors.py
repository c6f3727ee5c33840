"""Floors: what no honest implementation can leave out, and what it may."""

from collections.abc import Callable
from typing import Any

import pytest

from bakeoff.cost import flops
from bakeoff.floors import Demand, conventional, least
from bakeoff.passes import gradient_program
from bakeoff.program import Program, Value, forward, trace, training
from bakeoff.samples import SAMPLES

N = 8
PRODUCT = 2 * N**3
MATRICES = tuple(Value(name, (N, N), "float32") for name in "abc")
VECTOR = Value("v", (N,), "float32")
LABELS = Value("labels", (N,), "int64")


def least_of(workload: Callable[..., Any], *values: Value) -> Demand:
    return least(trace(workload, list(values or MATRICES), forward()))


def work(demand: Demand) -> float:
    return sum(demand.products.values())


# what of the products is needed in any case, in products of two matrices
NEEDED: dict[str, tuple[Callable[..., Any], float]] = {
    "an output": (lambda ops, a, b, c: a @ b, 1),
    "not needed": (lambda ops, a, b, c: (a @ b, ops.add(a, c))[1], 0),
    "both outputs": (lambda ops, a, b, c: (a @ b, b @ c), 2),
    "the same twice": (lambda ops, a, b, c: (a @ b, ops.exp(a @ b)), 1),
    "under a nonlinear function": (lambda ops, a, b, c: ops.sum(ops.tanh(a @ b)), 1),
    "its bias added": (lambda ops, a, b, c: ops.relu(ops.add(a @ b, c)), 1),
    "only its sum": (lambda ops, a, b, c: ops.sum(a @ b), 0),
    "only a part of it": (lambda ops, a, b, c: (a @ b)[1:3], 0),
    "in another order": (lambda ops, a, b, c: (a @ b) @ c, 0),
    "a layer after a layer": (lambda ops, a, b, c: ops.relu(a @ b) @ c, 2),
    "its own transpose": (lambda ops, a, b, c: a @ ops.permute_dims(a, (1, 0)), 0),
    "another's transpose": (lambda ops, a, b, c: a @ ops.permute_dims(b, (1, 0)), 1),
    "with a constant": (lambda ops, a, b, c: a @ ops.ones((N, N)), 0),
    "with a broadcast": (lambda ops, a, b, c: a @ ops.broadcast_to(b[0], (N, N)), 0),
    "of low rank": (lambda ops, a, b, c: ops.add(a[:, :1] @ b[:1], 0.0) @ c, 0),
}


@pytest.mark.parametrize("name", NEEDED)
def test_a_product_counts_only_where_nobody_can_do_without(name: str) -> None:
    workload, products = NEEDED[name]
    assert work(least_of(workload)) == products * PRODUCT


def test_one_hot_rows_are_no_free_factor() -> None:
    values = (LABELS, MATRICES[1])
    found = least_of(lambda ops, labels, b: ops.one_hot(labels, num_classes=N) @ b, *values)
    assert work(found) == 0


@pytest.mark.parametrize(
    ("wrt", "products"), [(["a"], 2), (["a", "b"], 3), (["b"], 2)], ids=["a", "a and b", "b"]
)
def test_a_gradient_counts_per_argument_asked(wrt: list[str], products: int) -> None:
    program = gradient_program(lambda ops, a, b: a @ b, list(MATRICES[:2]), wrt)
    assert work(least(program)) == products * PRODUCT == work(conventional(program))


def test_the_gradient_of_a_bias_is_no_product() -> None:
    """It is the sum over rows, which may be taken before the product."""
    program = gradient_program(
        lambda ops, v, x, w: ops.bias_add(x, v) @ w, [VECTOR, MATRICES[0], MATRICES[1]], ["v"]
    )
    assert work(least(program)) == PRODUCT


def _network(ops: Any, w1: Any, w2: Any, x: Any, labels: Any) -> Any:
    hidden = ops.relu(x @ w1)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(hidden @ w2, labels))


def test_a_training_step_needs_all_its_products() -> None:
    values = [Value(n, (N, N), "float32") for n in ("w1", "w2", "x")]
    program = trace(_network, [*values, LABELS], training(["w1", "w2"], "sgd", {"lr": 0.1}))
    # two forward, two for the weights, one for the hidden layer
    assert work(least(program)) == 5 * PRODUCT == work(conventional(program))
    matrix = 4 * N * N
    assert least(program).bytes == 3 * matrix + 8 * N + 4 + 2 * matrix  # read, loss, written


@pytest.mark.parametrize(
    ("n", "share"), [(512, 1.0), (1023, 1.0), (1024, 7 / 8), (2048, (7 / 8) ** 2)]
)
def test_large_products_may_use_strassens_algorithm(n: int, share: float) -> None:
    values = [Value(name, (n, n), "float32") for name in "ab"]
    assert work(least_of(lambda ops, a, b: a @ b, *values)) == 2 * n**3 * share


# one channel and image: outputs and taps per dimension; fewest multiplications per dimension
CONVOLUTIONS = {
    "one tap": ((6,), (1,), {}, 6),
    "three taps": ((8,), (3,), {}, 6 + 3 - 1),
    "padded": ((6,), (3,), {"padding": 1}, 6 + 3 - 1),
    "mostly padding": ((1,), (3,), {"padding": 1}, 1),
    "strided": ((9,), (3,), {"stride": 2}, 2 * 4 + 3 - 2),
    "taps that never meet": ((8,), (2,), {"stride": 2}, 8),
    "a plane": ((8, 8), (3, 3), {}, (6 + 3 - 1) ** 2),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_may_use_winograds_algorithm(name: str) -> None:
    sizes, kernel, attrs, fewest = CONVOLUTIONS[name]
    values = [Value("x", (2, 3, *sizes), "float32"), Value("w", (5, 3, *kernel), "float32")]
    op = f"conv{len(sizes)}d"
    found = least_of(lambda ops, x, w: getattr(ops, op)(x, w, **attrs), *values)
    assert work(found) == 2 * (2 * 3 * 5) * fewest


@pytest.mark.parametrize(("m", "r"), [(2, 3), (4, 3), (6, 3), (4, 5)])
def test_winograds_algorithms_are_not_below_the_floor(m: int, r: int) -> None:
    """F(4, 3) per tile of an image of 12: what libraries do is allowed."""
    image = 12
    values = [Value("x", (1, 1, image + r - 1), "float32"), Value("w", (1, 1, r), "float32")]
    tiles = image // m
    assert work(least_of(lambda ops, x, w: ops.conv1d(x, w), *values)) <= 2 * tiles * (m + r - 1)


def test_a_transpose_takes_as_many_as_its_convolution() -> None:
    """Only what falls inside counts: four taps in steps of two on 5 places, one cut off each end"""
    values = [Value("x", (1, 1, 5), "float32"), Value("w", (1, 1, 4), "float32")]
    found = least_of(lambda ops, x, w: ops.conv_transpose1d(x, w, stride=2, padding=1), *values)
    assert work(found) == 2 * min(5 * 4 - 2, 2 * 5 + 4 - 2)


# bytes of float32 matrices that are read or written in any case
MOVED: dict[str, tuple[Callable[..., Any], float]] = {
    "all of it": (lambda ops, a, b, c: ops.add(a, b), 3),
    "an input that is not used": (lambda ops, a, b, c: ops.exp(a), 2),
    "a view": (lambda ops, a, b, c: ops.permute_dims(a, (1, 0)), 1),
    "a part": (lambda ops, a, b, c: a[1:3], 0),
    "a choice": (lambda ops, a, b, c: ops.where(ops.less(a, b), a, b), 0),
    "a constant": (lambda ops, a, b, c: ops.ones((N, N)), 0),
    "of a constant": (lambda ops, a, b, c: ops.exp(ops.ones((N, N))), 0),
    "a sum": (lambda ops, a, b, c: ops.sum(a), 1 + 1 / N**2),
}


@pytest.mark.parametrize("name", MOVED)
def test_bytes_count_only_where_nobody_can_do_without(name: str) -> None:
    workload, matrices = MOVED[name]
    assert least_of(workload).bytes == matrices * 4 * N * N


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.id)
def test_no_op_needs_more_than_the_plain_way(sample: Any) -> None:
    for asked in (False, True) if sample.differentiable else (False,):
        program: Program = sample.program("float32", asked)
        floor, plain = least(program), conventional(program)
        assert work(floor) <= work(plain) <= flops(program)
        assert floor.bytes <= plain.bytes

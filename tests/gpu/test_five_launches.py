"""The step of five launches, and several steps to a graph, with NumPy in CuPy's place."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_loops import OPTIMIZERS, SCHEDULES

from bakeoff.examiner import OracleExaminer
from bakeoff.inputs import rounded
from bakeoff.oracle import Oracle
from bakeoff.program import Value, trace, training
from bakeoff.truth import kept_steps
from bakeoff.worker import Worker
from bakeoff_cupy.adapter import CupyAdapter
from bakeoff_cupy.five_launches import TwoLayers, two_layers
from bakeoff_cupy.training import ROWS
from bakeoff_two_layer.cases import step_case
from bakeoff_two_layer.workloads import two_layer_logits, two_layer_loss
from bakeoff_worker.program import Program
from gpu import lt, posing
from gpu import posed as adapters

Array = np.ndarray[Any, Any]
SIZES = {"rows": 9, "pixels": 6, "hidden": 7, "classes": 4}
BATCHES, STEPS = 3, 12


def network(
    loss: Callable[..., Any] = two_layer_loss, params: tuple[str, ...] = ("w1", "b1", "w2", "b2"),
    dtype: str = "float32", labels: str = "int64", optimizer: str = "adam",
    schedule: str = "constant", **sizes: int,
) -> Program:  # fmt: skip
    n, p, h, c = {**SIZES, **sizes}.values()
    shapes = {"w1": (p, h), "b1": (h,), "w2": (h, c), "b2": (c,), "x": (n, p)}
    values = [Value(name, shape, dtype) for name, shape in shapes.items()]
    ask = training(
        params, optimizer, OPTIMIZERS[optimizer], {"name": schedule, **SCHEDULES[schedule]}
    )
    return trace(loss, [*values, Value("y", (n,), labels)], ask)


def drawn(program: Program, batches: int = BATCHES) -> dict[str, Array]:
    rng = np.random.default_rng(3)
    classes = next(v.shape[0] for v in program.inputs if v.name == "b2")
    leading = {v.name: (batches,) for v in program.data_inputs}
    return {
        v.name: rng.integers(0, classes, (batches, *v.shape)).astype(v.dtype)
        if v.name == "y"
        else rounded(rng.standard_normal(leading.get(v.name, ()) + v.shape), v.dtype)
        for v in program.inputs
    }


# -- recognition -----------------------------------------------------------------------------


def tanh_loss(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    hidden = ops.tanh(ops.bias_add(x @ w1, b1))
    logits = ops.bias_add(hidden @ w2, b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


def summed_loss(ops: Any, *inputs: Any) -> Any:
    logits = two_layer_logits(ops, *inputs[:-1])
    return ops.sum(ops.sparse_softmax_cross_entropy_with_logits(logits, inputs[-1]))


def penalised_loss(ops: Any, w1: Any, *others: Any) -> Any:
    return ops.add(two_layer_loss(ops, w1, *others), ops.mean(ops.square(w1)))


def swapped_product_loss(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    hidden = ops.relu(ops.bias_add(ops.matmul(x, w1), b1))
    logits = ops.bias_add(ops.matmul(w2, hidden), b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


def idle_relu_loss(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    hidden = ops.bias_add(ops.matmul(x, w1), b1)
    ops.relu(hidden)  # of no effect
    logits = ops.bias_add(ops.matmul(hidden, w2), b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


def tied() -> Program:
    """One layer, twice: with two parameters."""
    values = [Value("w", (5, 5), "float32"), Value("b", (5,), "float32"),
              Value("x", (9, 5), "float32"), Value("y", (9,), "int64")]  # fmt: skip
    return trace(
        lambda ops, w, b, x, y: two_layer_loss(ops, w, b, w, b, x, y),
        values, training(["w", "b"], "sgd", {"lr": 0.1}), "tied",
    )  # fmt: skip


SQUARE = {"rows": 5, "pixels": 5, "hidden": 5, "classes": 5}
OTHERS: dict[str, Program] = {
    "another activation": network(tanh_loss),
    "a sum of losses": network(summed_loss),
    "a penalty beside the loss": network(penalised_loss),
    "a layer's product the other way": network(swapped_product_loss, **SQUARE),
    "one layer twice": tied(),
    "a ReLU of no effect": network(idle_relu_loss),
    "a parameter that is not trained": network(params=("w1", "w2", "b2")),
    "data that are trained": network(params=("w1", "b1", "w2", "b2", "x")),
    "float64": network(dtype="float64"),
    "33 classes": network(classes=33),
    "not a training": network()._replace(ask={"kind": "forward"}),
}


@pytest.mark.parametrize("program", OTHERS.values(), ids=OTHERS)
def test_other_programs_are_not_taken_for_it(program: Program) -> None:
    assert two_layers(program) is None


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("labels", ["int32", "int64"])
@pytest.mark.parametrize("classes", [1, 32])
def test_it_is_recognised(dtype: str, labels: str, classes: int) -> None:
    program = network(dtype=dtype, labels=labels, classes=classes)
    assert two_layers(program) == TwoLayers((0, 1, 2, 3), (0, 1))


def test_it_is_recognised_whatever_its_order_and_names() -> None:
    def loss(ops: Any, y: Any, out: Any, x: Any, bias: Any, a: Any, b: Any) -> Any:
        return two_layer_loss(ops, a, bias, b, out, x, y)

    shapes = {"y": (9,), "out": (4,), "x": (9, 6), "bias": (7,), "a": (6, 7), "b": (7, 4)}
    values = [Value(n, s, "int64" if n == "y" else "float32") for n, s in shapes.items()]
    ask = training(["out", "b", "a", "bias"], "sgd", {"lr": 0.1})
    assert two_layers(trace(loss, values, ask)) == TwoLayers((2, 3, 1, 0), (1, 0))


# -- the step --------------------------------------------------------------------------------


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch, compiled_kernels: Path) -> None:
    """Let adapters of `posed` be made in this process."""
    monkeypatch.setenv("POSED_KERNELS", str(compiled_kernels))


def run(adapter: CupyAdapter, program: Program, steps: int) -> tuple[list[Array], list[Array]]:
    """Return the losses, and the parameters after the last step."""
    inputs = drawn(program)
    names = [v.name for v in program.data_inputs]
    tensors = {v.name: v.dtype for v in program.inputs}
    batches = [[adapter.tensor(inputs[n][i], tensors[n]) for n in names] for i in range(BATCHES)]
    executable = adapter.compile(program)
    executable.load([adapter.tensor(inputs[n], tensors[n]) for n in program.ask["params"]])
    losses = [executable(*batches[t % BATCHES])[0] for t in range(steps)]
    adapter.synchronize(losses)
    return [adapter.to_numpy(x) for x in losses], list(map(adapter.to_numpy, executable.params()))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("backend", ["posed", "posed_graph"])
@pytest.mark.parametrize(
    ("loss", "dtype"),
    [(two_layer_loss, "float32"), (two_layer_loss, "bfloat16"), (tanh_loss, "bfloat16")],
    ids=["five launches-float32", "five launches-bfloat16", "tape-bfloat16"],
)
def test_it_stays_within_the_catalogues_bounds(
    loss: Callable[..., Any], dtype: str, backend: str, optimizer: str, oracle: Oracle,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """So does the tape, in the dtype that NumPy lacks."""
    worker: Worker = request.getfixturevalue(backend)
    program = network(loss, dtype=dtype, optimizer=optimizer, schedule="exponential")
    inputs = drawn(program)
    case = replace(
        step_case(128, 64, "adam", "float32"), dtype=dtype,
        name=f"small-{loss.__name__}-{optimizer}-{dtype}",
        program=program, steps=STEPS, batches=BATCHES,
    )  # fmt: skip
    told = worker.prepare(program, inputs, BATCHES)
    assert told.get("launches_per_step") == (5 if loss is two_layer_loss else None)
    trained = worker.train(STEPS, keep=kept_steps(STEPS))
    checks, _ = OracleExaminer(oracle).training(case, inputs, trained)
    assert len(checks) == 1 + 4 * len(kept_steps(STEPS))
    assert all(check.passed for check in checks), checks


@pytest.mark.parametrize(
    ("dtype", "near"), [("float32", 1e-6), ("float16", 4e-3), ("bfloat16", 3e-2)]
)
def test_it_does_what_the_tape_does(
    stand_ins: None, dtype: str, near: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step of plain descent at a rate of 1: parameters change by their gradients."""
    program = network(dtype=dtype, optimizer="sgd")
    program = program._replace(ask={**program.ask, "hyper": {"lr": 1.0}})
    losses, params = run(adapters.Posed(), program, 1)
    monkeypatch.setattr("bakeoff_cupy.adapter.two_layers", lambda program: None)
    tape_losses, tape_params = run(adapters.Posed(), program, 1)
    np.testing.assert_allclose(losses, tape_losses, rtol=near, atol=near)
    for a, b in zip(params, tape_params, strict=True):
        assert a.dtype == b.dtype == ("float32" if dtype == "bfloat16" else dtype)
        np.testing.assert_allclose(a, b, rtol=near, atol=near)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_captured_step_is_five_launches(stand_ins: None, optimizer: str, steps: int) -> None:
    posing.CAPTURED.clear()
    run(adapters.PosedGraph(steps=steps), network(optimizer=optimizer), steps)
    (calls,) = posing.CAPTURED
    assert calls == 5 * steps


@pytest.mark.parametrize("refused", [6, 256], ids=["bias and ReLU", "a bias's gradient"])
@pytest.mark.parametrize("status", [0, 15])
def test_the_tape_is_taken_where_a_product_is_not_offered(
    stand_ins: None, refused: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Without(lt.Library):
        def cublasLtMatmulAlgoGetHeuristic(self, *arguments: Any) -> int:
            if self._things[arguments[1].value][7] == refused:
                return status  # and no algorithm
            return super().cublasLtMatmulAlgoGetHeuristic(*arguments)

    assert adapters.Posed().compile(network()).launches_per_step == 5
    expected = run(adapters.Posed(), network(), 3)
    monkeypatch.setattr(lt, "Library", Without)
    adapter = adapters.Posed()
    assert adapter.compile(network()).launches_per_step is None
    for a, b in zip(run(adapter, network(), 3)[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_what_is_asked_for_beforehand_is_what_the_step_multiplies(stand_ins: None) -> None:
    """No other plan is made by the step than the two that were asked for."""
    adapter = adapters.Posed()
    adapter.compile(network(rows=64, pixels=64, hidden=64))
    products = adapter._products
    asked = {key[:4] for key in products._plans}
    run(adapter, network(rows=64, pixels=64, hidden=64), 1)
    assert {key[:4] for key in products._plans} == asked
    assert len(asked) == 2


# -- several steps to a graph ------------------------------------------------------------------


@pytest.mark.parametrize("loss", [two_layer_loss, tanh_loss], ids=["five launches", "tape"])
@pytest.mark.parametrize("count", [1, 5, 6, 14])
def test_steps_of_one_graph_give_the_bits_of_single_ones(
    stand_ins: None, loss: Callable[..., Any], count: int
) -> None:
    """Whole graphs, and what is left over; batches come in turn, not as many as steps."""
    program = network(loss, schedule="cosine")
    single, several = (
        run(adapter, program, count) for adapter in (adapters.Posed(), adapters.PosedGraph(steps=6))
    )
    for a, b in zip(single, several, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def test_a_graph_of_several_steps_finds_its_numbers_beyond_the_tables_end(
    stand_ins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of 8 rows, and graphs of 3 steps: the third would read past its end."""
    monkeypatch.setattr("bakeoff_cupy.training.ROWS", 8)
    program = network(schedule="exponential")
    few = run(adapters.PosedGraph(steps=3), program, 20)
    monkeypatch.setattr("bakeoff_cupy.training.ROWS", ROWS)
    many = run(adapters.Posed(), program, 20)
    for x, y in zip(few[1], many[1], strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("steps", [1, 3])
def test_loading_anew_begins_at_the_first_steps_numbers(stand_ins: None, steps: int) -> None:
    """And without filling the table anew, if it still holds them."""
    adapter, program = adapters.PosedGraph(steps=steps), network(schedule="exponential")
    inputs = drawn(program)
    executable = adapter.compile(program)
    data = (adapter.tensor(inputs["x"][0], "float32"), adapter.tensor(inputs["y"][0], "int64"))
    filled: list[int] = []
    fill = executable._numbers.fill
    executable._numbers.fill = lambda t: filled.append(t) or fill(t)

    def trained() -> list[Array]:
        executable.load([adapter.tensor(inputs[n], "float32") for n in program.ask["params"]])
        for _ in range(7):
            executable(*data)
        return [adapter.to_numpy(p) for p in executable.params()]

    first, second, before = trained(), trained(), len(filled)
    third = trained()
    for a, b, c in zip(first, second, third, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert len(filled) == before


@pytest.mark.parametrize(("steps", "told"), [(1, "one training step to"), (6, "6 training steps")])
def test_it_says_how_many_steps_are_a_graph(stand_ins: None, steps: int, told: str) -> None:
    notes = adapters.PosedGraph(steps=steps).describe()["notes"]
    assert any(note.startswith(told) for note in notes)
    assert any("left over" in note for note in notes) == (steps > 1)


WAITS: dict[str, Callable[[CupyAdapter, Any, Any], Any]] = {
    "synchronize": lambda adapter, executable, loss: adapter.synchronize(),
    "an event": lambda adapter, executable, loss: adapter.device_timer().record(),
    "the loss": lambda adapter, executable, loss: adapter.to_numpy(loss),
    "the parameters": lambda adapter, executable, loss: executable.params(),
    "other parameters": lambda adapter, executable, loss: executable.load(executable.params()),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_steps_that_wait_are_queued_when_one_looks(
    stand_ins: None, wait: Callable[[CupyAdapter, Any, Any], Any]
) -> None:
    adapter, program = adapters.PosedGraph(steps=4), network()
    inputs = drawn(program)
    executable = adapter.compile(program)
    executable.load([adapter.tensor(inputs[n], "float32") for n in program.ask["params"]])
    data = (adapter.tensor(inputs["x"][0], "float32"), adapter.tensor(inputs["y"][0], "int64"))
    (loss,) = executable(*data)
    loss.value[...] = np.asarray(-1.0, "f4").view(posing.OnDevice)
    wait(adapter, executable, loss)
    assert float(np.asarray(loss.value)) > 0, "nobody wrote the loss"


def test_a_block_holds_whole_graphs_of_steps(stand_ins: None) -> None:
    """What a worker rounds a block's calls up to."""
    assert adapters.PosedGraph(steps=6).compile(network()).steps_at_once == 6


def test_data_that_lie_there_are_copied_once(stand_ins: None) -> None:
    """As many steps as batches: from the second graph on, losses alone are copied."""
    adapter, program = adapters.PosedGraph(steps=BATCHES), network()
    copied: list[tuple[int, ...]] = []
    copyto = adapter._cp.copyto
    adapter._cp.copyto = lambda to, value: copied.append(to.shape) or copyto(to, value)
    run(adapter, program, 4 * BATCHES)
    assert (SIZES["rows"], SIZES["pixels"]) not in copied
    assert copied.count((BATCHES,)) == 4

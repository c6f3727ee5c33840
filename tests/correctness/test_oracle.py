"""The oracle answers in float64, doubts itself, remembers, and knows right training from wrong."""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from correctness.honest import BY_ID, run, sample_case

from bakeoff.case import Case, draw
from bakeoff.compare import compare_call, compare_fit, compare_training
from bakeoff.errors import BakeoffError
from bakeoff.inputs import draw_inputs
from bakeoff.oracle import Oracle
from bakeoff.plugins import load
from bakeoff.program import Value, trace, training
from bakeoff.truth import CallTruth, TrainingTruth
from bakeoff.widening import in_float64
from bakeoff.worker import Launch, launch_for
from bakeoff_history.pretraining import pretraining
from bakeoff_numpy.adapter import NumpyAdapter
from bakeoff_two_layer.cases import fit_case, linear_case, step_case
from bakeoff_worker.adapter import TrainingExecutable
from bakeoff_worker.program import Program


@pytest.fixture(scope="module")
def launch() -> Launch:
    return launch_for(load().backends["numpy"], sys.executable)


@pytest.fixture(scope="module")
def oracle(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    with Oracle(launch, tmp_path_factory.mktemp("oracle"), timeout_s=60) as oracle:
        yield oracle


@pytest.mark.parametrize("sample", ["conv2d-grouped", "softmax-large", "argmax-axis1", "pow-row"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_honest_results_agree_with_the_oracle(oracle: Oracle, sample: str, dtype: str) -> None:
    case = sample_case(BY_ID[sample], dtype, BY_ID[sample].differentiable)
    inputs = draw_inputs(case)
    truth = oracle.answer(case, inputs)
    assert isinstance(truth, CallTruth)
    assert not truth.doubt
    got = run(NumpyAdapter(), case.program, inputs)
    assert all(c.passed for c in compare_call(case, got, truth))


def test_the_oracle_works_in_float64_on_inputs_rounded_first(oracle: Oracle) -> None:
    case = sample_case(BY_ID["multiply-scalar-right"], "float32", False)
    node = case.program.nodes[0]
    program = case.program._replace(nodes=(node._replace(args=("a", 0.1)),))
    case = replace(case, name="tenth", program=program)
    inputs = draw_inputs(case)
    truth = oracle.answer(case, inputs)
    assert isinstance(truth, CallTruth)
    exact = inputs["a"].astype("f8") * float(np.float32(0.1))
    np.testing.assert_array_equal(truth.parts[0].expected, exact)


def test_every_dtype_of_a_program_is_widened() -> None:
    program = sample_case(BY_ID["one_hot-10"], "float16", False).program
    wide = in_float64(program)
    assert wide.nodes[0].dtype == wide.nodes[0].attrs["dtype"] == "float64"
    assert wide.inputs[0].dtype == "int64"
    assert Program.from_json(wide.to_json()) == wide


def test_answers_are_computed_once(oracle: Oracle) -> None:
    case = sample_case(BY_ID["matmul-square"], "float32", True, seed=7)
    inputs = draw_inputs(case)
    assert oracle.answer(case, inputs) is oracle.answer(case, inputs)


def test_old_answers_are_forgotten(launch: Launch, tmp_path: Path) -> None:
    with Oracle(launch, tmp_path, cache_bytes=1) as small:
        first = sample_case(BY_ID["exp-64x10"], "float32", False)
        second = sample_case(BY_ID["log-64x10"], "float32", False)
        before = small.answer(first, draw_inputs(first))
        small.answer(second, draw_inputs(second))
        assert small.answer(first, draw_inputs(first)) is not before


def test_a_wrong_reference_engine_is_doubted(launch: Launch, tmp_path: Path) -> None:
    """The bound's own evaluation disagrees with it: then no backend can pass."""
    file = tmp_path / "wrong.py"
    file.write_text(
        f"import importlib.util as u\n"
        f"s = u.spec_from_file_location('honest_adapter', {launch.adapter_file!r})\n"
        "m = u.module_from_spec(s)\n"
        "s.loader.exec_module(m)\n"
        "class Wrong(m.NumpyAdapter):\n"
        "    def __init__(self, threads=1):\n"
        "        super().__init__(threads)\n"
        "        right = self.ops\n"
        "        tanh = lambda x: right['multiply'](right['tanh'](x), 1.0000001)\n"
        "        self.ops = {**right, 'tanh': tanh}\n"
    )
    wrong = replace(launch, adapter_file=str(file), adapter_class="Wrong")
    case = sample_case(BY_ID["tanh-4d"], "float32", False)
    inputs = draw_inputs(case)
    with Oracle(wrong, tmp_path) as oracle:
        truth = oracle.answer(case, inputs)
    assert isinstance(truth, CallTruth)
    assert "independent evaluations" in truth.doubt
    [check] = compare_call(case, [np.tanh(inputs["x"])], truth)
    assert not check.passed


def test_the_worker_is_started_again_if_it_died(launch: Launch, tmp_path: Path) -> None:
    case = sample_case(BY_ID["exp-64x10"], "float32", False)
    with Oracle(launch, tmp_path) as oracle:
        oracle.answer(case, draw_inputs(case))
        oracle.close()
        other = sample_case(BY_ID["log-64x10"], "float32", False)
        assert oracle.answer(other, draw_inputs(other))


# --- training -------------------------------------------------------------------------------


def _loss(ops: Any, w: Any, x: Any, y: Any) -> Any:
    return ops.mean(ops.squared_error(ops.tanh(x @ w), y))


def _case(optimizer: str, schedule: dict[str, Any] | None = None) -> Case:
    values = [Value(n, s, "float32") for n, s in (("w", (6, 3)), ("x", (32, 6)), ("y", (32, 3)))]
    hyper = {"lr": 0.05}
    program = trace(_loss, values, training(["w"], optimizer, hyper, schedule))
    inputs = {"w": draw("glorot"), "x": draw("normal"), "y": draw("uniform", low=-1, high=1)}
    name = f"{optimizer}-{schedule['name'] if schedule else ''}"
    return Case("test", name, program, inputs, "float32", steps=30, batches=4)


def _trained(
    case: Case, program: Program, inputs: dict[str, Any], adapter: Any = None
) -> tuple[Any, dict[int, list[Any]]]:
    """Train with the reference engine in float32, possibly another program's way."""
    adapter = adapter or NumpyAdapter()
    step = adapter.compile(program)
    step.load([adapter.tensor(inputs[n], "float32") for n in program.ask["params"]])
    losses, params = [], {}
    for t in range(case.steps):
        data = [inputs[v.name][t % case.batches] for v in program.data_inputs]
        (loss,) = step(*[adapter.tensor(d, "float32") for d in data])
        losses.append(float(adapter.to_numpy(loss)))
        if t + 1 in (1, 10, case.steps):
            params[t + 1] = [adapter.to_numpy(p) for p in step.params()]
    return np.array(losses), params


OPTIMIZERS = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_honest_training_stays_in_its_envelope(oracle: Oracle, optimizer: str) -> None:
    for seed in range(5):
        case = replace(_case(optimizer), seed=seed)
        inputs = draw_inputs(case)
        truth = oracle.answer(case, inputs)
        assert isinstance(truth, TrainingTruth)
        for check in compare_training(case, *_trained(case, case.program, inputs), truth):
            assert check.passed, check.reason


@pytest.mark.parametrize("wrong", OPTIMIZERS)
@pytest.mark.parametrize("right", OPTIMIZERS)
def test_one_optimizer_is_never_taken_for_another(oracle: Oracle, right: str, wrong: str) -> None:
    """Nesterov as plain momentum, AdamW as Adam, and every other pair: caught in 30 steps."""
    case, other = _case(right), _case(wrong)
    inputs = draw_inputs(case)
    truth = oracle.answer(case, inputs)
    assert isinstance(truth, TrainingTruth)
    checks = compare_training(case, *_trained(case, other.program, inputs), truth)
    assert all(c.passed for c in checks) == (right == wrong)


class _NoCorrection:
    """Adam without bias correction: the scalars of a step that is far in the future."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.init = inner, inner.init

    def update(self, params: Any, grads: Any, state: Any, lr: float, t: int) -> Any:
        return self.inner.update(params, grads, state, lr, t + 1_000_000)


class _Composed(NumpyAdapter):
    """The optimizer composed from its definition, whose step number can be forged."""

    def compile(self, program: Program) -> Any:
        from bakeoff_worker.optimizers import Composed

        step = super().compile(program)
        assert isinstance(step, TrainingExecutable)
        ask = program.ask
        composed = Composed(
            ask["optimizer"], ask["hyper"], self.ops["sqrt"], self.ops["zeros_like"]
        )
        step._optimizer = _NoCorrection(composed)
        return step


def test_adam_without_bias_correction_is_caught(oracle: Oracle) -> None:
    case = _case("adam")
    inputs = draw_inputs(case)
    truth = oracle.answer(case, inputs)
    assert isinstance(truth, TrainingTruth)
    wrong = _trained(case, case.program, inputs, _Composed())
    checks = compare_training(case, *wrong, truth)
    assert not any(c.passed for c in checks if c.output.startswith("w"))


def test_a_wrong_step_decay_is_caught(oracle: Oracle) -> None:
    right = _case("sgd", {"name": "step_decay", "d": 0.5, "t0": 10})
    wrong = _case("sgd", {"name": "step_decay", "d": 0.5, "t0": 11})
    inputs = draw_inputs(right)
    truth = oracle.answer(right, inputs)
    assert isinstance(truth, TrainingTruth)
    honest = compare_training(right, *_trained(right, right.program, inputs), truth)
    late = compare_training(right, *_trained(right, wrong.program, inputs), truth)
    assert all(c.passed for c in honest)
    assert not all(c.passed for c in late)


def test_a_missing_bias_gradient_is_caught_in_training(oracle: Oracle) -> None:
    case = step_case(128, 64, "sgd", "float32")
    inputs = draw_inputs(case)
    truth = oracle.answer(case, inputs)
    assert isinstance(truth, TrainingTruth)
    params = {k: [p.astype("f4") for p in v] for k, v in truth.params.items()}
    assert all(c.passed for c in compare_training(case, truth.losses, params, truth))
    for values in params.values():
        values[1] = inputs["b1"]  # never moved
    failed = [c.output for c in compare_training(case, truth.losses, params, truth) if not c.passed]
    assert failed == ["b1 after 1 step", "b1 after 10 steps", "b1 after 100 steps"]


def test_the_linear_case_is_judged(oracle: Oracle) -> None:
    case = linear_case("float32")
    inputs = draw_inputs(case)
    truth = oracle.answer(case, inputs)
    assert isinstance(truth, TrainingTruth)
    assert sorted(truth.params) == [1, 10, 200]
    checks = compare_training(case, *_trained(case, case.program, inputs), truth)
    assert all(c.passed for c in checks)


def test_a_fit_is_answered_with_its_first_losses_and_accuracy(oracle: Oracle) -> None:
    case = fit_case(128, 64, "adam")
    truth = oracle.fit(case, draw_inputs(case))
    assert truth.losses.shape == (20,)
    assert truth.accuracy >= 0.92
    loss, accuracy = compare_fit(case, truth.losses, 0.92, truth)
    assert loss.passed
    assert accuracy.passed
    untrained, _ = compare_fit(case, np.full(20, truth.losses[0]), 0.92, truth)
    assert not untrained.passed


def test_a_fit_with_stages_before_is_answered_with_the_losses_of_the_first(oracle: Oracle) -> None:
    case = next(c for c in pretraining() if c.fit is not None and c.fit.before)
    truth = oracle.fit(case, draw_inputs(case))
    assert truth.losses.shape == (20,)
    assert truth.losses[0] < 0.5 < math.log(10) < truth.epoch_losses[0] * 1.5
    assert truth.accuracy > 0.65  # the oracle was pre-trained, too
    assert compare_fit(case, truth.losses, truth.accuracy, truth)[0].passed


def test_a_fit_is_refused_where_the_case_has_none(oracle: Oracle) -> None:
    case = _case("sgd")
    with pytest.raises(BakeoffError, match="the case has none"):
        oracle.fit(case, draw_inputs(case))

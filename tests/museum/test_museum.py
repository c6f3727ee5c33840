"""Every toolkit of the museum: ops, gradients, training and conduct, in its own environment."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance_cases import FAMILIES, HALF_OPS, Failure, cases_of, failures
from exhibits import BACKENDS, TIMEOUT_S
from known import COARSE, MISSES, REFUSALS
from training_loops import OPTIMIZERS, SCHEDULES, compare_training

from bakeoff import conduct
from bakeoff.case import Case
from bakeoff.examiner import OracleExaminer
from bakeoff.occupant import Occupant
from bakeoff.ops import OPS
from bakeoff.oracle import Oracle
from bakeoff.program import Value, trace, training
from bakeoff.pytest_verdict import CellFailure, examine
from bakeoff.record import Outcome
from bakeoff.samples import samples_of
from bakeoff.trial import Trial
from bakeoff.worker import Worker, WorkerFailure
from bakeoff_two_layer.cases import step_case

pytestmark = [pytest.mark.museum, pytest.mark.toolkit]

WorkerOf = Callable[[str], Worker]
OccupantOf = Callable[[str], Occupant]

DTYPES = ("float32", "float64")
LATE = {"float32": 5e-5, "float64": 1e-11}  # what a dozen steps may differ from the NumPy loop


def _offered(worker: Worker, dtype: str) -> None:
    if dtype not in worker.hello["dtypes"]:
        pytest.skip(f"no {dtype} (offers {', '.join(worker.hello['dtypes'])})")


def _judged(
    worker: Worker, oracle: Oracle, cases: Sequence[Case]
) -> tuple[list[Failure], dict[str, str]]:
    """Return misses and refusals: of all cases in one program, or else one by one."""
    if not cases:
        return [], {}
    try:
        return failures(worker, oracle, cases), {}
    except WorkerFailure as failure:
        if failure.outcome is not Outcome.UNSUPPORTED:
            raise
    found: list[Failure] = []
    refused: dict[str, str] = {}
    for case in cases:
        try:
            found += failures(worker, oracle, [case])
        except WorkerFailure as failure:
            if failure.outcome is not Outcome.UNSUPPORTED:
                raise
            refused[case.name] = failure.reason
    return found, refused


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_ops_and_gradients_are_within_bounds(
    backend: str, family: str, dtype: str, worker_of: WorkerOf, oracle: Oracle
) -> None:
    """Every op that is offered, against the oracle's values and derived bounds."""
    worker = worker_of(backend)
    _offered(worker, dtype)
    gradients = "gradient" in worker.hello["asks"]
    cases = cases_of(dtype, family=family, ops=worker.hello["ops"], gradients=gradients)
    _as_known(backend, dtype, cases, worker, oracle)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_half_precision(backend: str, dtype: str, worker_of: WorkerOf, oracle: Oracle) -> None:
    """float16 and bfloat16 results stay in their dtype and within its bounds."""
    worker = worker_of(backend)
    _offered(worker, dtype)
    ops = set(HALF_OPS) & set(worker.hello["ops"])
    gradients = "gradient" in worker.hello["asks"]
    cases = cases_of(dtype, ops=ops, first=True, gradients=gradients)
    _as_known(backend, dtype, cases, worker, oracle)


def _as_known(
    backend: str, dtype: str, cases: Sequence[Case], worker: Worker, oracle: Oracle
) -> None:
    """Assert that what misses or is refused is what is known."""
    found, refused = _judged(worker, oracle, cases)
    unknown = [f.text for f in found if (backend, f.op, dtype) not in MISSES]
    assert not unknown, "\n".join(unknown)
    missed = {f.op for f in found}
    ops = {c.program.nodes[-1].op for c in cases}
    gone = {op for b, op, d in MISSES if (b, d) == (backend, dtype) and op in ops} - missed
    assert not gone, f"within bounds now: {sorted(gone)}; take them out of known.MISSES"
    names = {c.name for c in cases}
    expected = {n: words for (b, n), words in REFUSALS.items() if b == backend and n in names}
    assert refused.keys() == expected.keys(), refused
    for name, words in expected.items():
        assert words in refused[name]
    if missed:
        reasons = {f"{op}: {MISSES[backend, op, dtype]}" for op in missed}
        pytest.xfail("; ".join(sorted(reasons)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_missing_has_a_reason(backend: str, worker_of: WorkerOf) -> None:
    """An op is offered, or refused in the toolkit's words; never silently missing."""
    hello = worker_of(backend).hello
    offered, unsupported = set(hello["ops"]), hello["unsupported"]
    assert set(OPS) == offered | set(unsupported)
    assert not offered & set(unsupported)
    assert all(reason.strip() for reason in unsupported.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_describe_tells_what_a_record_needs(backend: str, worker_of: WorkerOf) -> None:
    """Version, device, threads as read back, precision, layout, optimizers' origin."""
    hello = worker_of(backend).hello
    described = hello["describe"]
    for key in ("toolkit", "version", "device", "precision", "layout", "notes"):
        assert described.get(key), key
    assert described["threads"] == 1
    origins = described["optimizer_origin"]
    assert set(origins) == set(hello["optimizers"])
    assert all(o.split(":")[0] in ("native", "composed") for o in origins.values()), origins


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_registered_is_known_of(backend: str) -> None:
    """Who made it, when it was first released, and what a line of the report says."""
    registered = BACKENDS[backend]
    assert registered.homepage.startswith("http")
    year, month = map(int, registered.released.split("-"))
    assert 2000 < year < 2030
    assert 1 <= month <= 12
    assert registered.summary
    assert registered.requirements


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_optimizer_follows_its_equation(
    backend: str, optimizer: str, dtype: str, worker_of: WorkerOf
) -> None:
    """In float64, where the toolkit has it, a wrong equation cannot hide behind rounding."""
    worker = worker_of(backend)
    _offered(worker, dtype)
    if optimizer not in worker.hello["optimizers"]:
        pytest.skip(f"offers {', '.join(worker.hello['optimizers'])}")
    tolerance = LATE["float32" if backend in COARSE else dtype]
    compare_training(worker, optimizer, "exponential", dtype, tolerance)


def _regression(ops: Any, w: Any, x: Any, y: Any) -> Any:
    return ops.mean(ops.squared_error(x @ w, y))


@pytest.mark.parametrize("backend", BACKENDS)
def test_steep_gradients_are_not_clipped(backend: str, worker_of: WorkerOf) -> None:
    """Some toolkits cut gradients off above a norm, if they are not told otherwise."""
    worker, lr = worker_of(backend), 1e-3
    values = [Value("w", (3, 1), "float32"), Value("x", (4, 3), "float32")]
    ask = training(["w"], "sgd", {"lr": lr})
    w, x = np.ones((3, 1), "float32"), np.arange(12, dtype="float32").reshape(4, 3)
    y = np.full((4, 1), 1000, dtype="float32")
    try:
        program = trace(_regression, [*values, Value("y", (4, 1), "float32")], ask)
        worker.prepare(program, {"w": w, "x": x[None], "y": y[None]}, 1)
    except WorkerFailure as failure:
        if failure.outcome is not Outcome.UNSUPPORTED:
            raise
        pytest.skip(failure.reason)
    gradient = x.T @ (x @ w - y) / 2  # of a norm around 20,000
    got = worker.train(1, keep=(1,))["params"][1][0]
    np.testing.assert_allclose(got, w - lr * gradient, rtol=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_schedule_reaches_the_optimizer(backend: str, schedule: str, worker_of: WorkerOf) -> None:
    """The learning rate of every step is the schedule's."""
    compare_training(worker_of(backend), "sgd", schedule, "float32", LATE["float32"])


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_hundred_steps_stay_in_the_envelope(
    backend: str, optimizer: str, occupant_of: OccupantOf, oracle: Oracle, tmp_path: Path
) -> None:
    """Losses and parameters of the two-layer network on digits, against the float64 run."""
    _ok(step_case(128, 64, optimizer, "float32"), occupant_of(backend), oracle, tmp_path)


CONDUCT = {"matmul": "matmul-layer", "conv2d": "conv2d-plain", "softmax": "softmax-64x10"}


@pytest.mark.parametrize("op", CONDUCT)
@pytest.mark.parametrize("backend", BACKENDS)
def test_conduct_is_good(
    backend: str, op: str, occupant_of: OccupantOf, oracle: Oracle, tmp_path: Path
) -> None:
    """Inputs are left alone; results are computed anew, and of memory of their own."""
    occupant = occupant_of(backend)
    hello = occupant.worker().hello
    if op not in hello["ops"]:
        pytest.skip(hello["unsupported"][op])
    (case,) = (
        c
        for c in cases_of("float32", op=op, gradients="gradient" in hello["asks"])
        if c.name == f"{CONDUCT[op]}-float32"
    )
    known = MISSES.get((backend, op, "float32"))
    try:
        _ok(case, occupant, oracle, tmp_path)
    except CellFailure as failure:
        misconduct = any(c.kind == conduct.KIND for c in failure.record.checks or ())
        if known is None or misconduct or failure.record.outcome is not Outcome.MISMATCH:
            raise
        pytest.xfail(known)


def _ok(case: Case, occupant: Occupant, oracle: Oracle, scratch: Path) -> None:
    trial = Trial(case, occupant, 0)
    examine(trial, OracleExaminer(oracle), scratch, timeout_s=TIMEOUT_S)
    trial.release()
    record = trial.record("")
    if record.outcome is not Outcome.OK:
        raise CellFailure(record)


def _views(ops: Any, x: Any) -> Any:
    return ops.reshape(x, (3, 2)), ops.astype(x, "float32"), x, x[0], ops.sum(x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_alias_no_input(backend: str, worker_of: WorkerOf) -> None:
    """Views, casts to the same dtype and the input itself come back as values of their own."""
    worker = worker_of(backend)
    program = trace(_views, [Value("x", (2, 3), "float32")])
    missing = {n.op for n in program.nodes} - set(worker.hello["ops"])
    if missing or "forward" not in worker.hello["asks"]:
        pytest.skip(f"offers no {', '.join(sorted(missing)) or 'forward programs'}")
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    worker.prepare(program, {"x": array})
    seen = worker.observe({"x": array + 7})
    assert (seen["shared"], seen["overwritten"], seen["same"]) == ([], [], [])
    expected = [array.reshape(3, 2), array, array, array[0], array.sum()]
    for got, exact in zip(worker.call()[0], expected, strict=True):
        np.testing.assert_array_equal(got, exact)
    np.testing.assert_array_equal(worker.inputs()["x"][0], array)


def test_known_samples_exist() -> None:
    """A misspelt row would allow nothing, and be kept for ever."""
    for _, op, _ in MISSES:
        assert op in OPS
    for _, name in REFUSALS:
        sample = name.rpartition("-")[0]
        assert any(s.id == sample for s in samples_of(name.partition("-")[0]))

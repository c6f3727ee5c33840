"""A workload traces to a neutral program, which is JSON and runs as the workload does."""

import json
import subprocess
import sys

import pytest

from bakeoff.cost import bytes_moved, flops
from bakeoff.errors import OpError, TraceError
from bakeoff.program import Program, Value, gradient, trace, training
from bakeoff_worker.program import ProgramError, source, straight_line


def layer(ops, x, w, b):
    return ops.relu(x @ w + b)


LAYER = [Value("x", (8, 3), "float32"), Value("w", (3, 2), "float32"), Value("b", (2,), "float32")]
X = [Value("x", (2, 3), "float32")]


def test_trace_records_ops_with_shapes_and_dtypes():
    program = trace(layer, LAYER)
    assert [(n.op, n.shape, n.dtype) for n in program.nodes] == [
        ("matmul", (8, 2), "float32"),
        ("add", (8, 2), "float32"),
        ("relu", (8, 2), "float32"),
    ]


def test_program_survives_json():
    program = trace(layer, LAYER)
    assert Program.from_json(json.loads(json.dumps(program.to_json()))) == program


def test_source_is_one_line_per_op():
    assert source(trace(layer, LAYER)).splitlines() == [
        "def program(x, w, b):",
        "    v0 = _op_matmul(x, w)",
        "    v1 = _op_add(v0, b)",
        "    v2 = _op_relu(v1)",
        "    return (v2,)",
    ]


def test_straight_line_passes_scalars_sequences_and_attributes():
    def workload(ops, x):
        return ops.concat([2 * x, x], axis=-1)

    calls = []

    def concat(arrays, axis):
        calls.append((arrays, axis))
        return "joined"

    program = trace(workload, X)
    run = straight_line(program, {"multiply": lambda a, b: (a, b), "concat": concat})
    assert run("X") == ("joined",)
    assert calls == [(((2, "X"), "X"), 1)]


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        (lambda ops, x: x if x > 0 else -x, "truth value"),
        (lambda ops, x: ops.stack(list(x)), "iteration"),
        (lambda ops, x: x * len(x), "the length"),
        (lambda ops, x: float(x), "the number"),
        (lambda ops, x: x * (1, 2)[x], "the index"),
        (lambda ops, x: 3.0, "returned float"),
        (lambda ops, x: x + "1", "got str"),
    ],
    ids=["if", "for", "len", "float", "index", "returns-number", "adds-string"],
)
def test_control_flow_on_values_is_refused_with_the_reason(workload, expected):
    with pytest.raises(TraceError, match=expected):
        trace(workload, X)


def test_assignment_is_refused():
    def workload(ops, x):
        x[0] = 1.0
        return x

    with pytest.raises(TraceError, match="tensors do not change"):
        trace(workload, X)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (gradient(["x"], ["g"]), "expected a floating-point input"),
        (gradient([], []), "one per output"),
        (training(["x"], "sgd", {"lr": 0.1}), "expected one scalar loss"),
    ],
    ids=["no-cotangent-input", "no-cotangent", "loss-not-scalar"],
)
def test_an_ask_that_does_not_fit_is_refused(ask, expected):
    with pytest.raises(TraceError, match=expected):
        trace(lambda ops, x: ops.relu(x), X, ask)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sgdd", {"lr": 1}), "'sgdd', expected one of sgd"),
        (("adam", {}), "lr must be given"),
        (("adam", {"lr": 1, "beta": 2}), "no 'beta'"),
        (("sgd", {"lr": 1}, {"name": "step_decay"}), "must be given"),
    ],
)
def test_optimizers_and_schedules_are_checked(arguments, expected):
    with pytest.raises(TraceError, match=expected):
        training(["w"], *arguments)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"format": 99}, "format 99"),
        ({"outputs": ["nothing"]}, "is not defined"),
        ({"inputs": [["x; import os", [8, 3], "float32"]]}, "bad or repeated name"),
        ({"nodes": [{"name": "v0"}]}, "damaged data"),
        ({"ask": {"kind": "dream"}}, "expected one of forward"),
    ],
)
def test_damaged_programs_are_refused(change, expected):
    with pytest.raises(ProgramError, match=expected):
        Program.from_json({**trace(layer, LAYER).to_json(), **change})


def test_flops_of_a_matmul_and_its_gradients():
    values = [
        Value("a", (4, 5), "float32"),
        Value("b", (5, 6), "float32"),
        Value("g", (4, 6), "float32"),
    ]
    forward_only = trace(lambda ops, a, b: a @ b, values[:2])
    both = trace(lambda ops, a, b: a @ b, values, gradient(["a", "b"], ["g"]))
    assert flops(forward_only) == 2 * 4 * 5 * 6
    assert flops(both) == 3 * flops(forward_only)
    assert bytes_moved(forward_only) == 4 * (20 + 30 + 24)


def test_shape_errors_come_before_any_toolkit():
    with pytest.raises(OpError, match="inner sizes 3 and 2 differ"):
        trace(lambda ops, x: x @ x, X)


def test_importing_bakeoff_imports_no_array_library():
    probe = (
        "import sys, bakeoff, bakeoff.plugins, bakeoff.program, bakeoff.samples;"
        "heavy = {'numpy', 'torch', 'jax', 'cupy', 'pandas', 'matplotlib'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe], check=True, capture_output=True, text=True
    )
    assert result.stdout.strip() == "[]"

"""Run ONNX cases on the reference engine and compare, with a stated tolerance per op."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx_elementwise
import onnx_movement
import onnx_neural
import onnx_training
from onnx_cases import NotApplicable, OnnxCase, cases
from onnx_table import TABLE, OnnxOp, Ops, Tensor, concrete

import bakeoff_reference.ops
from bakeoff_reference import variable

# The modules that fill the table when imported.
MODULES = (onnx_elementwise, onnx_movement, onnx_neural, onnx_training)

ONNX_RTOL, ONNX_ATOL = 1e-3, 1e-7
"""What ONNX's own runner allows."""

RTOL = {"float16": 1e-3, "float32": 2e-6, "float64": 1e-13}
"""Ours, by the output's dtype; integers and booleans are compared exactly."""

LOOSER = {
    # Layer normalization subtracts a mean that nearly equals its operand, step by step.
    "(expanded functions)": 1e-5,
}
"""What needs more than `RTOL`, with the reason."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case: passed, failed or not applicable, and why."""

    case: OnnxCase
    outcome: str
    reason: str = ""


PLUMBING = frozenset({"Constant", "Identity", "Shape", "Size"})
"""Op types that graphs need and that call no op of ours: alone they prove nothing."""


def selected(*folders: str, table: Mapping[str, OnnxOp] = TABLE) -> list[OnnxCase]:
    """Return the cases all of whose ops are in the table, and not plumbing alone."""
    return [case for case in _all(folders) if case.ops <= table.keys() and not case.ops <= PLUMBING]


def outside(*folders: str, table: Mapping[str, OnnxOp] = TABLE) -> dict[str, list[OnnxCase]]:
    """Return the other cases, by the first op that is not the catalogue's."""
    lacking: dict[str, list[OnnxCase]] = {}
    for case in _all(folders):
        missing = next((n.op for n in case.nodes if n.op not in table), None)
        if case.ops <= PLUMBING:
            missing = case.op
        if missing is not None:
            lacking.setdefault(missing, []).append(case)
    return lacking


@cache
def _all(folders: tuple[str, ...]) -> tuple[OnnxCase, ...]:
    return tuple(cases(*folders))


def run(
    case: OnnxCase, *, ops: Ops = bakeoff_reference.ops, table: Mapping[str, OnnxOp] = TABLE
) -> dict[str, Tensor]:
    """Return the outputs that our ops give for the case's inputs.

    Raises
    ------
    NotApplicable
        If the case asks what the catalogue has not.
    """
    case.check_types()
    values: dict[str, Any] = {"": None, **case.constants(), **case.inputs()}
    for name in case.differentiated:
        values[name] = variable(values[name])
    for node in case.nodes:
        args = [values[name] for name in (*node.inputs, *node.targets)]
        results = table[node.op](ops, node, *args)
        results = results if isinstance(results, tuple) else (results,)
        values.update(zip(node.outputs, results, strict=True))
    return {name: values[name] for name in case.expected()}


def check(case: OnnxCase, got: Mapping[str, Tensor]) -> None:
    """Assert that each output has the expected shape, dtype and values."""
    for name, expected in case.expected().items():
        actual = concrete(got[name])
        where = f"{case.id}: output {name}"
        assert actual.shape == expected.shape, (
            f"{where}: shape {actual.shape}, expected {expected.shape}"
        )
        assert actual.dtype == expected.dtype, (
            f"{where}: dtype {actual.dtype}, expected {expected.dtype}"
        )
        if expected.dtype.kind != "f":
            np.testing.assert_array_equal(actual, expected, err_msg=where)
            continue
        rtol = LOOSER.get(case.op, RTOL[str(expected.dtype)])
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=ONNX_ATOL, err_msg=where)


def outcome(case: OnnxCase) -> Result:
    """Run and check a case; for tables. Tests call `run` and `check`."""
    try:
        check(case, run(case))
    except NotApplicable as reason:
        return Result(case, "not applicable", str(reason))
    except Exception as error:  # a table shows every failure, whatever it is
        lines = str(error).strip().splitlines() or [""]
        return Result(case, "failed", f"{type(error).__name__}: {lines[0]}")
    return Result(case, "passed")

"""The reference engine against the ONNX project's own inputs and outputs, case by case.

Every case all of whose op types the importer knows is an item. It passes, or is skipped
with the attribute or dtype that the catalogue has not. ``python tests/onnx/coverage_table.py``
prints the counts per op, with the cases of op types outside the catalogue.
"""

import onnx_runner
import pytest
from onnx_cases import NotApplicable, OnnxCase

# Some data ask for it: the logarithm of an empty sum, roots of negative numbers.
pytestmark = [
    pytest.mark.filterwarnings("ignore:divide by zero encountered in log"),
    pytest.mark.filterwarnings("ignore:invalid value encountered"),
]


def _check(case: OnnxCase) -> None:
    try:
        got = onnx_runner.run(case)
    except NotApplicable as reason:
        pytest.skip(f"not applicable: {reason}")
    onnx_runner.check(case, got)


@pytest.mark.parametrize("case", onnx_runner.selected("node"), ids=lambda case: case.id)
def test_node(case: OnnxCase) -> None:
    """Our op gives what ONNX's node test data expect."""
    _check(case)


@pytest.mark.parametrize(
    "case",
    onnx_runner.selected("simple", "pytorch-converted", "pytorch-operator"),
    ids=lambda case: case.id,
)
def test_small_graph(case: OnnxCase) -> None:
    """So do the small graphs, with weights, that ONNX once recorded from PyTorch."""
    _check(case)

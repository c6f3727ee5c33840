"""No false alarms: what computes honestly, in whichever way, is right on every case."""

import pytest
from fault_cases import CASES
from fault_steps import Measure, Seated, remarks_on
from planted_faults import HERE

from bakeoff.interface import Backend
from bakeoff.plugins import load
from bakeoff.record import Outcome

WAYS = (
    "transposed_products",
    "products_of_views",
    "blocked_products",
    "products_one_term_at_a_time",
    "products_from_the_end",
    "products_by_einsum",
    "products_column_by_column",
    "products_in_tf32_as_told",
    "sums_one_term_at_a_time",
    "float64_inside",
    "flushes_small_numbers",
    "results_in_fortran_order",
    "results_with_strides",
    "inputs_in_fortran_order",
    "copies_everything",
    "read_only_results",
    "gradients_by_other_formulas",
    "convolution_by_offsets",
    "composed_optimizers",
    "softmax_from_its_logarithm",
    "computes_in_a_thread",
    "keeps_results_by_input",
)


def _honest(way: str) -> Backend:
    adapter = f"{HERE / 'honest_adapter.py'}:HonestAdapter"
    return Backend(way, way, "NumPy", adapter, {"way": way}, packages=("bakeoff_reference",))


@pytest.mark.parametrize("backend", ["numpy", "numpy-plan", "numpy-compiled", *WAYS])
def test_an_honest_backend_is_right_everywhere(
    backend: str, seated: Seated, measure: Measure
) -> None:
    built_in = load().backends
    occupant = seated(built_in[backend] if backend in built_in else _honest(backend))
    records = {name: measure(occupant, case) for name, case in CASES.items()}
    alarms = {n: r.reason for n, r in records.items() if r.outcome is not Outcome.OK}
    assert not alarms
    assert not [r for n, record in records.items() for r in remarks_on(CASES[n], record)]

"""The table: each fault, the case that shows it, and the verdict that it must get.

Also a plugin, to be run as ``bakeoff run --in-place --plugin planted_faults.py --suites faults``.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bakeoff
from bakeoff.case import Case, Preset, Suite
from bakeoff.interface import Backend
from bakeoff.record import Outcome

sys.path.insert(0, str(Path(__file__).parent))  # --plugin loads this file by location

from fault_cases import CASES

HERE = Path(__file__).parent

MISMATCH, CRASHED, OK = Outcome.MISMATCH, Outcome.CRASHED, Outcome.OK


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of `FaultyAdapter`, and what must be said of it on a case (a pattern).

    ``remark`` is of the cell, where the outcome is ``ok``.
    """

    name: str
    case: str
    outcome: Outcome
    reason: str = ""
    innocent: str = ""  # a case on which nothing is wrong
    timeout_s: float = 60.0
    remark: str = ""


FAULTS = (
    # values
    Fault("softmax_gradient_scaled", "softmax-gradient", MISMATCH, r"grad x.*allowed"),
    Fault("bias_gradient_missing", "layer-gradient", MISMATCH, r"grad b\[\d\]: got 0"),
    Fault("gradients_swapped", "product-gradient", MISMATCH, r"grad a: shape .*, expected"),
    Fault("gradients_add_up", "product-gradient", MISMATCH, r"right at first, wrong later: grad"),
    Fault("padding_off_at_one_edge", "convolution", MISMATCH, r"y\[.*, 7\]: got 0", "product"),
    Fault("padding_shifted", "convolution", MISMATCH, r"y\[.*allowed", "product"),
    Fault("float64_in_float32", "product-float64", MISMATCH, r"y\[.*allowed", "product"),
    Fault("float16_accumulation", "product-float16", MISMATCH, r"y\[.*allowed"),
    Fault("nan_for_one_shape", "tanh-7x5", MISMATCH, r"y\[0, 0\]: got nan", "tanh-5x7"),
    Fault("wrong_where_not_contiguous", "columns", MISMATCH, r"y\[", "tanh-5x7"),
    Fault("wrong_on_other_inputs", "tanh-7x5", MISMATCH, r"on other inputs: y\["),
    Fault("fast_math_exponentials", "exponential", MISMATCH, r"y\[.*\(ulp\)", "product"),
    # precision
    Fault("bfloat16_accumulation", "long-product", MISMATCH, r"y\[.*allowed", "tanh-5x7"),
    Fault("tf32_products", "product", MISMATCH, r"y\[.*allowed", "tanh-5x7"),
    Fault("tf32_in_long_products", "long-product", OK, remark="times what float32 keeps to over"),
    Fault("bfloat16_products_told_as_tf32", "long-product", OK, remark="times what TF32 keeps to"),
    Fault("nondeterministic_sums", "long-product", OK, remark="other bits at the second call"),
    Fault("fast_only_on_zeros", "product", OK),
    Fault("read_before_ready", "product", MISMATCH, r"y\[.*got 0"),
    # training
    Fault("adam_without_bias_correction", "adam", MISMATCH, r"after 1 step", "nesterov"),
    Fault("adam_with_another_epsilon", "adam", MISMATCH, r"envelope", "nesterov"),
    Fault("nesterov_as_momentum", "nesterov", MISMATCH, r"envelope", "adam"),
    Fault("decay_in_steps", "decay", MISMATCH, r"envelope", "adam"),
    Fault("decay_one_step_late", "decay", MISMATCH, r"envelope", "adam"),
    Fault("cross_entropy_gradient_scaled", "network", MISMATCH, "envelope", "softmax-gradient"),
    Fault("relu_gradient_missing", "network", MISMATCH, "envelope", "softmax-gradient"),
    Fault("wrong_and_never_in_parts", "network", MISMATCH, "by the gradient as a whole"),
    Fault("wrong_and_only_trains", "network", MISMATCH, "not all of its parts can be asked"),
    Fault("wrong_and_crashes_in_parts", "network", MISMATCH, "found out: crashed: .*SIGABRT"),
    Fault("keeps_the_loss", "adam", MISMATCH, r"loss\["),
    # form
    Fault("returns_float64", "product", MISMATCH, r"y: dtype float64, expected float32"),
    Fault("returns_float16", "product", MISMATCH, r"y: dtype float16, expected float32"),
    Fault("returns_another_shape", "tanh-7x5", MISMATCH, r"y: shape \(35,\), expected \(7, 5\)"),
    Fault("leaves_a_result_out", "views", MISMATCH, r"1 arrays, expected y0, y1"),
    # conduct
    Fault("results_elsewhere", "product", MISMATCH, "y lies on cuda, declared is cpu"),
    Fault("keeps_the_first_result", "product", MISMATCH, "y is an earlier call's result"),
    Fault("gives_the_previous_result", "product", MISMATCH, "y is an earlier call's result"),
    Fault("results_are_views", "views", MISMATCH, "y0 lies in the memory of input x", "product"),
    Fault("results_are_overwritten", "product", MISMATCH, "y is overwritten by the next call"),
    Fault("changes_its_input", "product", MISMATCH, "input a is changed by the program"),
    Fault("trains_the_given_parameters", "adam", MISMATCH, "input w is changed by the program"),
    Fault("normalises_its_data", "nesterov", MISMATCH, "input y is changed by the program"),
    # too good: no wrong value anywhere; see test_implausible.py
    Fault("remembers_results", "product", OK),
    # bad ends
    Fault("raises", "product", Outcome.ERROR, "RuntimeError: out of ideas"),
    Fault("crashes", "product", CRASHED, "ended by SIGSEGV in string_at"),
    Fault("aborts", "product", CRASHED, "ended by SIGABRT"),
    Fault("exits", "product", CRASHED, "exited with status 0 during"),
    Fault("calls_exit", "product", CRASHED, r"the toolkit called exit\(0\)"),
    Fault("hangs", "product", Outcome.TIMEOUT, r"no answer within 3 s; it was in wait", "", 3.0),
    Fault("hangs_holding_the_gil", "product", Outcome.TIMEOUT, "no answer within 3 s", "", 3.0),
    Fault("runs_out_of_memory", "product", Outcome.OUT_OF_MEMORY, "Unable to allocate"),
    # bad manners
    Fault("prints_replies", "product", OK),
    Fault("floods_stderr", "product", OK),
    Fault("leaves_processes", "product", OK),
)


def backend(fault: str) -> Backend:
    """Return the backend that has a fault."""
    return Backend(
        name=fault.replace("_", "-"),
        title=f"The reference engine, which {fault.replace('_', ' ')}",
        toolkit="NumPy",
        adapter=f"{HERE / 'faulty_adapter.py'}:FaultyAdapter",
        mode={"fault": fault},
        packages=("bakeoff_reference",),
    )


def _cases(preset: Preset) -> Iterator[Case]:
    yield from CASES.values()


@bakeoff.hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    for fault in FAULTS:
        register(backend(fault.name))


@bakeoff.hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(Suite("faults", "Planted faults", "Small cases that show faults.", _cases))

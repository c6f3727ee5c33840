"""A training that goes astray is led back to the op, or the optimizer, that is wrong."""

import math

import pytest
from fault_cases import CASES
from fault_steps import Measure, Seated
from planted_faults import backend

from bakeoff.blame import culprit, left_at
from bakeoff.dissection import alone, op_pieces
from bakeoff.inputs import draw_inputs
from bakeoff.record import Outcome

LOSS = "sparse_softmax_cross_entropy_with_logits (v5)"
BLAMED = [  # fault, case, step, part
    ("cross_entropy_gradient_scaled", "network", 1, LOSS),
    ("relu_gradient_missing", "network", 1, "relu (v2)"),
    ("bias_gradient_missing", "network", 1, "bias_add (v4)"),
    ("tf32_products", "network", 1, "matmul (v0)"),
    ("adam_without_bias_correction", "adam", 1, "optimizer adam"),
    ("adam_with_another_epsilon", "adam", 1, "optimizer adam"),
    ("nesterov_as_momentum", "nesterov", 1, "optimizer nesterov"),
    ("decay_one_step_late", "decay", 3, "optimizer sgd with step_decay"),
    ("wrong_and_never_in_parts", "network", 1, "the gradient as a whole"),
    ("wrong_and_only_trains", "network", 1, ""),
    ("wrong_and_crashes_in_parts", "network", 1, ""),
    ("keeps_the_loss", "adam", 2, ""),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "case", "step", "part"), BLAMED, ids=[b[0] for b in BLAMED])
def test_the_part_that_is_wrong_is_named(
    fault: str, case: str, step: int, part: str, seated: Seated, measure: Measure
) -> None:
    record = measure(seated(backend(fault)), CASES[case])
    assert record.outcome is Outcome.MISMATCH
    assert record.figures["left_at_step"] == step
    assert culprit(record) == part, record.reason
    assert f"it left the oracle at step {step}" in record.reason
    assert (f", by {part}: " in record.reason) is bool(part)
    assert record.blocks, "and it is timed all the same"


def test_a_training_that_keeps_to_the_oracle_blames_nothing(
    seated: Seated, measure: Measure
) -> None:
    record = measure(seated(backend("fast_only_on_zeros")), CASES["network"])
    assert record.outcome is Outcome.OK
    assert "left_at_step" not in record.figures
    assert culprit(record) == ""
    steps = len(record.series["losses"])
    assert len(record.series["oracle_losses"]) == len(record.series["loss_envelope"]) == steps == 12
    assert record.series["compared_steps"] == (1.0, 10.0, 12.0)
    assert max(record.series["param_fractions"]) <= 1


NAN = math.nan
SERIES = {
    "within": ({"losses": (1, 2), "param_fractions": (0.1, 1.0)}, None),
    "loss-above": ({"losses": (1, 2.2)}, 2),
    "loss-below": ({"losses": (1, 1.8)}, 2),
    "at-once": ({"losses": (2, 2)}, 1),
    "loss-nan": ({"losses": (1, NAN)}, 2),
    "params-first": ({"losses": (1, 3), "param_fractions": (7.0, 9.0)}, 1),
    "params-alone": ({"losses": (1, 2), "param_fractions": (0.5, 9.0)}, 2),
    "params-nan": ({"losses": (1, 2), "param_fractions": (NAN, 0.0)}, 1),
    "nothing-compared": ({"oracle_losses": ()}, None),
}


@pytest.mark.parametrize("name", SERIES)
def test_the_first_step_outside_the_envelope_is_found(name: str) -> None:
    given, step = SERIES[name]
    whole = {
        "losses": (1, 2), "oracle_losses": (1, 2), "loss_envelope": (0.1, 0.1),
        "compared_steps": (1.0, 2.0), "param_fractions": (0.0, 0.0),
    }  # fmt: skip
    assert left_at({**whole, **given}) == step


def test_every_op_is_asked_by_itself_and_backward_where_gradients_flow() -> None:
    case = CASES["network"]
    given = draw_inputs(case)
    met = {n: a[0] if n in ("x", "y") else a for n, a in given.items()}
    pieces = op_pieces(case, met, "step1")
    assert [p.what for p in pieces] == [f"{n.op} ({n.name})" for n in case.program.nodes]
    assert len({p.case.id for p in pieces}) == len(pieces)
    asked = {p.what: p.case.program.ask.get("wrt") for p in pieces}
    assert asked["matmul (v0)"] == ["w1"], "the data have no gradient"
    assert asked["bias_add (v4)"] == ["v3", "b2"]
    assert asked["sparse_softmax_cross_entropy_with_logits (v5)"] == ["v4"]
    assert alone(case.program, case.program.nodes[2]).kind == "forward"

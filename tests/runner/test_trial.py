"""What a trial notes of a call, beside its outputs."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from bakeoff.case import Case, draw
from bakeoff.program import Value, gradient, trace
from bakeoff.trial import Trial

VALUES = [Value(name, (2, 2), "float32") for name in "ab"]
DRAWS = {name: draw("normal") for name in "abd"}
OUTPUTS = [np.full((2, 2), x, np.float32) for x in (0.5, -1.0, np.inf)]


def called(case: Case) -> Trial:
    costs = {"wall_ns": 1, "devices": ("cpu",)}
    worker = SimpleNamespace(call=lambda: (OUTPUTS, costs))
    occupant: Any = SimpleNamespace(
        worker=lambda: worker, caches=False, backend=SimpleNamespace(device="cpu")
    )
    trial = Trial(case, occupant, 0)
    assert trial.call() is OUTPUTS
    return trial


def test_gradients_leave_the_norm_of_each_output() -> None:
    values = [*VALUES, Value("d", (2, 2), "float32")]
    program = trace(lambda ops, a, b: a @ b, values, gradient(["a", "b"], ["d"]))
    trial = called(Case("s", "product", program, DRAWS, "float32"))
    assert trial.series["norms"] == (1.0, 2.0, np.inf)


def test_forward_programs_leave_none() -> None:
    program = trace(lambda ops, a, b: a @ b, VALUES)
    assert called(Case("s", "product", program, DRAWS, "float32")).series == {}

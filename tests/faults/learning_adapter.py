"""The reference engine with a fault in how it learns: ``fault`` names which.

The first steps, which are compared one by one, are honest: only when the training arrives
tells of the fault. A fault is a method of its name, which does a training step.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from engine_adapter import PlanAdapter  # found by location: see the line above

from bakeoff.inputs import load_dataset

HONEST_STEPS = 31


class LearningAdapter(PlanAdapter):  # type: ignore[misc,valid-type]  # loaded by location
    """Right in each step for a while."""

    def __init__(self, threads: int = 1, fault: str = "") -> None:
        super().__init__(threads)
        self.fault = getattr(self, fault)

    def compile(self, program: Any) -> Any:
        run = super().compile(program)
        return FaultyTraining(run, self.fault) if program.kind == "training" else run

    def learns_from_the_test(self, run: Any, t: int, tensors: Sequence[Any]) -> Any:
        """Put rows of the test set in the place of those given."""
        stored = load_dataset("bakeoff_two_layer:mnist5000")
        rows = np.random.default_rng(t).permutation(len(stored["test_y"]))[: len(tensors[1].value)]
        return run(
            self.tensor(stored["test_x"][rows] / 255, "float32"),
            self.tensor(stored["test_y"][rows], "int64"),
        )

    def skips_steps(self, run: Any, t: int, tensors: Sequence[Any]) -> Any:
        """Compute the loss in every other step, and learn nothing from it."""
        before = run.params()
        results = run(*tensors)
        if t % 2:
            run.load([self.tensor(p.value, "float32") for p in before])
        return results


class FaultyTraining:
    """A training that is honest for `HONEST_STEPS` steps."""

    def __init__(self, run: Any, fault: Any) -> None:
        self.run, self.fault, self.t = run, fault, 0
        self.load, self.params = run.load, run.params

    def __call__(self, *tensors: Any) -> Any:
        self.t += 1
        if self.t <= HONEST_STEPS:
            return self.run(*tensors)
        return self.fault(self.run, self.t, tensors)

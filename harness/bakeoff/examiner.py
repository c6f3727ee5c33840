"""Judging results: the oracle's truth, and the comparison with it, behind one face."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bakeoff.case import Case
from bakeoff.compare import compare_call, compare_fit, compare_training
from bakeoff.errors import PluginError
from bakeoff.interface import Backend
from bakeoff.launch import launch_for
from bakeoff.oracle import Oracle
from bakeoff.record import Check
from bakeoff.replies import Array, Fitted, Trained
from bakeoff.timing import Deadline

Series = Mapping[str, tuple[float, ...]]

ENGINE = "numpy"  # the backend whose adapter is the reference engine


class Examiner(Protocol):
    """What rounds ask about results; tests put others in `OracleExaminer`'s place.

    ``tf32`` tells that the operands of float32 products were rounded to TF32, as the toolkit says
    of itself: then results are held to the bounds of that mode, and compare with no other's.
    """

    def call(
        self, case: Case, inputs: Mapping[str, Array], outputs: list[Array], tf32: bool = False
    ) -> tuple[Check, ...]:
        """Judge the outputs of a forward or gradient program."""

    def training(
        self, case: Case, inputs: Mapping[str, Array], trained: Trained, tf32: bool = False
    ) -> tuple[tuple[Check, ...], Series]:
        """Judge losses and kept parameters; return the checks, and the truth's loss per step.

        The series are ``oracle_losses``, and ``loss_envelope``: what is allowed of deviation;
        ``compared_steps``, after which parameters were compared, and ``param_fractions``, their
        worst error over what is allowed.
        """

    def fit(
        self, case: Case, inputs: Mapping[str, Array], fitted: Fitted, tf32: bool = False
    ) -> tuple[tuple[Check, ...], tuple[float, ...]]:
        """Judge a training to an accuracy; return the checks and the truth's loss per epoch."""


class OracleExaminer:
    """Compares with the oracle's answers."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def call(
        self, case: Case, inputs: Mapping[str, Array], outputs: list[Array], tf32: bool = False
    ) -> tuple[Check, ...]:
        return compare_call(case, outputs, self._oracle.call(case, inputs, tf32))

    def training(
        self, case: Case, inputs: Mapping[str, Array], trained: Trained, tf32: bool = False
    ) -> tuple[tuple[Check, ...], Series]:
        truth = self._oracle.training(case, inputs, tf32)
        checks = compare_training(case, trained["losses"], trained["params"], truth)
        steps = sorted(truth.params)
        fractions, each = [c.fraction for c in checks[1:]], len(case.program.ask["params"])
        series: dict[str, Any] = {
            "oracle_losses": truth.losses,
            "loss_envelope": truth.loss_envelope,
            "compared_steps": steps,
            "param_fractions": [
                max(fractions[i : i + each]) for i in range(0, len(fractions), each)
            ],
        }
        return checks, {name: tuple(float(v) for v in a) for name, a in series.items()}

    def fit(
        self, case: Case, inputs: Mapping[str, Array], fitted: Fitted, tf32: bool = False
    ) -> tuple[tuple[Check, ...], tuple[float, ...]]:
        truth = self._oracle.fit(case, inputs, tf32)
        losses = np.concatenate([fitted["before"], fitted["losses"].reshape(-1)])
        checks = compare_fit(case, losses, fitted["accuracy"][-1], truth)
        return checks, truth.epoch_losses


class OffTheClock:
    """Passes questions on while the budget stands still: judging is no measuring."""

    def __init__(self, examiner: Examiner, deadline: Deadline) -> None:
        self._examiner = examiner
        self._deadline = deadline

    def call(
        self, case: Case, inputs: Mapping[str, Array], outputs: list[Array], tf32: bool = False
    ) -> tuple[Check, ...]:
        with self._deadline.paused():
            return self._examiner.call(case, inputs, outputs, tf32)

    def training(
        self, case: Case, inputs: Mapping[str, Array], trained: Trained, tf32: bool = False
    ) -> tuple[tuple[Check, ...], Series]:
        with self._deadline.paused():
            return self._examiner.training(case, inputs, trained, tf32)

    def fit(
        self, case: Case, inputs: Mapping[str, Array], fitted: Fitted, tf32: bool = False
    ) -> tuple[tuple[Check, ...], tuple[float, ...]]:
        with self._deadline.paused():
            return self._examiner.fit(case, inputs, fitted, tf32)


def oracle_for(backends: Mapping[str, Backend], scratch: Path) -> Oracle:
    """Return the oracle: the reference engine on the running Python, which has NumPy.

    Raises
    ------
    PluginError
        If the backend of the reference engine is not registered.
    """
    if ENGINE not in backends:
        raise PluginError(
            f"oracle: no backend {ENGINE!r} is registered, so that nothing can be judged; "
            "`bakeoff list backends` shows which plugins failed"
        )
    return Oracle(launch_for(backends[ENGINE], sys.executable), scratch)

"""Judging results: the oracle's truth, and the comparison with it, behind one face."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from bakeoff.case import Case
from bakeoff.compare import compare_call, compare_fit, compare_training
from bakeoff.errors import PluginError
from bakeoff.interface import Backend
from bakeoff.launch import launch_for
from bakeoff.oracle import Oracle
from bakeoff.record import Check
from bakeoff.replies import Array, Fitted, Trained
from bakeoff.timing import Deadline

ENGINE = "numpy"  # the backend whose adapter is the reference engine


class Examiner(Protocol):
    """What rounds ask about results; tests put others in `OracleExaminer`'s place."""

    def call(
        self, case: Case, inputs: Mapping[str, Array], outputs: list[Array]
    ) -> tuple[Check, ...]:
        """Judge the outputs of a forward or gradient program."""

    def training(
        self, case: Case, inputs: Mapping[str, Array], trained: Trained
    ) -> tuple[Check, ...]:
        """Judge the losses and the kept parameters of a training program."""

    def fit(
        self, case: Case, inputs: Mapping[str, Array], fitted: Fitted
    ) -> tuple[tuple[Check, ...], tuple[float, ...]]:
        """Judge a training to an accuracy; return the checks and the truth's loss per epoch."""


class OracleExaminer:
    """Compares with the oracle's answers."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def call(
        self, case: Case, inputs: Mapping[str, Array], outputs: list[Array]
    ) -> tuple[Check, ...]:
        return compare_call(case, outputs, self._oracle.call(case, inputs))

    def training(
        self, case: Case, inputs: Mapping[str, Array], trained: Trained
    ) -> tuple[Check, ...]:
        truth = self._oracle.training(case, inputs)
        return compare_training(case, trained["losses"], trained["params"], truth)

    def fit(
        self, case: Case, inputs: Mapping[str, Array], fitted: Fitted
    ) -> tuple[tuple[Check, ...], tuple[float, ...]]:
        truth = self._oracle.fit(case, inputs)
        checks = compare_fit(case, fitted["losses"], fitted["accuracy"][-1], truth)
        return checks, truth.epoch_losses


class OffTheClock:
    """Passes questions on while the budget stands still: judging is no measuring."""

    def __init__(self, examiner: Examiner, deadline: Deadline) -> None:
        self._examiner = examiner
        self._deadline = deadline

    def call(
        self, case: Case, inputs: Mapping[str, Array], outputs: list[Array]
    ) -> tuple[Check, ...]:
        with self._deadline.paused():
            return self._examiner.call(case, inputs, outputs)

    def training(
        self, case: Case, inputs: Mapping[str, Array], trained: Trained
    ) -> tuple[Check, ...]:
        with self._deadline.paused():
            return self._examiner.training(case, inputs, trained)

    def fit(
        self, case: Case, inputs: Mapping[str, Array], fitted: Fitted
    ) -> tuple[tuple[Check, ...], tuple[float, ...]]:
        with self._deadline.paused():
            return self._examiner.fit(case, inputs, fitted)


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

"""Judging results: the oracle's truth, and the comparison with it, behind one face."""

from collections.abc import Mapping
from typing import Protocol

from bakeoff.case import Case
from bakeoff.compare import compare_call, compare_fit, compare_training
from bakeoff.record import Check
from bakeoff.truth import CallTruth, FitTruth, TrainingTruth, Truth
from bakeoff.worker import Array, Fitted, Trained


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

    def fit(self, case: Case, inputs: Mapping[str, Array], fitted: Fitted) -> tuple[Check, ...]:
        """Judge a training to an accuracy."""


class Answers(Protocol):
    """What gives the truth: `bakeoff.oracle.Oracle`."""

    def answer(self, case: Case, inputs: Mapping[str, Array]) -> Truth:
        """Return the values to be met, and how near."""


class OracleExaminer:
    """Compares with the oracle's answers; each case is asked for once, while it is measured."""

    def __init__(self, oracle: Answers) -> None:
        self._oracle = oracle
        self._latest: tuple[str, Truth] | None = None

    def call(
        self, case: Case, inputs: Mapping[str, Array], outputs: list[Array]
    ) -> tuple[Check, ...]:
        truth = self._truth(case, inputs)
        assert isinstance(truth, CallTruth)
        return compare_call(case, outputs, truth)

    def training(
        self, case: Case, inputs: Mapping[str, Array], trained: Trained
    ) -> tuple[Check, ...]:
        truth = self._truth(case, inputs)
        assert isinstance(truth, TrainingTruth)
        return compare_training(case, trained["losses"], trained["params"], truth)

    def fit(self, case: Case, inputs: Mapping[str, Array], fitted: Fitted) -> tuple[Check, ...]:
        truth = self._truth(case, inputs)
        assert isinstance(truth, FitTruth)
        return compare_fit(case, fitted["losses"], fitted["accuracy"][-1], truth)

    def _truth(self, case: Case, inputs: Mapping[str, Array]) -> Truth:
        if self._latest is None or self._latest[0] != case.id:
            self._latest = (case.id, self._oracle.answer(case, inputs))
        return self._latest[1]

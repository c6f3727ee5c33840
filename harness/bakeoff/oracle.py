"""The oracle: the reference engine in float64, in a worker of its own, on the same inputs.

Inputs are drawn and rounded to the case's dtype first, then widened, so that the oracle
answers the question that every backend is asked. The bounds come from `bakeoff.bounds`, which
evaluates the program a second time with code of its own: where the two disagree by more than
float64's rounding, the truth carries a ``doubt``, and nothing passes.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from bakeoff.bounds import FORMATS, TF32, Bounded, analyse, multiplies
from bakeoff.case import Case
from bakeoff.envelope import SEEDS, envelope, perturbed
from bakeoff.errors import BakeoffError
from bakeoff.inputs import fit_arrays, fit_noise, fit_rows
from bakeoff.replies import Trained
from bakeoff.truth import Array, CallTruth, FitTruth, Part, TrainingTruth, Truth, kept_steps
from bakeoff.widening import in_float64
from bakeoff.worker import Launch, Worker
from bakeoff_worker.program import Program

T = TypeVar("T", CallTruth, TrainingTruth, FitTruth)
Key = tuple[str, int, bool, bool]  # case, seed; whether of its fit; whether in TF32

FIT_STEPS = 20  # how many of a fit's first losses are compared
_U64 = FORMATS["float64"].u


class Oracle:
    """A float64 worker and the answers it has given. A context manager.

    Parameters
    ----------
    launch
        How to start the reference engine: `launch_for` of the backend ``numpy``.
    scratch
        A folder for the worker's files.
    timeout_s
        Of a request.
    cache_bytes
        How much of the answers to keep; the least recently used are forgotten first.
    """

    def __init__(
        self, launch: Launch, scratch: Path, timeout_s: float = 600.0, cache_bytes: int = 2**29
    ) -> None:
        self._launch, self._scratch, self._timeout_s = launch, scratch, timeout_s
        self._cache_bytes = cache_bytes
        self._answers: OrderedDict[Key, Truth] = OrderedDict()
        self._worker: Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker. A later question starts another."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def answer(self, case: Case, inputs: Mapping[str, Array]) -> Truth:
        """Return the truth of a case.

        `CallTruth` for forward and gradient programs; for training `TrainingTruth` over
        ``case.steps``, or `FitTruth` for a case that has a fit and no steps.
        Computed once while it is remembered, and shared by all backends.

        Raises
        ------
        WorkerFailure
            If the reference engine does not answer.
        """
        if case.program.kind != "training":
            return self.call(case, inputs)
        if case.fit is not None and not case.steps:
            return self.fit(case, inputs)
        return self.training(case, inputs)

    def call(self, case: Case, inputs: Mapping[str, Array], tf32: bool = False) -> CallTruth:
        """Return outputs, and gradients, with their bounds; ``tf32``: those of that mode."""
        key = _key(case, False, tf32)
        found = self._answers.get(key) or self._call(case, inputs, tf32)
        assert isinstance(found, CallTruth)
        return self._remember(key, found)

    def training(
        self, case: Case, inputs: Mapping[str, Array], tf32: bool = False
    ) -> TrainingTruth:
        """Return the losses and kept parameters over ``case.steps``, with their envelopes."""
        key = _key(case, False, tf32)
        found = self._answers.get(key)
        if found is None:
            steps = max(1, case.steps)
            keep = list(kept_steps(steps))
            found = self._trajectory(case, inputs, case.batches, steps, keep, tf32)
        assert isinstance(found, TrainingTruth)
        return self._remember(key, found)

    def fit(self, case: Case, inputs: Mapping[str, Array], tf32: bool = False) -> FitTruth:
        """Return the first losses of ``case.fit`` and the accuracy that it comes to.

        Raises
        ------
        BakeoffError
            If the case asks for no fit.
        """
        key = _key(case, True, tf32)
        found = self._answers.get(key) or self._fit(case, inputs, tf32)
        assert isinstance(found, FitTruth)
        return self._remember(key, found)

    # --- remembering --------------------------------------------------------------------

    def _remember(self, key: Key, truth: T) -> T:
        self._answers[key] = truth
        self._answers.move_to_end(key)
        while len(self._answers) > 1 and self._kept_bytes > self._cache_bytes:
            self._answers.popitem(last=False)
        return truth

    @property
    def _kept_bytes(self) -> int:
        return sum(t.nbytes for t in self._answers.values())

    # --- asking -------------------------------------------------------------------------

    def _asked(self) -> Worker:
        """Return the worker, started if there is none that lives."""
        if self._worker is None or not self._worker.alive:
            self.close()
            self._worker = Worker(self._launch, self._timeout_s, self._scratch)
        return self._worker

    def _call(self, case: Case, inputs: Mapping[str, Array], tf32: bool) -> CallTruth:
        worker = self._asked()
        worker.prepare(in_float64(case.program), _widened(inputs))
        exact, _ = worker.call()
        worker.release()
        bounded = analyse(case.program, inputs, tf32)
        if len(exact) != len(bounded):
            return CallTruth((), f"{len(exact)} arrays, expected {len(bounded)}")
        pairs = list(zip(bounded, exact, strict=True))
        doubts = (_doubt(b, e) for b, e in pairs)
        return CallTruth(tuple(part_of(b, e) for b, e in pairs), next((d for d in doubts if d), ""))

    def _train(
        self, case: Case, inputs: Mapping[str, Array], batches: int, steps: int, keep: Iterable[int]
    ) -> Trained:
        worker = self._asked()
        worker.prepare(in_float64(case.program), inputs, batches)
        trained = worker.train(steps, keep)
        worker.release()
        return trained

    def _trajectory(
        self, case: Case, inputs: Mapping[str, Array], batches: int, steps: int, keep: list[int],
        tf32: bool,
    ) -> TrainingTruth:  # fmt: skip
        wide = _widened(inputs)
        names = case.program.ask["params"]
        exact = self._train(case, wide, batches, steps, keep)
        runs = []
        # What a step's products round is its operands; what it stores has the dtype's own u.
        u = TF32 if tf32 and multiplies(case.program) else FORMATS[case.dtype].u
        for seed in range(SEEDS):
            nudged, count = perturbed(wide, names, batches, steps, u, seed)
            run = self._train(case, nudged, count, steps, keep)
            runs.append((run["losses"], run["params"]))
        return envelope(
            [wide[n] for n in names], exact["losses"], exact["params"], runs, case.dtype
        )

    def _fit(self, case: Case, inputs: Mapping[str, Array], tf32: bool) -> FitTruth:
        if case.fit is None:
            raise BakeoffError(f"{case.id}: the oracle is asked for a fit, but the case has none")
        data = fit_arrays(case.fit)
        rows, noise = fit_rows(case, data), fit_noise(case)
        params = {n: inputs[n] for n in case.program.ask["params"]}
        before = data.stages(case.fit)
        begins = (before or [(case.program, data.order)])[0]
        start = self._start(case, params, rows, noise, *begins, tf32)
        fitted = self._asked().fit(
            in_float64(case.program),
            in_float64(case.fit.predict),
            params=_widened(params),
            train=_widened(rows),
            noise=_widened(noise),
            order=data.order,
            test_x=_widened({"x": data.test_x})["x"],
            test_y=data.test_y,
            target_accuracy=case.fit.target_accuracy,
            before=[(in_float64(program), order) for program, order in before],
            timeout_s=10 * self._timeout_s,
        )
        return FitTruth(
            start.losses,
            start.loss_envelope,
            fitted["accuracy"][-1],
            len(data.test_y),
            tuple(float(v) for v in fitted["losses"].mean(axis=1)),
        )

    def _start(
        self, case: Case, params: Mapping[str, Array], rows: Mapping[str, Array],
        noise: Mapping[str, Array], program: Program, order: Array, tf32: bool,
    ) -> TrainingTruth:  # fmt: skip
        """Return the first losses of what a fit begins with: itself, or the first stage before."""
        steps = order.reshape(-1, order.shape[-1])[:FIT_STEPS]  # (steps, batch)
        inputs = {n: params[n] for n in program.ask["params"]}
        for name in (v.name for v in program.data_inputs):  # (steps, batch, ...)
            inputs[name] = (
                rows[name][steps] if name in rows
                else np.resize(noise[name], (len(steps), *noise[name].shape[1:]))
            )  # fmt: skip
        begun, count = replace(case, program=program), len(steps)
        return self._trajectory(begun, inputs, count, count, [], tf32)


def _key(case: Case, fit: bool, tf32: bool) -> Key:
    return case.id, case.seed, fit, tf32


def part_of(bounded: Bounded, exact: Array) -> Part:
    """Return what a backend's array is compared with.

    Above ``bounded``'s radius the bound has room for the oracle's own rounding: nothing to
    speak of, but as much again where the dtype under test is float64 itself.
    """
    ball = bounded.ball
    f = FORMATS.get(bounded.dtype)
    own = _U64 / f.u_sum if f else 0.0
    radius = np.broadcast_to(np.asarray(ball.radius, dtype=np.float64), exact.shape)
    over = np.isinf(ball.mid) & np.isfinite(exact) if exact.dtype.kind == "f" else False
    expected = np.where(over, ball.mid, exact) if np.any(over) else exact
    bound = radius * (1 + own)
    return Part(
        bounded.name, bounded.dtype, bounded.kind, expected, bound, bounded.terms, ball.walk
    )


def _doubt(bounded: Bounded, exact: Array) -> str:
    """Say where the oracle and the bound's own evaluation differ by more than rounding."""
    mid = bounded.ball.mid
    if mid.shape != exact.shape:
        return f"{bounded.name}: shapes {exact.shape} and {mid.shape}"
    f = FORMATS.get(bounded.dtype)
    radius = np.broadcast_to(np.asarray(bounded.ball.radius, dtype=np.float64), mid.shape)
    with np.errstate(invalid="ignore"):
        room = radius * (2 * _U64 / f.u_sum) if f else radius
        apart = ~((np.abs(exact.astype("f8") - mid) <= room) | (exact == mid))
        apart &= ~((np.isnan(exact) & np.isnan(mid)) | np.isinf(mid) | np.isinf(radius))
    if not np.any(apart):
        return ""
    at = tuple(int(i) for i in np.argwhere(apart)[0])
    return f"{bounded.name}{list(at)}: {exact[at]!r} and {mid[at]!r} from independent evaluations"


def _widened(inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in inputs.items()}

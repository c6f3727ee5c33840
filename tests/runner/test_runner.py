"""Runs over good and bad backends: every cell gets a record, and the run goes on."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pluggy
import pytest
import runner_toys

from bakeoff import energy, hookimpl, hookspecs
from bakeoff.case import Case
from bakeoff.ceilings import in_journal
from bakeoff.energy import Counter
from bakeoff.errors import EnvironmentFailure
from bakeoff.examiner import Series
from bakeoff.export import read, tables
from bakeoff.interface import Backend
from bakeoff.journal import Journal
from bakeoff.plugins import Plugins
from bakeoff.progress import Silent
from bakeoff.record import Check, Outcome, Record
from bakeoff.replies import Fitted, Trained
from bakeoff.runner import Result, Run
from bakeoff.seating import Provided
from bakeoff.sessions import begin, resume
from bakeoff.settings import Settings
from bakeoff.statistics import per_call_ns
from bakeoff.timing import PACES


class ToyExaminer:
    """Knows the truth of the toy cases by itself; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(
        self, case: Case, inputs: Mapping[str, Any], outputs: list[Any], tf32: bool = False
    ) -> tuple[Check, ...]:
        self.asked.append(case.id)
        double = {k: v.astype(float) for k, v in inputs.items()}
        truth = double["a"] @ double["b"] if "a" in double else np.tanh(double["x"])
        error = float(np.max(np.abs(outputs[0] - truth)))
        return (Check("output", "toy", error, 1e-4, error / 1e-4),)

    def training(
        self, case: Case, inputs: Mapping[str, Any], trained: Trained, tf32: bool = False
    ) -> tuple[tuple[Check, ...], Series]:
        self.asked.append(case.id)
        assert sorted(trained["params"]) == [1, 3]
        return (), {}

    def fit(
        self, case: Case, inputs: Mapping[str, Any], fitted: Fitted, tf32: bool = False
    ) -> tuple[tuple[Check, ...], tuple[float, ...]]:
        return (), ()


@pytest.fixture
def plugins() -> Plugins:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return Plugins(manager, backends=dict(runner_toys.BACKENDS), suites={"toy": runner_toys.SUITE})


@pytest.fixture(autouse=True)
def own_cache_and_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setitem(PACES, "smoke", replace(PACES["smoke"], rounds=2, sweeps=4))


def provide(backend: Backend, progress: object) -> Provided:
    if backend.name == "slow":
        raise EnvironmentFailure("slow: pip said no; ask it again")
    return Provided(sys.executable, {"numpy": "some"})


def run(
    plugins: Plugins, out: Path, *backends: str, examiner: Any = None, **options: Any
) -> tuple[Result, list[Record], Silent]:
    """Run the toy suite in the smoke preset; return the result, the records, what was said."""
    progress = Silent()
    settings = Settings(**{"preset": "smoke", "backends": backends, "timeout_s": 3.0, **options})
    journal, plan = begin(settings, plugins, out)
    with journal:
        session = Run(
            journal, settings, plan, plugins, progress, provide,
            lambda scratch, stack: examiner or ToyExaminer(),
        )  # fmt: skip
        result = session.measure()
        return result, list(journal.records()), progress


def of(records: list[Record], backend: str, replica: int = 0) -> list[Record]:
    return [r for r in records if r.backend == backend and r.replica == replica]


def test_honest_backends_get_checks_times_and_figures(plugins: Plugins, tmp_path: Path) -> None:
    examiner = ToyExaminer()
    result, records, _ = run(plugins, tmp_path, "honest", "wrong", examiner=examiner)
    assert result.ending == "complete"
    assert result.rounds == 2
    honest = of(records, "honest")
    assert {r.outcome for r in honest} == {Outcome.OK}
    assert {(r.case_id, r.round) for r in honest} == {
        (c.id, n) for c in runner_toys.cases("smoke") for n in (0, 1)
    }
    timed = [r for r in honest if r.case_id != "toy/tanh"]
    assert all(len(r.blocks) in (2, 4) for r in timed)
    assert all(per_call_ns(r.blocks, "cpu") > 0 for r in timed)
    first = honest[0]
    assert {"transfer_ns", "compile_ns", "first_call_ns", "peak_rss_bytes", "ready_ns",
            "import_ns", "disturbed_blocks"} <= first.figures.keys()  # fmt: skip
    assert first.checks is not None
    assert first.checks[0].passed
    asked = {id: examiner.asked.count(id) for id in examiner.asked}
    assert asked.pop("toy/step") == 2, "correctness is examined once per cell, not per round"
    assert set(asked.values()) == {6}, "the first, one when all are timed, one on other inputs"


def test_what_a_later_round_finds_compiled_tells_nothing_of_compiling(
    plugins: Plugins, tmp_path: Path
) -> None:
    _, records, _ = run(plugins, tmp_path, "honest", "caching", cases=("toy/product-4",))
    told = {
        (name, r.round): {"compile_ns", "first_call_ns"} & r.figures.keys()
        for name in ("honest", "caching")
        for r in of(records, name)
    }
    both = {"compile_ns", "first_call_ns"}
    assert told == {("honest", 0): both, ("honest", 1): both, ("caching", 0): both,
                    ("caching", 1): set()}  # fmt: skip
    with Journal(tmp_path / "journal.sqlite") as journal:
        environments = journal.environments()
    caching = environments[of(records, "caching")[0].environment_id]
    assert caching["env"] == {"TOY_CACHE": "{cache}"}, "no folder of this machine"


def test_blocks_of_a_case_interleave_over_backends(plugins: Plugins, tmp_path: Path) -> None:
    _, records, _ = run(plugins, tmp_path, "honest", "wrong", cases=("toy/product-4",))
    round_0 = [r for r in records if r.round == 0]
    owner = {b.position: (r.backend, r.replica) for r in round_0 for b in r.blocks}
    order = [owner[p] for p in sorted(owner)]
    assert len(owner) == sum(len(r.blocks) for r in round_0), "each position is taken once"
    assert order[3:6] == order[2::-1], "sweeps come in mirrored pairs"
    assert ("honest", 1) in order, "the reference has a twin"


def test_a_mismatch_is_timed_and_stays_one_in_later_rounds(
    plugins: Plugins, tmp_path: Path
) -> None:
    _, records, _ = run(plugins, tmp_path, "honest", "wrong", cases=("toy/product-32",))
    wrong = of(records, "wrong")
    assert [r.outcome for r in wrong] == [Outcome.MISMATCH] * 2
    assert "times its bound" in wrong[0].reason
    assert wrong[1].reason.startswith("in round 0: ")
    assert all(r.blocks for r in wrong)


def test_bad_backends_become_records_and_the_run_goes_on(plugins: Plugins, tmp_path: Path) -> None:
    result, records, progress = run(
        plugins, tmp_path, "honest", "lacking", "raising", "crashing", "crashing-later",
        "hanging", "forgetful", "broken", "gone", "slow", timeout_s=1.0, max_time_s=100.0,
    )  # fmt: skip
    assert result.ending == "complete"
    outcomes = {
        name: {r.case_id: r.outcome for r in of(records, name) if r.round == 0}
        for name in runner_toys.BACKENDS
    }
    assert all(len(outcomes[name]) == 4 for name in outcomes if name not in ("wrong", "caching"))
    assert set(outcomes["honest"].values()) == {Outcome.OK}
    assert outcomes["lacking"]["toy/product-4"] is Outcome.UNSUPPORTED
    assert outcomes["lacking"]["toy/tanh"] is Outcome.OK
    assert set(outcomes["raising"].values()) == {Outcome.ERROR}
    assert set(outcomes["crashing"].values()) == {Outcome.CRASHED}
    assert set(outcomes["crashing-later"].values()) <= {Outcome.CRASHED, Outcome.OK}
    assert outcomes["crashing-later"]["toy/tanh"] is Outcome.OK, "a fresh worker for the next case"
    assert set(outcomes["hanging"].values()) == {Outcome.TIMEOUT}
    assert set(outcomes["forgetful"].values()) == {Outcome.OUT_OF_MEMORY}
    assert set(outcomes["broken"].values()) == {Outcome.ERROR}
    assert set(outcomes["gone"].values()) == {Outcome.UNAVAILABLE}
    assert set(outcomes["slow"].values()) == {Outcome.UNAVAILABLE}
    by_case = {r.case_id: r for r in of(records, "crashing")}
    assert "SIGSEGV" in by_case["toy/product-4"].reason
    assert by_case["toy/product-4"].log
    assert by_case["toy/step"].reason.startswith("not tried: 3 workers of crashing were lost")
    assert "pip said no" in of(records, "slow")[0].reason
    assert len(of(records, "crashing")) == 4, "what failed is not tried again in later rounds"
    assert any("slow is unavailable" in note for note in progress.notes)


def test_a_failing_oracle_or_suite_is_an_error_of_the_case(
    plugins: Plugins, tmp_path: Path
) -> None:
    class Failing(ToyExaminer):
        def call(
            self, case: Case, inputs: Any, outputs: Any, tf32: bool = False
        ) -> tuple[Check, ...]:
            raise ZeroDivisionError("no truth today")

    _, records, _ = run(plugins, tmp_path, "honest", examiner=Failing())
    found = {r.case_id: r for r in of(records, "honest") if r.round == 0}
    assert found["toy/product-4"].outcome is Outcome.ERROR
    assert "no truth today" in found["toy/product-4"].reason
    assert found["toy/step"].outcome is Outcome.OK


def test_observers_see_the_run_and_cannot_stop_it(plugins: Plugins, tmp_path: Path) -> None:
    seen: list[str] = []

    class Watcher:
        @hookimpl
        def run_started(self, run: dict[str, Any]) -> None:
            seen.append(f"started {run['backends']}")

        @hookimpl
        def record_finished(self, record: Record) -> None:
            seen.append(record.case_id)

        @hookimpl
        def run_finished(self, run: dict[str, Any]) -> None:
            seen.append(run["ending"])

    class Faulty:
        @hookimpl
        def record_finished(self, record: Record) -> None:
            raise RuntimeError("I always do that")

    plugins.manager.register(Watcher(), name="watcher")
    plugins.manager.register(Faulty(), name="faulty")
    _, records, progress = run(plugins, tmp_path, "honest", cases=("toy/tanh",))
    assert seen == ["started ['honest']", *["toy/tanh"] * len(records), "complete"]
    complaint = "observer faulty: record_finished raised RuntimeError: I always do that"
    assert progress.notes.count(complaint) == 1


def test_a_run_over_budget_still_does_one_round(plugins: Plugins, tmp_path: Path) -> None:
    result, records, _ = run(plugins, tmp_path, "honest", "wrong", max_time_s=0.01)
    assert (result.ending, result.rounds) == ("deadline", 1)
    assert {r.round for r in records} == {0}
    assert all(len(r.blocks) == 2 for r in records if r.case_id != "toy/tanh")


class Stop(Silent):
    """Interrupts the run at a record, as Ctrl-C would."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def record(self, record: Record) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 4, 9])
def test_an_interrupted_run_keeps_everything_and_resumes(
    plugins: Plugins, tmp_path: Path, after: int
) -> None:
    settings = Settings("smoke", ("honest", "wrong", "slow"), timeout_s=3.0)
    journal, plan = begin(settings, plugins, tmp_path)

    def session(journal: Journal, progress: Silent) -> Result:
        return Run(
            journal, settings, plan, plugins, progress, provide, lambda s, k: ToyExaminer()
        ).measure()

    with journal:
        assert session(journal, Stop(after + 4)).ending == "interrupted"
        before = {(r.case_id, r.backend, r.replica, r.round): r for r in journal.records()}
    cells = set(plan.cells())
    assert {k[:3] for k in before} == cells, "every cell has a record, if only 'interrupted'"
    kept = {k: r for k, r in before.items() if r.outcome.measured}
    with_settings = resume(tmp_path, plugins)
    assert with_settings[1:] == (settings, plan)
    with with_settings[0] as journal:
        result = session(journal, Silent())
        assert result.ending == "complete"
        after_all = {(r.case_id, r.backend, r.replica, r.round): r for r in journal.records()}
        assert [s["ending"] for s in journal.meta["sessions"]] == ["interrupted", "complete"]
    assert {k: after_all[k] for k in kept} == kept, "what was measured is not measured again"
    assert Outcome.INTERRUPTED not in {r.outcome for r in after_all.values()}
    measured = {k for k, r in after_all.items() if r.outcome.measured}
    assert measured == {(*c, n) for c in cells if c.backend != "slow" for n in (0, 1)}


def test_a_backend_that_was_unavailable_is_paired_in_new_rounds(
    plugins: Plugins, tmp_path: Path
) -> None:
    run(plugins, tmp_path, "honest", "slow", cases=("toy/product-4",))
    journal, settings, plan = resume(tmp_path, plugins)
    with journal:
        Run(
            journal, settings, plan, plugins, Silent(), lambda b, p: Provided(sys.executable, {}),
            lambda s, k: ToyExaminer(),
        ).measure()  # fmt: skip
        records = list(journal.records())
    assert [r.round for r in of(records, "slow")] == [2, 3]
    assert [r.round for r in of(records, "honest")] == [0, 1, 2, 3]
    assert {r.outcome for r in records} == {Outcome.OK}


def test_a_run_that_used_up_its_time_is_not_prolonged_by_resuming(
    plugins: Plugins, tmp_path: Path
) -> None:
    _, before, _ = run(plugins, tmp_path, "honest", "slow", max_time_s=0.01)
    journal, settings, plan = resume(tmp_path, plugins)
    settings = replace(settings, backends=("honest",))
    plan = replace(plan, backends=plan.backends[:1])
    with journal:
        result = Run(
            journal, settings, plan, plugins, Silent(), provide, lambda s, k: ToyExaminer()
        ).measure()
        assert (result.ending, result.rounds) == ("deadline", 0)
        assert len(list(journal.records())) == len(before)


def test_memory_and_the_processors_are_in_the_records(plugins: Plugins, tmp_path: Path) -> None:
    plugins.backends["on-a-card"] = replace(
        runner_toys.BACKENDS["honest"], name="on-a-card", mode={"device_peak_bytes": 123_456}
    )
    run(plugins, tmp_path, "honest", "on-a-card", cases=("toy/product-4",))
    rows = tables(read(tmp_path))["records"]
    assert {r["device_peak_bytes"] for r in rows if r["backend"] == "on-a-card"} == {123_456}
    assert {r["device_peak_bytes"] for r in rows if r["backend"] == "honest"} == {None}
    for row in rows:
        assert row["peak_rss_bytes"] > 0
        assert row["peak_is_of_program"] in (0, 1)
        assert 0 <= row["steal_ns"] < 60e9
        assert row["frequency_mhz"] is None or 100 < row["frequency_mhz"] < 10_000


def test_a_session_has_the_energy_of_its_rounds(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 1000, 2))
    counter = Counter("package-0", "rapl", lambda: float(next(ticks)), 1e6)
    monkeypatch.setattr(energy, "counters", lambda: [counter])
    run(plugins, tmp_path, "honest", cases=("toy/tanh",))
    with Journal(tmp_path / "journal.sqlite") as journal:
        (session,) = journal.meta["sessions"]
    assert session["energy_j"]["package-0"] >= 2.0
    assert session["energy_s"] > 0


def test_ceilings_are_measured_and_kept(plugins: Plugins, tmp_path: Path) -> None:
    """A backend that dies of it, or has died before, has none, and loses nothing by it."""
    _, records, _ = run(plugins, tmp_path, "honest", "lacking", "crashing", cases=("toy/step",))
    assert {r.outcome for r in of(records, "honest")} == {Outcome.OK}
    with Journal(tmp_path / "journal.sqlite") as journal:
        found = in_journal(journal.meta)
    assert found["honest"].gemm["float32"] > 0
    assert found["honest"].call_ns > 0
    assert "crashing" not in found

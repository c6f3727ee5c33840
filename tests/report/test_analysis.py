"""Analysis: every planned cell has a row, and no row says more than was measured."""

import math
from dataclasses import replace

import pytest
from report import synthetic

from bakeoff import statistics
from bakeoff.record import Outcome
from bakeoff_reports import METRICS
from bakeoff_reports.analysis import Run, analyse, load
from bakeoff_reports.cells import COLUMNS, rows_of
from bakeoff_reports.commands import command
from bakeoff_reports.metrics import Measure, conformance, coverage, op_coverage, speed_ratio


@pytest.fixture(scope="module")
def good():
    return analyse(synthetic.run(preset="smoke"), METRICS)


@pytest.fixture(scope="module")
def spoilt():
    return analyse(synthetic.run(hostile=True), METRICS)


def cell(analysis, case, backend):
    return next(r for r in rows_of(analysis.of(backend)) if r.case == case)


def test_every_planned_cell_has_one_row(spoilt):
    assert len(spoilt.cells) == len(spoilt.run.cases) * len(spoilt.backends)
    assert list(spoilt.cells.columns) == list(COLUMNS)


@pytest.fixture(scope="module")
def measured():
    """A run with ceilings, which one of the backends is above."""
    found = synthetic.ceilings(synthetic.BACKENDS)
    # on a device of its own
    found["jax"] = synthetic.ceilings(["jax"], 5e8)["jax"]
    run = synthetic.run(preset="smoke", ceilings=found)
    next(b for b in run.meta["backends"] if b["name"] == "jax")["device"] = "card"
    return analyse(run, METRICS)


def test_times_are_set_against_the_ceilings_of_the_run(measured, good):
    found = cell(measured, "matmul/square-float32-256-gradient", "numpy")
    assert found.ceiling == "arithmetic"
    assert found.ceiling_fraction == pytest.approx(3 * 2 * 256**3 / 200 / found.time_ns)
    old = cell(good, "matmul/square-float32-256-gradient", "numpy")
    assert math.isnan(old.ceiling_fraction)
    assert old.ceiling == ""


def test_what_cannot_be_is_said_and_not_ranked(measured):
    found = cell(measured, "matmul/square-float32-256-gradient", "jax")
    assert found.outcome is Outcome.OK
    assert "implausible" in found.remarks
    assert found.unranked.startswith("not ranked: implausible")
    assert not found.verdict
    honest = cell(measured, "matmul/square-float32-256-gradient", "torch")
    assert "implausible" not in honest.remarks


def test_every_outcome_is_kept_as_it_is(spoilt):
    assert set(spoilt.cells["outcome"]) == set(Outcome)


def test_a_cell_without_a_time_has_neither_0_nor_1_for_a_ratio(spoilt):
    for row in rows_of(spoilt.cells):
        if not row.outcome.measured:
            assert math.isnan(row.ratio)
            assert math.isnan(row.time_ns)
            assert row.reason


def test_only_good_cells_are_ranked(spoilt):
    for row in rows_of(spoilt.cells):
        if row.outcome is not Outcome.OK:
            assert row.verdict == ""
            assert row.unranked.startswith("not ranked")
            assert row.case not in spoilt.logs.get(row.backend, {})


def test_a_mismatch_keeps_its_time_and_ratio(spoilt):
    rows = [r for r in rows_of(spoilt.cells) if r.outcome is Outcome.MISMATCH and r.rounds]
    assert rows
    for row in rows:
        assert row.time_ns > 0
        assert row.ratio > 0
        assert row.error_fraction == 50


def test_the_ratio_is_the_harness_statistics(good):
    case, backend = "matmul/square-float32-64-forward", "torch"
    clock = good.environments[backend].setting.clock
    times = [
        {r.round: statistics.per_call_ns(r.blocks, clock) for r in good.ranking.records(case, b)}
        for b in (backend, "numpy")
    ]
    expected = statistics.interval(statistics.log_ratios(*times).values())
    row = cell(good, case, backend)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (
        expected.ratio, expected.low, expected.high,
    )  # fmt: skip
    assert row.verdict == statistics.verdict(expected, good.minimum_effect)


def test_the_noise_floor_comes_from_the_twin_only(good):
    assert 0 < good.noise_floor < 0.05
    alone = replace_records(good.run, [r for r in good.run.records if not r.replica])
    assert analyse(alone).noise_floor is None


def replace_records(run, records, **meta):
    return Run({**run.meta, **meta}, run.cases, run.environments, tuple(records))


@pytest.mark.parametrize(
    ("ending", "words"), [("deadline", "time allowed"), ("interrupted", "interrupted"), ("", "not")]
)
def test_a_cell_never_reached_says_why(good, ending, words):
    lost = good.run.cases[0].id
    rest = [r for r in good.run.records if r.case_id != lost or r.backend != "jax"]
    row = cell(analyse(replace_records(good.run, rest, ending=ending)), lost, "jax")
    assert row.outcome is Outcome.INTERRUPTED
    assert words in row.reason


def test_the_worst_outcome_over_rounds_counts(good):
    case = good.run.cases[0].id
    records = [
        replace(r, outcome=Outcome.CRASHED, reason="SIGABRT")
        if (r.case_id, r.backend, r.round) == (case, "torch", 3)
        else r
        for r in good.run.records
    ]
    assert cell(analyse(replace_records(good.run, records)), case, "torch").reason == "SIGABRT"


@pytest.mark.parametrize(
    ("other", "expected"),
    [(Outcome.INTERRUPTED, Outcome.MISMATCH), (Outcome.CONTENDED, Outcome.MISMATCH)],
)
def test_a_cut_or_busy_round_does_not_hide_a_mismatch(good, other, expected):
    case = good.run.cases[0].id
    records = [
        replace(r, outcome=expected if r.round == 0 else other) if r.backend == "torch" else r
        for r in good.run.records
    ]
    assert cell(analyse(replace_records(good.run, records)), case, "torch").outcome is expected


def test_without_a_good_reference_nothing_is_ranked(good):
    records = [
        replace(r, outcome=Outcome.MISMATCH) if r.backend == "numpy" else r
        for r in good.run.records
    ]
    assert set(analyse(replace_records(good.run, records)).cells["verdict"]) == {""}


def test_unlike_threads_forbid_ranking(good):
    places = {k: {**v, "hello": {**v["hello"]}} for k, v in good.run.environments.items()}
    describe = places["env-torch"]["hello"]["describe"]
    places["env-torch"]["hello"]["describe"] = {**describe, "threads": 8}
    run = Run(good.run.meta, good.run.cases, places, good.run.records)
    for row in rows_of(analyse(run).of("torch")):
        assert row.unranked == "not ranked: threads 8, numpy 1"
        assert math.isnan(row.ratio) or row.ratio > 0


def test_one_round_gives_a_ratio_without_an_interval():
    analysis = analyse(synthetic.run(preset="smoke", rounds=1))
    row = cell(analysis, "matmul/square-float32-64-forward", "torch")
    assert row.ratio > 0
    assert (row.ratio_low, row.ratio_high) == (0, math.inf)
    assert row.verdict == "cannot tell"


def test_a_run_without_records_still_has_its_plan():
    run = synthetic.run(preset="smoke")
    analysis = analyse(replace_records(run, [], ending="interrupted"), METRICS)
    assert set(analysis.cells["outcome"]) == {Outcome.INTERRUPTED}


def test_a_journal_reads_back_as_the_run(tmp_path):
    run = synthetic.run(preset="smoke", rounds=2)
    read = analyse(load(synthetic.write(run, tmp_path)))
    direct = analyse(run)
    assert read.cells.equals(direct.cells)
    assert read.noise_floor == direct.noise_floor


def test_metrics_say_what_they_cover(spoilt):
    speeds = speed_ratio(spoilt)
    assert speeds["numpy"] == 1
    assert speeds["caffe"] is None
    timed = sum(c.timed and c.fit is None for c in spoilt.run.cases)
    assert isinstance(speeds["torch"], Measure)
    assert f"/{timed} cells" in speeds["torch"].note
    assert coverage(spoilt)["caffe"] == 0
    assert conformance(spoilt)["caffe"] is None
    assert conformance(spoilt)["numpy"] == 1
    assert op_coverage(spoilt)["caffe"] is None


def test_commands_repeat_what_the_run_was_asked():
    run = synthetic.run(preset="smoke", rounds=1)
    settings = {**run.meta["settings"], "in_place": True, "plugins": ["my plugin.py"]}
    analysis = analyse(Run({**run.meta, "settings": settings}, *run_rest(run)))
    text = command(analysis, "conv/*", ["torch"]).replace(" \\\n ", "")
    assert text == (
        "bakeoff run --cases 'conv/*' --backends numpy,torch --preset quick --threads 1 --seed 0 "
        "--plugin 'my plugin.py' --in-place"
    )


def run_rest(run):
    return run.cases, run.environments, run.records


def test_no_path_of_this_machine_gets_onto_the_page(good):
    facts = " ".join(f for e in good.environments.values() for f in e.facts.values())
    assert "/somewhere" not in facts


def test_blas_reads_as_words():
    run = synthetic.run(preset="smoke", rounds=1)
    libraries = [{"name": "openblas", "version": "0.3.31", "core": "Zen", "threads": 1}]
    places = {k: {**v, "hello": {"describe": {"blas": libraries}}} for k, v in
              run.environments.items()}  # fmt: skip
    analysis = analyse(Run(run.meta, run.cases, places, run.records))
    assert analysis.environments["numpy"].facts["blas"] == "openblas 0.3.31 (Zen)"

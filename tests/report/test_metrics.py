"""The scorecard's columns: a cell that mismatches helps in none of them."""

import math
from dataclasses import replace

import pytest
from report import synthetic

from bakeoff.record import Check, Outcome
from bakeoff_reports import METRICS, metrics
from bakeoff_reports.analysis import Run, analyse


def changed(run, backend, change):
    records = tuple(change(r) if r.backend == backend else r for r in run.records)
    return analyse(Run(run.meta, run.cases, run.environments, records), METRICS)


@pytest.fixture(scope="module")
def run():
    return synthetic.run(preset="quick", rounds=2)


def spoilt_and_quick(record):
    """A wrong answer that came at once and took nothing."""
    figures = {
        **record.figures,
        **dict.fromkeys(("first_call_ns", "compile_ns"), 1.0),
        **({"time_to_target_ns": 1.0} if "time_to_target_ns" in record.figures else {}),
    }
    return replace(record, outcome=Outcome.MISMATCH, figures=figures)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (metrics.coverage, 0.0),
        (metrics.op_coverage, 0.0),
        (metrics.conformance, 0.0),
        (metrics.speed_ratio, None),
        (metrics.first_call, None),
        (metrics.time_to_quality, None),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_who_is_wrong_everywhere_gains_nowhere(run, metric, expected):
    analysis = changed(run, "torch", spoilt_and_quick)
    assert metric(analysis)["torch"] == expected
    assert metric(analysis)["jax"] not in (0.0, None)


def test_an_error_that_is_no_number_is_the_worst(run):
    nothing = Check("y", "gamma", math.nan, 2e-6, math.nan, math.nan, math.nan)
    analysis = changed(
        run,
        "torch",
        lambda r: replace(r, outcome=Outcome.MISMATCH, checks=(nothing,)) if r.checks else r,
    )
    assert metrics.worst_error_fraction(analysis)["torch"] == math.inf
    assert metrics.worst_error_fraction(analysis)["jax"] < 1


def test_time_to_quality_is_relative_to_the_reference_over_shared_fits(run):
    fits = sorted({r.case_id for r in run.records if "time_to_target_ns" in r.figures})
    pace = dict.fromkeys(fits, 4.0) | {fits[0]: 1.0}

    def quick(record):
        if record.case_id not in pace:
            return record
        time = base[record.case_id] * pace[record.case_id]
        return replace(record, figures={**record.figures, "time_to_target_ns": time})

    base = {
        row.case: row.time_to_target_ns
        for row in analyse(run).of("numpy").itertuples()
        if row.case in pace
    }
    found = metrics.time_to_quality(changed(run, "torch", quick))
    assert found["numpy"] == 1
    assert found["torch"] == pytest.approx(4 ** ((len(fits) - 1) / len(fits)))
    assert found["torch"].note == f"{len(fits)}/{len(fits)} fit" + "s" * (len(fits) > 1)


def test_the_first_release_is_a_year():
    found = metrics.released(analyse(synthetic.museum(), METRICS))
    assert found["jax"] == pytest.approx(2018 + 11.5 / 12)
    assert math.floor(found["numpy"]) == 2006

"""The figures of a whole run: readable for two backends as for twenty-five, and true."""

import math

import pytest
from report import synthetic
from report.layout import assert_texts_apart

from bakeoff.ceilings import Ceilings
from bakeoff.record import Outcome
from bakeoff_reports import SECTIONS, legend, style, svg
from bakeoff_reports.analysis import analyse
from bakeoff_reports.content import Figure
from bakeoff_reports.coverage import coverage, op_states, state
from bakeoff_reports.pareto import pareto, results
from bakeoff_reports.pareto_panels import Result, front
from bakeoff_reports.roofline import roof, roofline
from bakeoff_reports.roofline_panels import Attained, is_crowded
from bakeoff_reports.speeds import mean_speed, speeds
from bakeoff_reports.suites import suites

BUILDERS = {
    "coverage": coverage, "speeds": speeds, "pareto": pareto, "roofline": roofline,
    "suites": suites,
}  # fmt: skip
MANY = tuple(synthetic.MUSEUM)


@pytest.fixture(scope="module", params=[2, 8, 25], ids=lambda n: f"{n}-backends")
def analysis(request):
    names = MANY[: request.param]
    return analyse(synthetic.run(names, rounds=2, hostile=True, ceilings=synthetic.ceilings(names)))


def figures_of(content):
    return [block for block in content if isinstance(block, Figure)]


@pytest.mark.parametrize("name", BUILDERS)
def test_each_figure_is_readable_and_told_in_words(name, analysis):
    found = figures_of(BUILDERS[name](analysis))
    assert found
    for figure in found:
        assert_texts_apart(figure.drawing)
        assert figure.alt.strip().endswith(".")
        assert figure.caption.strip().endswith(".")
        text = svg.inline(figure.drawing, "f1", figure.alt)
        for colour in ('fill="#', 'stroke="#'):  # every ink follows a dark page
            assert colour not in text


def test_the_sections_stand_before_the_tables_of_cells():
    order = [s.name for s in sorted(SECTIONS, key=lambda s: s.order)]
    assert len(order) == len(set(order))
    assert order.index("coverage") < order.index("roofline") < order.index("suites")


def test_a_run_without_any_result_has_no_empty_figure():
    run = synthetic.run(preset="smoke")
    empty = analyse(type(run)({**run.meta, "ending": ""}, run.cases, {}, ()))
    assert [list(build(empty)) for build in (speeds, pareto, roofline)] == [[], [], []]
    states = {s for by_op in op_states(empty).values() for s in by_op.values()}
    assert states == {"unknown"}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("ok contended", "right"), ("ok mismatch", "part"), ("ok unsupported", "part"),
        ("mismatch", "wrong"), ("mismatch unsupported", "wrong"), ("crashed mismatch", "failed"),
        ("unsupported unavailable", "absent"), ("interrupted", "unknown"),
        ("interrupted ok", "right"), ("", "unknown"),
    ],
)  # fmt: skip
def test_the_state_of_an_op_is_told_by_its_cells(outcomes, expected):
    assert state([Outcome(o) for o in outcomes.split()]) == expected


def test_an_op_is_judged_by_the_cases_about_it_alone():
    run = synthetic.run(("numpy", "torch"), rounds=2)
    alone = [c for c in run.cases if {n.op for n in c.program.nodes} == {"matmul"}]
    wrong = [
        type(r)(r.case_id, r.backend, r.replica, r.round, Outcome.ERROR, "no")
        if r.backend == "torch" and "two_layer" in r.case_id
        else r
        for r in run.records
    ]
    states = op_states(analyse(type(run)(run.meta, run.cases, run.environments, tuple(wrong))))
    assert alone
    assert states["torch"]["matmul"] == "right"
    assert states["torch"]["squared_error"] == "failed"


def test_the_front_holds_what_none_beats_in_both():
    fast, middle, exact = Result("fast", 0.5, 0.9), Result("middle", 1, 0.1), Result("e", 4, 0.01)
    beaten, wrong = Result("beaten", 2, 0.5), Result("wrong", 0.1, 30)
    nan = Result("nan", 0.1, math.nan)
    assert front([exact, beaten, wrong, fast, nan, middle]) == [fast, middle, exact]


def test_errors_and_times_are_those_of_the_cells():
    analysis = analyse(synthetic.run(("numpy", "torch"), rounds=3))
    found = {r.backend: r for r in results(analysis, "matmul")["matmul"]}
    cells = analysis.of("torch", "matmul")
    assert found["numpy"].ratio == 1
    assert math.isclose(found["torch"].ratio, math.exp(sum(map(math.log, cells["ratio"])) / 9))
    assert found["torch"].error == cells["error_fraction"].max()


def test_means_by_suite_are_the_aggregates():
    analysis = analyse(synthetic.run(("numpy", "torch"), rounds=3))
    mean = mean_speed(analysis, "torch", "conv")
    assert mean.point.ratio == analysis.aggregate("torch", "conv").interval.ratio
    assert mean_speed(analysis, "numpy") is None


def test_a_roof_is_the_highest_that_any_backend_measured():
    slow = Ceilings({"float32": 50e9}, ((1 << 14, 9e10), (1 << 26, 2e10)), 30.0)
    fast = Ceilings({"float32": 90e9}, ((1 << 26, 3e10),), 30.0)
    found = roof([slow, fast, Ceilings()], "float32", threads=2)
    assert found.gemm == 90
    assert [rate for _, rate in found.copy] == [180, 60]
    assert math.isnan(roof([slow], "int8", 1).gemm)


@pytest.mark.parametrize(
    ("backends", "cases", "expected"), [(8, 99, False), (9, 1, True), (8, 101, True)]
)
def test_a_roofline_of_very_many_cells_shows_ranges(backends, cases, expected):
    cells = [Attained(f"c{i}", f"b{j}", 1.0, 2.0) for i in range(cases) for j in range(backends)]
    assert is_crowded([cells[:50], cells[50:]]) is expected


def test_a_run_without_ceilings_has_no_roofline():
    assert not roofline(analyse(synthetic.run(("numpy", "torch"), rounds=2)))


@pytest.mark.parametrize("count", [1, 8, 25])
def test_the_key_takes_as_many_rows_as_its_names_need(count):
    names = [f"{'a-long-name' * 2}-{i}" for i in range(count)]
    heights = [legend.height(names[:n], 60) for n in (1, count)]
    assert heights == sorted(heights)
    with style.house_style():
        figure = style.canvas(heights[-1])
        legend.draw(figure, names, style.series(names), 60)
    assert_texts_apart(figure)

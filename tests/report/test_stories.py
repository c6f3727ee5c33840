"""Every cell opens to its story: drawn from data where there is a script, as text where not."""

import base64
import re
import shlex
from dataclasses import replace

import pytest
from report import synthetic

from bakeoff.record import Block, Check, Outcome, Record
from bakeoff_reports import METRICS, SECTIONS, stories
from bakeoff_reports.analysis import Run, analyse
from bakeoff_reports.cells import rows_of
from bakeoff_reports.commands import command
from bakeoff_reports.page import render
from bakeoff_reports.words import OUTCOME_WORDS

STEP = "two_layer/784-128-10-float32-batch64-sgd-step"


@pytest.fixture(scope="module")
def analysis():
    return analyse(synthetic.run(hostile=True), METRICS)


@pytest.fixture(scope="module")
def html(analysis):
    return render(analysis, SECTIONS)


def told(records):
    """Return the story of the first cell of a run with these records of it."""
    run = synthetic.run(("numpy",), preset="smoke", rounds=1)
    case = run.cases[0]
    made = [Record(case.id, "numpy", 0, i, Outcome.OK, **given) for i, given in enumerate(records)]
    return stories.stories(analyse(Run(run.meta, run.cases, {}, tuple(made)))).value["cells"][0]


def blocks(*times):
    return tuple(Block(i, 10, 10 * t, 10 * t, 0) for i, t in enumerate(times))


def test_samples_keep_their_round_and_their_time():
    times = [(1000, 1200, 1100), (1255, 1010)]
    _, low, high, rounds = told([{"blocks": blocks(*some)} for some in times])
    assert (low, high) == (1000, 1255)
    decoded = [[low + (high - low) * b / 255 for b in base64.b64decode(r)] for r in rounds]
    assert decoded == [pytest.approx(some, abs=0.51) for some in times]


def test_samples_that_are_all_alike_are_told():
    assert told([{"blocks": blocks(1000, 1000)}])[1:] == [1000, 1000, ["AAA="]]


def test_of_too_many_samples_some_are_told_and_how_many_there_were():
    many = 2 * stories.MOST_ROUNDS
    _, _, _, rounds, of = told([{"blocks": blocks(1000, 1001)}] * many)
    assert len(rounds) == stories.MOST_ROUNDS
    assert of == [many, 2 * many]


@pytest.mark.parametrize(
    ("fractions", "worst"),
    [((0.5, 0.25), 0.5), ((0.5, float("nan")), "nan"), ((2.0, float("inf")), "inf")],
    ids=["number", "nan", "infinity"],
)
def test_the_worst_check_of_each_output_is_told(fractions, worst):
    checks = tuple(Check("y", "gamma", f, 1.0, f) for f in fractions)
    other = Check("grad a", "gamma", 0.125, 1.0, 0.125)
    [found] = told([{"checks": (*checks, other)}])
    assert found == [["y", "gamma", worst, worst, 1.0], ["grad a", "gamma", 0.125, 0.125, 1.0]]


def test_of_too_many_outputs_the_worst_are_told_and_how_many_are_left_out():
    many = [Check(f"w{i}", "gamma", i, 100.0, i / 100) for i in range(stories.MOST_CHECKS + 3)]
    [(*found, left_out)] = told([{"checks": tuple(many)}])
    assert [name for name, *_ in found] == [c.output for c in many[:2:-1]]
    assert left_out == 3


def test_a_program_too_large_to_draw_is_only_counted():
    run = synthetic.run(("numpy",), preset="smoke", rounds=1)
    program = run.cases[0].program
    node = program.nodes[0]
    nodes = tuple(node._replace(name=f"v{i}") for i in range(stories.MOST_NODES + 1))
    case = replace(run.cases[0], program=program._replace(nodes=nodes))
    value = stories.stories(analyse(Run(run.meta, (case,), {}, ()))).value
    assert value["cases"][0]["nodes"] == stories.MOST_NODES + 1


def open_cell(page, case, backend):
    """Open a cell's story as a reader would; return it."""
    suite, _, name = case.partition("/")
    body = page.locator("table.cells > tbody", has=page.locator(f'tr.g .t:text-is("{name}")'))
    body = body.and_(page.locator(f'[aria-label$="{suite}"] tbody'))
    body.locator("button.opens", has_text=re.compile(f"^{re.escape(backend)}$")).click()
    return body.locator("tr.s .opened")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_story(opened, analysis, outcome):
    open_page, noticed, path = opened
    row = next(row for row in rows_of(analysis.cells) if row.outcome is outcome)
    story = open_cell(open_page(), row.case, row.backend)
    text = story.inner_text()
    assert f"{row.backend} on {row.case}" in text
    assert OUTCOME_WORDS[outcome] in text
    assert row.reason.splitlines()[0] in text if row.reason else True
    assert (row.log.strip().splitlines()[0] in text) if row.log else "worker’s log" not in text
    assert story.locator(".gauge").count() == bool(row.error_fraction == row.error_fraction)
    timed = bool(row.time_ns == row.time_ns)
    assert story.locator("svg.strip").count() == timed
    assert story.locator("svg.graph").count() == 1
    said = story.locator("figure.code code").last.inner_text().replace("\\\n", "")
    assert shlex.split(said) == shlex.split(
        command(analysis, row.case, [row.backend]).replace("\\\n", "")
    )
    assert noticed == [f"request: {path.as_uri()}"]


def test_a_strip_plot_has_a_dot_for_every_block(opened, analysis):
    story = open_cell(opened[0](), "matmul/square-float32-64-forward", "torch")
    records = analysis.ranking.records("matmul/square-float32-64-forward", "torch")
    assert story.locator(".strip .own circle").count() == sum(len(r.blocks) for r in records)
    assert story.locator(".strip .own path").count() == len(records)


def test_the_graph_has_every_op_forward_and_backward_as_the_program_has(opened, analysis):
    program = analysis.cases[STEP].program
    story = open_cell(opened[0](), STEP, "torch")
    named = story.locator(".graph .op").evaluate_all(
        "ops => ops.map(op => [...op.querySelectorAll('.name')].map(t => t.textContent).join(''))"
    )
    assert named == [node.op for node in program.nodes]
    reads = sum(len(node.args) for node in program.nodes)
    assert story.locator(".graph .forward").count() == reads + len(program.outputs)
    grads = story.locator(".graph .backward text").all_text_contents()
    params = program.ask["params"]
    values = [node.name for node in program.nodes[:-1]]
    assert sorted(grads) == sorted([*(f"d{n}" for n in (*params, *values)), "1"])
    assert "dv3, db2 = bias_add.backward(v3, b2, dout=dv4)" in story.inner_text()


def test_no_two_boxes_of_a_graph_overlap(opened):
    story = open_cell(opened[0](), STEP, "torch")
    boxes = [box.bounding_box() for box in story.locator(".graph rect").all()]
    assert len(boxes) == 13
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = (
                a["x"] + a["width"] <= b["x"]
                or b["x"] + b["width"] <= a["x"]
                or a["y"] + a["height"] <= b["y"]
                or b["y"] + b["height"] <= a["y"]
            )
            assert apart, (a, b)


def test_a_story_opens_and_closes_by_keyboard_and_says_so(opened):
    page = opened[0]()
    button = page.locator("button.opens").first
    button.focus()
    assert button.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("tr.s").count() == 1
    page.keyboard.press("Space")
    assert button.get_attribute("aria-expanded") == "false"
    assert page.locator("tr.s").count() == 0


def test_an_open_story_stays_with_its_cell(opened):
    page = opened[0]()
    open_cell(page, "matmul/square-float32-512-forward", "torch")
    table = page.locator("table.cells").first
    table.locator("thead button", has_text="Time").click()
    before = page.locator("tr.s").evaluate("s => s.previousElementSibling.cells[0].textContent")
    assert before == "torch"
    page.locator(".filter select").first.select_option("jax")
    assert page.locator("tr.s").is_hidden()
    page.locator(".filter select").first.select_option("torch")
    assert page.locator("tr.s").is_visible()


def test_a_command_can_be_copied(opened):
    page = opened[0](permissions=["clipboard-read", "clipboard-write"])
    story = open_cell(page, STEP, "jax")
    figure = story.locator("figure.code").last
    figure.locator("button.copy").click()
    figure.locator("output", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == figure.locator("code").inner_text()


def test_without_script_every_cell_tells_outcome_error_reason_and_command(opened, analysis):
    page = opened[0](java_script_enabled=False)
    rows = page.locator("table.cells > tbody > tr:not(.g)")
    assert rows.count() == len(analysis.cells)
    assert page.locator("table.cells > tbody > tr.g details code").all_text_contents() == [
        f"--cases {case}" for case in analysis.cases
    ]
    row = next(row for row in rows_of(analysis.cells) if row.outcome is Outcome.ERROR)
    page.locator("table.cells td a").filter(has_text="RuntimeError").first.click()
    story = page.locator("details.story[open]")
    assert story.count() == 1
    assert row.reason in story.inner_text()
    assert row.log.splitlines()[0] in story.inner_text()
    assert command(analysis, row.case, [row.backend]) in story.inner_text()

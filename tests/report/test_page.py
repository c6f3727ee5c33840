"""The page in a browser: complete, silent, closed to the network, readable anywhere."""

from html.parser import HTMLParser

import pytest
from report import synthetic

from bakeoff.record import Outcome
from bakeoff.reporting import ReportSection
from bakeoff_reports import METRICS, SECTIONS, assets, content
from bakeoff_reports.analysis import analyse
from bakeoff_reports.cells import rows_of
from bakeoff_reports.page import render, write
from bakeoff_reports.words import OUTCOME_WORDS


@pytest.fixture(scope="module")
def analysis():
    return analyse(synthetic.run(hostile=True), METRICS)


@pytest.fixture(scope="module")
def html(analysis):
    return render(analysis, SECTIONS)


class Outline(HTMLParser):
    """Collects headings, ids, tables and whatever could run or load."""

    def __init__(self):
        super().__init__()
        self.levels, self.ids, self.scripts, self.loads, self.anchors = [], [], 0, [], []
        self.tables = self.captions = self.bare_heads = 0

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in ("h1", "h2", "h3", "h4"):
            self.levels.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"])
        self.scripts += tag == "script" and given.get("type") != "application/gzip"
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.bare_heads += tag == "th" and "scope" not in given
        self.loads += [
            v for k, v in attrs if k == "src" or (k == "href" and tag in ("link", "image"))
        ]
        self.anchors += [v[1:] for k, v in attrs if k == "href" and v.startswith("#")]
        assert not any(k.startswith("on") or k == "style" for k in given), (tag, given)
        assert tag not in ("img", "iframe", "object", "embed", "base", "form", "video"), tag


@pytest.fixture(scope="module")
def outline(html):
    parser = Outline()
    parser.feed(html)
    return parser


def test_the_markup_holds_our_scripts_only_and_loads_nothing(outline):
    assert outline.scripts == len(assets.SCRIPTS)
    assert outline.loads == ["data:,"]


def test_ids_are_unique_and_links_lead_somewhere(outline):
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.anchors) <= set(outline.ids)


def test_headings_are_in_order_and_tables_are_labelled(outline):
    assert outline.levels[0] == 1
    assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False))
    assert outline.tables == outline.captions
    assert outline.bare_heads == 0


def test_what_is_kept_apart_is_on_the_page():
    run = synthetic.run(preset="smoke", ceilings=synthetic.ceilings(synthetic.BACKENDS))
    html = render(analyse(run, METRICS), SECTIONS)
    assert html.count("<span class=i>arithmetic</span>") > 4
    assert html.count("<span class=i>since the worker&#39;s start</span>") == len(run.cases)  # jax


def test_hostile_texts_are_escaped(html):
    assert synthetic.HOSTILE not in html
    assert synthetic.HOSTILE_STYLE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_data_of_a_section_reach_its_script_as_they_are_and_are_never_run(analysis, opened):
    told = {"name": HARD, "values": [1.5, None]}
    section = ReportSection("told", "Told", f"{__name__}:_told", 5)
    html = render(analysis, [section])
    assert html.count("</script>") == 1 + len(assets.SCRIPTS)
    open_page, noticed, path = opened
    path.write_text(html, encoding="utf-8")
    page = open_page()
    assert page.evaluate("bakeoff.data('told')") == told
    assert noticed == [f"request: {path.as_uri()}"]


HARD = f"{synthetic.HOSTILE} {synthetic.HOSTILE_STYLE} <!-- <script> \u2028 &lt; ]]>"


def _told(analysis):
    return [content.Data("told", {"name": HARD, "values": [1.5, None]})]


def test_a_failing_section_costs_only_itself(analysis):
    broken = ReportSection("broken", "Broken", f"{__name__}:no_such_function", 5)
    html = render(analysis, [broken, *SECTIONS])
    assert "section failed" in html
    assert "Every cell of the suite matmul" in html


def test_a_run_without_any_result_has_a_page():
    run = synthetic.run(preset="smoke", hostile=False)
    empty = type(run)({**run.meta, "ending": ""}, run.cases, {}, ())
    html = render(analyse(empty, METRICS), SECTIONS)
    assert html.count("interrupted</span>") >= len(run.cases) * 4
    assert "section failed" not in html


def test_write_puts_the_page_beside_the_journal(tmp_path):
    folder = synthetic.write(synthetic.run(preset="smoke", rounds=2), tmp_path)
    assert write(folder, SECTIONS, METRICS) == folder / "report.html"
    assert "section failed" not in (folder / "report.html").read_text(encoding="utf-8")


def test_opening_it_is_silent_and_asks_the_network_for_nothing(opened):
    open_page, noticed, path = opened
    page = open_page()
    page.wait_for_load_state("networkidle")
    page.mouse.wheel(0, 5000)
    assert noticed == [f"request: {path.as_uri()}"]


def test_every_planned_cell_is_a_row_with_its_outcome(opened, analysis):
    page = opened[0]()
    shown = page.eval_on_selector_all(
        "table.cells > tbody > tr:not(.g)",
        "rows => rows.map(r => [r.parentNode.querySelector('.t').textContent, "
        "r.cells[0].textContent, r.cells[1].textContent])",
    )
    expected = [
        [row.case.partition("/")[2], row.backend, OUTCOME_WORDS[row.outcome]]
        for row in rows_of(analysis.cells)
    ]
    assert sorted(shown) == sorted(expected)
    assert {outcome for _, _, outcome in shown} == {OUTCOME_WORDS[o] for o in Outcome}


def test_a_cell_without_a_result_shows_a_dash_and_its_reason(opened):
    page = opened[0]()
    rows = page.eval_on_selector_all(
        "table.cells > tbody > tr:not(.g)",
        "rows => rows.map(r => [...r.cells].map(c => c.textContent))",
    )
    for backend, outcome, time, ratio, verdict, _, remark in rows:
        if outcome not in ("ok", "mismatch", "contended"):
            assert (time, ratio, verdict) == ("–", "–", "–"), backend
            assert remark
        if outcome == "mismatch":
            assert verdict == "–"
            assert time != "–"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_no_width_makes_the_page_scroll_sideways(opened, width, script):
    page = opened[0](viewport={"width": width, "height": 800}, java_script_enabled=script)
    box = page.locator("main").bounding_box()
    assert box["x"] + box["width"] <= width
    if script:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_script_failures_still_open(opened):
    page = opened[0](java_script_enabled=False)
    story = page.locator("section[aria-labelledby=failures] details.story").first
    story.locator("summary").click()
    assert story.locator("pre").first.is_visible()
    assert page.locator(".filter").count() == 0


def test_without_script_every_table_and_figure_is_there(opened, outline):
    tables = opened[0](java_script_enabled=False).locator("table")
    assert tables.count() == outline.tables
    page = opened[0](java_script_enabled=False)
    for summary in page.locator("main > section > details.story > summary").all():
        summary.click()
    hidden = [t for t in page.locator("table").all() if not t.is_visible()]
    assert hidden == []
    assert page.locator("figure.drawing svg:visible").count() == page.locator("figure svg").count()


def test_dark_and_light_differ_and_both_can_be_read(opened):
    colours = {}
    for scheme in ("light", "dark"):
        page = opened[0](color_scheme=scheme)
        colours[scheme] = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, "
            "getComputedStyle(document.body).color, "
            "getComputedStyle(document.querySelector('.drawing text')).fill]"
        )
    assert colours["light"][0] == "rgb(255, 255, 255)"
    assert colours["dark"][0] == "rgb(20, 24, 31)"
    assert all(a != b for a, b in zip(*colours.values(), strict=True))


def test_filtering_and_sorting(opened):
    open_page, noticed, path = opened
    page = open_page()
    table = page.locator("table.cells").first
    rows = table.locator("> tbody > tr:not(.g):visible")
    everything = rows.count()
    box = page.locator(".filter").first
    box.locator("select").nth(0).select_option("torch")
    assert rows.count() == everything // 5
    assert f"of {everything} cells" in box.locator("output").inner_text()
    box.locator("select").nth(0).select_option("")
    box.locator("input").fill("square-float32-512")
    assert rows.count() == 5
    box.locator("input").fill("")
    table.locator("button", has_text="Time").click()
    keys = table.locator("> tbody > tr.g + tr > td:nth-child(3)").evaluate_all(
        "cells => cells.map(c => Number(c.dataset.s))"
    )
    assert keys == sorted(keys)
    assert table.locator("thead th[aria-sort=ascending]").count() == 1
    table.locator("button", has_text="Time").click()
    assert table.locator("thead th[aria-sort=descending]").count() == 1
    assert noticed == [f"request: {path.as_uri()}"]


def test_it_prints(opened):
    page = opened[0]()
    assert page.pdf(format="A4")[:5] == b"%PDF-"
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()


def test_a_plugin_section_takes_its_place(analysis):
    html = render(
        analysis, [*SECTIONS, ReportSection("mine", "Mine", "bakeoff_reports.reading:reading", 15)]
    )
    assert html.index('id="headline"') < html.index('id="mine"') < html.index('id="summary"')

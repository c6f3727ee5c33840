"""The scorecard: what adds to what, what is said of it, and a page that weighs as Python does."""

from dataclasses import replace

import pytest
from report import synthetic

from bakeoff.errors import BakeoffError
from bakeoff_reports import METRICS, SECTIONS, picture, scores, words
from bakeoff_reports.analysis import Run, analyse
from bakeoff_reports.content import Scoreboard, Table, plain
from bakeoff_reports.page import render
from bakeoff_reports.scorecard import card_of, parts_of, score, scoreboard

WEIGHTS = {"Speed": 10, "Right": 0.5, "Worst error": 7, "First call": 0, "First release": 2.5}


@pytest.fixture(scope="module")
def analysis():
    return analyse(synthetic.run(preset="smoke", hostile=True), METRICS)


@pytest.fixture(scope="module")
def card(analysis):
    return card_of(analysis)


@pytest.fixture(scope="module")
def html(analysis):
    return render(analysis, SECTIONS)


def shown(page):
    """Return the rows as they stand: place, backend, score, known, contributions."""
    return page.eval_on_selector_all(
        "table.scores tbody tr",
        "rows => rows.map(r => [Number(r.cells[0].textContent), r.cells[1].textContent,"
        " r.cells[2].textContent.trim(), r.cells[3].textContent,"
        " [...r.querySelectorAll('.v')].map(c => c.textContent)])",
    )


def set_weight(page, title, value):
    page.get_by_label(title, exact=False).and_(page.locator("input[type=range]")).fill(str(value))


def expected(card, weights, method):
    """Return the same rows from Python."""
    points = card.points[method.name]
    found = scores.scores(points, weights)
    places = scores.places(found)
    decimals = method.decimals
    total = sum(weights)
    rows = []
    for i in sorted(range(len(found)), key=lambda i: (places[i],)):
        known = [card.columns[j][i] is not None for j, w in enumerate(weights) if w]
        parts = [w * p[i] / total for w, p in zip(weights, points, strict=True)]
        rows.append(
            [
                places[i],
                card.backends[i],
                in_page(found[i], decimals),
                f"{sum(known)} of {len(known)}",
                [in_page(x, decimals) for x in parts],
            ]
        )
    return rows


def in_page(value, decimals):
    text = f"{value:.{decimals}f}".replace("-", "−")
    return text.lstrip("−") if not float(text.replace("−", "-")) else text


def close(rows, others):
    """Whether rows agree; the last digit may be rounded either way where it lies between."""
    for row, other in zip(rows, others, strict=True):
        assert row[:2] == other[:2]
        assert row[3] == other[3]
        for a, b in zip([row[2], *row[4]], [other[2], *other[4]], strict=True):
            step = 10.0 ** -len(a.partition(".")[2])
            assert float(a.replace("−", "-")) == pytest.approx(
                float(b.replace("−", "-")), abs=1.01 * step
            )


def test_who_has_no_result_has_no_place(card):
    assert "caffe" not in card.backends
    assert set(card.backends) == set(synthetic.BACKENDS)


def test_what_each_column_adds_makes_up_the_score(card):
    found = scores.scores(card.points["power"], card.weights)
    added = [sum(p.points[i] for p in parts_of(card)) for i in range(len(card.backends))]
    assert added == pytest.approx(found)
    board = scoreboard(card)
    assert [sum(board.contributions(i)) for i in range(len(board.rows))] == pytest.approx(
        list(board.scores)
    )
    assert list(board.scores) == sorted(board.scores, reverse=True)


def test_an_error_beyond_its_bound_is_wrong_however_far():
    run = synthetic.run(preset="smoke")
    found = []
    for fraction in (3.0, 3e9):
        records = tuple(
            replace(r, checks=(replace(r.checks[0], fraction=fraction),))
            if r.checks and r.backend in ("jax", "torch")
            else r
            for r in run.records
        )
        card = card_of(analyse(Run(run.meta, run.cases, run.environments, records), METRICS))
        at = [m.name for m in card.metrics].index("error")
        found.append(card.points["z"][at])
    assert found[0] == found[1]


def test_what_is_missing_is_said_and_counts_as_the_worst():
    run = synthetic.run()
    records = tuple(
        replace(r, figures={k: v for k, v in r.figures.items() if k != "peak_rss_bytes"})
        if r.backend == "torch"
        else r
        for r in run.records
    )
    card = card_of(analyse(Run(run.meta, run.cases, run.environments, records), METRICS))
    board = scoreboard(card)
    row = next(i for i, r in enumerate(board.rows) if r.name == "torch")
    at = [w.title for w in board.weights].index("Peak memory")
    assert board.rows[row].known[at] is False
    known, of = board.known(row)
    assert known == of - 1
    for method in scores.METHODS:
        points = [r.by_method[method.name][at] for r in board.rows]
        assert points[row] == min(points)


@pytest.mark.parametrize("backends", [["numpy"], []], ids=["one", "none"])
def test_nothing_is_scored_where_there_is_nothing_to_tell_apart(backends, tmp_path):
    run = synthetic.run(backends, preset="smoke", rounds=1) if backends else synthetic.run()
    run = run if backends else Run({**run.meta, "ending": ""}, run.cases, {}, ())
    assert score(analyse(run, METRICS)) == ()
    folder = synthetic.write(run, tmp_path)
    with pytest.raises(BakeoffError, match=r"no two backends with a result, expected two"):
        picture.write(folder, SECTIONS, METRICS)


def test_the_picture_is_a_png_beside_the_journal(tmp_path):
    folder = synthetic.write(synthetic.run(preset="smoke", rounds=2), tmp_path)
    path = picture.write(folder, SECTIONS, METRICS)
    assert path == folder / "scorecard.png"
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    drawn = picture.draw(analyse(synthetic.run(preset="smoke", rounds=2), METRICS))
    texts = {t.get_text() for t in drawn.texts}
    assert any("2026-05-12" in t and "AMD EPYC" in t for t in texts)


def test_how_far_the_order_is_the_weights_is_said_in_words(analysis, card):
    blocks = score(analysis)
    table = next(b for b in blocks if isinstance(b, Table))
    first = {row[0].text: row[1].sort for row in table.groups[0].rows}
    assert sum(first.values()) == pytest.approx(1)
    leader = max(first, key=first.get)
    said = " ".join(plain(b) for b in blocks if hasattr(b, "spans"))
    assert f"{leader} is first under {words.percent(first[leader])} of random weights" in said
    assert any(isinstance(b, Scoreboard) for b in blocks)


def test_without_script_the_scores_of_the_first_weights_stand(opened, card):
    page = opened[0](java_script_enabled=False)
    rows = page.locator("table.scores tbody tr")
    names = [rows.nth(i).locator("th").inner_text() for i in range(rows.count())]
    board = scoreboard(card)
    assert names == [r.name for r in board.rows]
    assert rows.nth(0).locator("strong").inner_text() == f"{board.scores[0]:.1f}"
    assert "weight 3" in page.locator("table.scores thead").inner_text()
    assert page.locator(".weights").count() == 0


@pytest.mark.parametrize("method", scores.METHODS, ids=lambda m: m.name)
def test_the_page_weighs_as_python_does(opened, card, method):
    open_page, noticed, path = opened
    page = open_page()
    close(shown(page), expected(card, card.weights, scores.METHODS[0]))
    page.get_by_label("Method").select_option(method.name)
    close(shown(page), expected(card, card.weights, method))
    weights = [WEIGHTS.get(m.title, m.weight) for m in card.metrics]
    for metric, weight in zip(card.metrics, weights, strict=True):
        set_weight(page, metric.title, weight)
    close(shown(page), expected(card, weights, method))
    assert shown(page) != expected(card, card.weights, method)
    page.get_by_role("button", name="Begin again").click()
    close(shown(page), expected(card, card.weights, scores.METHODS[0]))
    assert noticed == [f"request: {path.as_uri()}"]


def test_a_weight_is_set_from_the_keyboard_and_the_order_is_told(opened, card):
    page = opened[0]()
    slider = page.get_by_label("Speed", exact=False).and_(page.locator("input[type=range]"))
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "0.5"
    weights = [0.5 if m.title == "Speed" else m.weight for m in card.metrics]
    rows = expected(card, weights, scores.METHODS[0])
    close(shown(page), rows)
    told = page.locator(".weights .order")
    assert told.get_attribute("aria-live") == "polite"
    assert told.inner_text().startswith(f"1. {rows[0][1]} ")


def test_with_no_weight_at_all_the_page_says_so(opened, card):
    open_page, noticed, path = opened
    page = open_page()
    for metric in card.metrics:
        set_weight(page, metric.title, 0)
    assert "No column has a weight" in page.locator(".weights .order").inner_text()
    assert {row[2] for row in shown(page)} == {"0.0"}
    assert noticed == [f"request: {path.as_uri()}"]


def test_weights_of_plugins_are_taken_as_they_are(browser, tmp_path):
    """Also where no slider's step leads to them, and none below nothing."""
    odd = {"speed": 0.3, "memory": 12.0, "import": -2.0}
    metrics = [replace(m, weight=odd.get(m.name, m.weight)) for m in METRICS]
    analysis = analyse(synthetic.run(preset="smoke", rounds=2), metrics)
    card = card_of(analysis)
    assert card.weights[[m.name for m in card.metrics].index("import")] == 0
    path = tmp_path / "report.html"
    path.write_text(render(analysis, SECTIONS), encoding="utf-8")
    page = browser.new_context().new_page()
    page.goto(path.as_uri())
    close(shown(page), expected(card, card.weights, scores.METHODS[0]))
    page.context.close()

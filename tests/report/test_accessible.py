"""The page for every reader: on a desktop and a phone, light and dark, by keyboard and by ear."""

import pytest
from report import synthetic

from bakeoff_reports import METRICS, SECTIONS
from bakeoff_reports.analysis import analyse
from bakeoff_reports.page import render

WIDTHS = {"desktop": 1280, "phone": 390}


@pytest.fixture(scope="module")
def html():
    run = synthetic.run(hostile=True, ceilings=synthetic.ceilings(synthetic.BACKENDS))
    return render(analyse(run, METRICS), SECTIONS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", list(WIDTHS))
def test_axe_finds_no_serious_violation(opened, device, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    size = {"width": WIDTHS[device], "height": 900}
    page = opened[0](viewport=size, color_scheme=scheme)
    for opens in ("button.opens", "details.story summary", "tr.g summary"):
        page.locator(opens).first.click()
    page.locator("thead button").first.click()
    # Over a gradient axe measures no contrast: the shadows that tell of more to the side go.
    page.evaluate("document.querySelectorAll('.scroll').forEach(e => e.style.background = 'none')")
    found = axe.Axe().run(page).response
    serious = [
        (v["id"], v["impact"], [node["html"] for node in v["nodes"]][:3])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert len(found["passes"]) > 20


def test_the_skip_link_comes_first_and_leads_to_the_results(opened):
    page = opened[0]()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def test_sorting_by_keyboard_tells_the_order(opened):
    page = opened[0]()
    head = page.locator("table.cells").first.locator("thead th").nth(2)
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    assert page.locator("table.cells").first.locator("[aria-sort]").count() == 1


def test_filtering_by_keyboard_tells_how_many_are_left(opened):
    page = opened[0]()
    field = page.get_by_label("Find").first
    field.focus()
    page.keyboard.type("square-float32-512")
    said = page.locator(".filter output").first
    assert said.get_attribute("aria-live") == "polite"
    assert said.inner_text().startswith("5 of ")
    page.keyboard.press("Tab")
    page.keyboard.type("tor")  # a select takes the first letters of an option
    backend = page.locator(".filter label", has_text="Backend").first.locator("select")
    assert backend.input_value() == "torch"
    assert said.inner_text().startswith("1 of ")


FOCUSABLE = ("a", "thead button", "button.opens", "button.copy", ".filter input", ".filter select",
             "summary", "div.scroll", "pre")  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_focus_shows_it(opened, scheme):
    page = opened[0](color_scheme=scheme)
    page.locator("tr.g summary").first.click()
    page.keyboard.press("Tab")  # from here on the focus is a keyboard's
    for selector in FOCUSABLE:
        shown = page.locator(f"{selector}:visible").first.evaluate(
            "e => { e.focus(); const s = getComputedStyle(e); "
            "return [document.activeElement === e, s.outlineStyle, parseFloat(s.outlineWidth)]; }"
        )
        assert shown[0], selector
        assert shown[1] == "solid", selector
        assert shown[2] >= 2, selector


def test_nothing_moves_for_who_asked_for_less_motion(opened):
    motion = "getComputedStyle(document.documentElement).scrollBehavior"
    assert opened[0](reduced_motion="no-preference").evaluate(motion) == "smooth"
    page = opened[0](reduced_motion="reduce")
    assert page.evaluate(motion) == "auto"
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e)"
    for what in (
        ".animationName !== 'none'",
        ".transitionDuration.split(',').some(t => parseFloat(t) > 0)",
    ):
        assert page.evaluate(f"{moving}{what}).length") == 0


def test_on_a_phone_tables_and_figures_scroll_in_themselves(opened):
    page = opened[0](viewport={"width": 390, "height": 800})
    page.locator("button.opens").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.locator("div.scroll:visible").evaluate_all(
        "boxes => boxes.filter(b => b.scrollWidth > b.clientWidth + 1).map(b => "
        "[getComputedStyle(b).overflowX, b.tabIndex, b.getAttribute('aria-label')])"
    )
    assert wide
    assert all(how == "auto" and tab == 0 and label for how, tab, label in wide)


def test_on_a_phone_a_story_fits_the_screen(opened):
    page = opened[0](viewport={"width": 390, "height": 800})
    page.locator("button.opens").first.click()
    box = page.locator(".opened").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    strip = page.locator(".opened svg.strip").bounding_box()
    assert strip["x"] + strip["width"] <= 390

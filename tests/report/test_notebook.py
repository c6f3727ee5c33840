"""The report in a notebook: whole, in a frame that nothing leaves."""

import subprocess
import sys
from html.parser import HTMLParser

import pytest
from report import synthetic

from bakeoff.errors import JournalError
from bakeoff_reports.notebook import Shown, show


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    run = synthetic.run(preset="smoke", rounds=2, hostile=True)
    return show(synthetic.write(run, tmp_path_factory.mktemp("run")))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_html_is_one_frame_that_holds_the_whole_page(shown):
    parser = Tags()
    parser.feed(shown._repr_html_())
    [(tag, attributes)] = parser.found
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts"  # an origin of its own
    assert attributes["srcdoc"] == shown.html
    assert attributes["title"]


def test_the_markdown_is_the_reports(shown):
    text = shown._repr_markdown_()
    assert text.startswith("# bakeoff report")
    assert "## In short" in text


def test_the_plain_form_says_what_it_is(shown):
    assert repr(shown).startswith("<bakeoff report: ")
    assert "numpy, numpy-plan, torch, jax, caffe" in repr(shown)


def test_the_analysis_is_at_hand(shown):
    assert isinstance(shown, Shown)
    assert set(shown.analysis.cells["backend"]) >= {"numpy", "torch"}


def test_a_folder_without_a_run_is_said(tmp_path):
    with pytest.raises(JournalError, match="no file"):
        show(tmp_path)


def test_the_page_works_in_its_frame_and_reaches_nothing_outside(shown, browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><title>cell</title>{shown._repr_html_()}", encoding="utf-8")
    page = browser.new_page()
    noticed = []
    page.on("console", lambda message: noticed.append(message.text))
    page.goto(path.as_uri())
    inside = page.frames[1]
    inside.wait_for_selector("input[type=search]")  # which the page's script makes
    blocked = inside.evaluate(
        "() => { try { return parent.document.title; } catch (e) { return e.name; } }"
    )
    page.close()
    assert blocked == "SecurityError"
    assert not noticed


def test_importing_the_package_loads_no_notebook():
    code = "import sys, bakeoff_reports; assert 'bakeoff_reports.notebook' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

"""The page as PDF: all of it, or an error that says what to do."""

import os
import re
import stat
import subprocess
import tempfile
import time
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from report import synthetic

from bakeoff.errors import BakeoffError
from bakeoff_reports import METRICS, SECTIONS, pdf
from bakeoff_reports.analysis import analyse
from bakeoff_reports.page import render
from bakeoff_reports.words import OUTCOME_WORDS

RUN = synthetic.run(preset="smoke", rounds=2, hostile=True)


@pytest.fixture(scope="module")
def html():
    return render(analyse(RUN, METRICS), SECTIONS, scripted=False)


@pytest.fixture
def fake():
    """Return a function that makes a browser of a shell script; anyone may run it."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)

        def make(script: str) -> str:
            path = Path(name) / "browser"
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
            return str(path)

        yield make


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_what_is_printed_holds_no_script(html):
    assert re.findall("<script(?! type=.application/gzip)", html) == []
    assert "script-src 'none'" in unescape(html)


def test_the_pdf_has_every_section_table_and_cell(tmp_path):
    reader = pytest.importorskip("pypdf", reason="pypdf is not installed")
    try:
        pdf.find()
    except BakeoffError as error:
        pytest.skip(str(error))
    path = pdf.write(synthetic.write(RUN, tmp_path), SECTIONS, METRICS)
    pages = reader.PdfReader(BytesIO(path.read_bytes())).pages
    text = squeezed("".join(page.extract_text() for page in pages))
    page = render(analyse(RUN, METRICS), SECTIONS, scripted=False)
    shown = [s for s in SECTIONS if f'id="{s.name}"' in page]  # others have nothing to say
    assert len(shown) > 8
    assert [s.title for s in shown if squeezed(s.title) not in text] == []
    for suite in synthetic.SUITES:
        assert squeezed(f"Every cell of the suite {suite}") in text
    for case in RUN.cases:
        assert squeezed(case.name) in text
    for word in OUTCOME_WORDS.values():  # each chip of the page is in print
        assert text.count(squeezed(word)) >= len(re.findall(rf"chip[^>]*>{word}<", page))
    assert "Reason" in text  # what failed is told whole, though its story is closed


def test_without_a_browser_it_says_what_to_do(monkeypatch):
    monkeypatch.setenv("CHROME", "no-such-browser")
    with pytest.raises(BakeoffError, match=r"CHROME=no-such-browser; install Chromium"):
        pdf.find()


def test_the_browser_that_is_named_is_taken(monkeypatch, fake):
    monkeypatch.setenv("CHROME", fake("exit 0"))
    assert pdf.find() == os.environ["CHROME"]


def test_a_browser_that_prints_nothing_is_quoted(html, fake):
    with pytest.raises(BakeoffError, match=r"printed nothing; it said: no usable sandbox"):
        pdf.printed(html, fake("echo no usable sandbox"))


def test_a_browser_that_may_not_be_run_is_named(html, fake):
    browser = fake("exit 0")
    Path(browser).chmod(stat.S_IRUSR)
    with pytest.raises(BakeoffError, match=r"cannot start .*browser as .*Permission denied"):
        pdf.printed(html, browser)


def test_a_browser_that_hangs_is_ended_with_all_that_it_started(html, fake):
    mark = f"86{time.time_ns() % 10**6}"
    with pytest.raises(BakeoffError, match=r"had not printed the page after 0.5 s and was ended"):
        pdf.printed(html, fake(f"sleep {mark} & sleep {mark}"), timeout_s=0.5)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert f"sleep {mark}" not in running.stdout


def test_the_browser_keeps_its_sandbox_and_asks_no_name_server(html, fake):
    with pytest.raises(BakeoffError) as caught:
        pdf.printed(html, fake('echo "$@"; id -u'))
    flags, user, _ = str(caught.value).splitlines()
    assert "--headless" in flags
    assert "--no-sandbox" not in flags
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in flags
    assert int(user) != 0  # root has no sandbox

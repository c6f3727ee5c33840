"""Markdown: the same facts as the page, and no text can become markup."""

import re
from pathlib import Path

import pytest
from report import synthetic

from bakeoff.markdown import escape
from bakeoff.whole import write_whole
from bakeoff_reports import METRICS, SECTIONS
from bakeoff_reports.analysis import analyse
from bakeoff_reports.markdown import render, write
from bakeoff_reports.words import OUTCOME_WORDS


def test_every_cell_is_listed_and_nothing_hostile_is_markup():
    run = synthetic.run(hostile=True)
    text = render(analyse(run, METRICS), SECTIONS)
    outside = re.sub(r"^(`{3,})\n.*?^\1$", "", text, flags=re.M | re.S)
    assert set(re.findall(r"<(/?\w+)", outside)) == {"details", "/details", "summary", "/summary"}
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [line for line in lines if line.split(" | ")[2] in OUTCOME_WORDS.values()]
    for case in run.cases:
        assert sum(f"| {escape(case.name)} |" in row for row in rows) == 5


def test_what_was_possible_is_told():
    session = {"energy_j": {"package-0": 1234.5}, "energy_s": 110.0, "elapsed_s": 100.0}
    run = synthetic.run(
        preset="smoke", ceilings=synthetic.ceilings(["numpy", "torch"]), sessions=[session]
    )
    text = render(analyse(run, METRICS), SECTIONS).replace("\u202f", " ")
    assert "| numpy | 200 GFLOP/s | 100 GFLOP/s | 100 GB/s | 30.0 GB/s | 35.0 ns |" in text
    assert "of the rounds, over 1 min 50 s: package\\-0 1 230 J; of all backends together" in text
    without = render(analyse(synthetic.run(preset="smoke"), METRICS), SECTIONS)
    assert "GFLOP/s" not in without
    assert "Energy" not in without


def test_a_text_shows_as_it_is():
    assert escape("a|b *c* <d> @someone [x](y)\nz") == (
        "a\\|b \\*c\\* &lt;d&gt; @\u200bsomeone \\[x\\]\\(y\\) z"
    )


def test_a_fence_is_longer_than_what_it_holds():
    from bakeoff_reports.markdown import _fenced

    assert _fenced("a\n````\n")[0] == "`````"


def test_write_puts_it_beside_the_journal(tmp_path):
    folder = synthetic.write(synthetic.run(preset="smoke", rounds=2), tmp_path)
    path = write(folder, SECTIONS, METRICS)
    assert path == folder / "report.md"
    assert path.read_text(encoding="utf-8").startswith("# bakeoff report\n")


def test_a_write_that_fails_leaves_the_earlier_report(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "report.md", "earlier")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "later")
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]

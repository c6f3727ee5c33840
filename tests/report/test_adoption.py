"""Adoption: a figure has its date and its source, or is refused; and the page shows both."""

import csv
import io

import pytest
from report import synthetic

from bakeoff import adoption
from bakeoff.adoption import COLUMNS, AdoptionFigure, as_text, parse, read
from bakeoff.commands.root import execute
from bakeoff.errors import UsageError
from bakeoff_reports import METRICS, SECTIONS
from bakeoff_reports.adoption import adoption as section
from bakeoff_reports.adoption import bundled, written
from bakeoff_reports.analysis import Run, analyse, load
from bakeoff_reports.content import Table
from bakeoff_reports.page import render

HEADS = ",".join(COLUMNS)
GOOD = "PyTorch,GitHub stars,1234,stars,2026-11-24,https://example.org/stars"


def with_own(*lines):
    run = synthetic.run(preset="smoke", rounds=2)
    return analyse(
        Run(run.meta, run.cases, run.environments, run.records, "\n".join((HEADS, *lines))), METRICS
    )


def table_of(analysis):
    return next(b for b in section(analysis) if isinstance(b, Table))


def test_what_is_written_is_read_again():
    figures = (
        AdoptionFigure("A, B", 'say "stars"', 1e12, "stars\nper sky", "2017", "https://a.org/x,y"),
        AdoptionFigure("C", "papers", 0.1, "%", "2017-03", "http://b.org"),
    )
    assert parse(as_text(figures), "text") == figures


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD.replace("1234", "many"), "value is 'many', expected a number of 0 or more"),
        (GOOD.replace("1234", "-1"), "value is '-1', expected a number"),
        (GOOD.replace("1234", "nan"), "value is 'nan', expected a number"),
        (GOOD.replace("1234", "inf"), "value is 'inf', expected a number"),
        (GOOD.replace("2026-11-24", "24.11.2026"), "date is '24.11.2026', expected YYYY"),
        (GOOD.replace("2026-11-24", "2026-13"), "date is '2026-13', expected YYYY"),
        (GOOD.replace("2026-11-24", "2026-02-30"), "date is '2026-02-30', expected YYYY"),
        (GOOD.replace("https://example.org/stars", "a friend"), "source is 'a friend', expected a"),
        (GOOD.replace("https:", "javascript:"), "source is 'javascript://example.org/stars'"),
        (GOOD.replace("https://example.org/stars", "https://["), "source is 'https://[', expected"),
        (GOOD.replace("https://example.org/stars", ""), "source is empty, expected a text"),
        (GOOD.replace("PyTorch", " "), "toolkit is empty, expected a text"),
        (GOOD + ",more", "fields: 7, expected 6; quote commas"),
        (f"{GOOD}\n{GOOD}", "is given twice, expected once; remove one"),
        (GOOD.replace("PyTorch", '"PyTorch'), "unexpected end of data"),
    ],
    ids=[
        "value-text", "value-negative", "value-nan", "value-inf", "date-order", "date-month",
        "date-day", "source-text", "source-scheme", "source-broken", "source-none",
        "toolkit-none", "fields", "twice", "quote",
    ],
)  # fmt: skip
def test_a_line_that_is_not_as_it_should_be_is_refused_with_file_and_line(line, said):
    with pytest.raises(UsageError, match=r"adoption: own\.csv, line [23]: ") as refused:
        parse(f"{HEADS}\n{line}", "own.csv")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", f"line 1: heads are '', expected '{HEADS}'"),
        (b"name,stars\nA,1\n", f"heads are 'name,stars', expected '{HEADS}'"),
        (b"\xff\xfe\x00", "is not UTF-8 (byte 0); save it as CSV in UTF-8"),
        (b"x" * (adoption.MOST_BYTES + 1), "expected at most 4,194,304"),
        (None, "No such file or directory"),
    ],
    ids=["empty", "heads", "encoding", "size", "absent"],
)
def test_a_file_that_is_none_is_refused(tmp_path, content, said):
    path = tmp_path / "own.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read(path)
    assert said in str(refused.value)


def test_a_byte_order_mark_as_spreadsheets_write_it_is_no_matter(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(f"{HEADS}\n\n{GOOD}\n", encoding="utf-8-sig")
    assert [f.toolkit for f in read(path)] == ["PyTorch"]


def test_the_bundled_figures_are_whole_and_of_toolkits_we_know():
    found = bundled()
    assert len(found) == 52
    known = {"TensorFlow", "Keras", "PyTorch", "Caffe", "Caffe2", "Theano", "MXNet", "CNTK", "DL4J",
             "Chainer", "PaddlePaddle", "DyNet"}  # fmt: skip
    assert {f.toolkit for f in found} == known
    assert all(f.source.startswith("https://") for f in found)


def test_the_table_has_every_bundled_figure_with_its_date_and_source():
    table = table_of(analyse(synthetic.run(preset="smoke", rounds=2), METRICS))
    shown = " ".join(f"{c.text} {c.note}" for row in table.groups[0].rows for c in row)
    sources = list(dict.fromkeys(f.source for f in bundled()))
    for figure in bundled():
        assert written(figure.value) in shown
        date = figure.date.replace("-", "\N{NON-BREAKING HYPHEN}")
        assert f"{date} [{sources.index(figure.source) + 1}]" in shown
    assert table.groups[0].rows[0][0].text == "PyTorch"  # in the run, so first
    assert table.groups[0].rows[0][0].note == "in this run"


def test_the_newest_figure_stands_above_those_before_it():
    analysis = with_own(
        GOOD.replace("1234", "1").replace("2026-11-24", "2019"),
        GOOD,
        GOOD.replace("1234", "2.5").replace("2026-11-24", "2020-02"),
    )
    cell = table_of(analysis).groups[0].rows[0][1]
    assert cell.text == "1\u202f234"
    note = cell.note.replace("\N{NON-BREAKING HYPHEN}", "-")
    assert note == "2026-11-24 [1]; 2.5 as of 2020-02 [1]; 1 as of 2019 [1]"


def test_no_text_of_a_file_becomes_markup():
    hostile = io.StringIO()
    csv.writer(hostile).writerow(
        [synthetic.HOSTILE, synthetic.HOSTILE_STYLE, "1", synthetic.HOSTILE, "2020",
         "https://a.org/?<script>alert(1)</script>"]
    )  # fmt: skip
    html = render(with_own(hostile.getvalue()), SECTIONS)
    assert "section failed" not in html
    assert synthetic.HOSTILE not in html
    assert synthetic.HOSTILE_STYLE not in html
    assert "?<script>" not in html
    assert "?&lt;script&gt;" in html


def test_a_damaged_file_beside_the_journal_costs_its_section_only():
    html = render(with_own("what"), SECTIONS)
    assert "UsageError: adoption: adoption.csv, line 2: fields: 1, expected 6" in html
    assert html.count("section failed") == 1


def test_report_takes_a_file_and_keeps_it_beside_the_journal(tmp_path, capsys):
    folder = synthetic.write(synthetic.run(preset="smoke", rounds=1), tmp_path / "run")
    own = tmp_path / "own.csv"
    own.write_text(f"{HEADS}\n{GOOD}\n", encoding="utf-8")
    assert not execute(["report", str(folder), "--adoption", str(own)])
    assert "https://example.org/stars" in (folder / "report.html").read_text(encoding="utf-8")
    assert [f.value for f in parse(load(folder).adoption, "kept")] == [1234]
    own.unlink()
    (folder / "report.html").unlink()
    assert not execute(["report", str(folder)])
    assert "https://example.org/stars" in (folder / "report.html").read_text(encoding="utf-8")


def test_report_refuses_a_wrong_file_before_it_writes_anything(tmp_path, capsys):
    folder = synthetic.write(synthetic.run(preset="smoke", rounds=1), tmp_path / "run")
    own = tmp_path / "own.csv"
    own.write_text("wrong\n", encoding="utf-8")
    assert execute(["report", str(folder), "--adoption", str(own)]) == 2
    assert "heads are 'wrong', expected" in capsys.readouterr().err
    assert {p.name for p in folder.iterdir()} == {"journal.sqlite"}

"""One report of several runs: each by its own clock, correctness side by side."""

from dataclasses import replace

import pytest
from click.testing import CliRunner
from report import synthetic
from report.test_page import Outline

from bakeoff.commands.root import bakeoff_group
from bakeoff.errors import JournalError
from bakeoff.record import Outcome
from bakeoff.reporting import ReportSection
from bakeoff_reports import METRICS, SECTIONS
from bakeoff_reports.content import Figure, Heading, Table
from bakeoff_reports.merged import MOST_ROWS, built, read, write_html, write_markdown

LEFT_OUT = "Every cell of the suite"


def machine(cpu, backends=("numpy", "torch"), spoil=(), seed=1):
    made = synthetic.run(backends, "smoke", rounds=3, seed=seed)
    about = {**made.meta, "machine": {**made.meta["machine"], "cpu": cpu}}
    records = tuple(
        replace(r, outcome=Outcome.MISMATCH) if (r.case_id, r.backend) in spoil else r
        for r in made.records
    )
    return type(made)(about, made.cases, made.environments, records)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    case = synthetic.cases("smoke")[0].id
    return [
        synthetic.write(machine("Epyc"), place / "epyc"),
        synthetic.write(
            machine("Xeon", ("torch", "numpy", "jax"), {(case, "torch"), (case, "numpy")}, seed=2),
            place / "xeon",
        ),
    ]


@pytest.fixture(scope="module")
def parts(folders):
    return read(folders, METRICS)


@pytest.fixture(scope="module")
def html(folders, tmp_path_factory):
    target = tmp_path_factory.mktemp("out") / "both.html"
    assert write_html(folders, target, SECTIONS, METRICS) == target
    return target.read_text(encoding="utf-8")


def test_the_page_has_a_part_per_run_and_is_sound(html):
    outline = Outline()
    outline.feed(html)
    assert outline.loads == ["data:,"]
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.anchors) <= set(outline.ids)
    assert all(b - a <= 1 for a, b in zip(outline.levels, outline.levels[1:], strict=False))
    assert {"run-1", "run-2", "run-1-speeds", "run-2-speeds"} <= set(outline.ids)
    assert "section failed" not in html
    assert "2 runs: epyc and xeon" in html


def anchored(analysis):
    return [Heading("Own", 3, "own"), Heading("Plain", 3)]


def test_a_section_s_anchors_become_the_run_s_own(parts):
    section = ReportSection("headline", "In short", f"{__name__}:anchored")
    found = [
        {(b.text, b.level, b.anchor) for b in own.blocks if isinstance(b, Heading)}
        for own in built(parts, [section])[2:]
    ]
    for number, headings in enumerate(found, 1):
        assert ("Own", 4, f"run-{number}-own") in headings
        assert ("Plain", 4, "") in headings


def test_every_figure_is_of_one_run_with_its_own_reference(parts):
    sections = built(parts, SECTIONS)
    for section, own, other in ((sections[2], "numpy", "torch"), (sections[3], "torch", "numpy")):
        figures = [b for b in section.blocks if isinstance(b, Figure)]
        assert figures
        text = " ".join(f.alt + f.caption for f in figures)
        assert f"time relative to {own}" in text
        assert f"time relative to {other}" not in text


def test_a_run_s_speeds_do_not_depend_on_what_it_is_reported_with(parts):
    alone = read([parts[0].folder], METRICS)[0].analysis
    together = parts[0].analysis
    assert alone.aggregate("torch").interval == together.aggregate("torch").interval


def test_correctness_stands_side_by_side(parts):
    table, unlike = (b for b in built(parts, SECTIONS)[1].blocks if isinstance(b, Table))
    total = len(synthetic.cases("smoke"))
    told = {row[0].text: [cell.text for cell in row[1:]] for row in table.groups[0].rows}
    assert told == {
        "numpy": [f"{total}/{total}", f"{total - 1}/{total}"],
        "torch": [f"{total}/{total}", f"{total - 1}/{total}"],
        "jax": ["–", f"{total}/{total}"],
    }
    case = synthetic.cases("smoke")[0].id
    assert [[c.text for c in row] for row in unlike.groups[0].rows] == [
        [case, "numpy", "ok", "mismatch"],
        [case, "torch", "ok", "mismatch"],
    ]


def test_runs_that_ended_alike_say_so(parts):
    section = built([parts[0], replace(parts[0], name="again")], SECTIONS)[1]
    assert "ended alike" in section.blocks[-1].spans[0].text


def test_many_differences_are_cut_and_counted(parts, monkeypatch):
    monkeypatch.setattr("bakeoff_reports.merged.MOST_ROWS", 1)
    assert MOST_ROWS > 1
    last = built(parts, SECTIONS)[1].blocks[-1]
    assert last.spans[0].text == "And 1 more."


def test_folders_of_one_name_are_told_apart(tmp_path):
    for place in ("a", "b"):
        synthetic.write(machine("Epyc"), tmp_path / place / "run")
    names = [p.name for p in read([tmp_path / "a/run", tmp_path / "b/run"], ())]
    assert len(set(names)) == 2


def test_the_markdown_has_the_same_parts(folders, tmp_path):
    text = write_markdown(folders, tmp_path / "both.md", SECTIONS, METRICS).read_text("utf-8")
    assert "## epyc" in text
    assert "## xeon" in text
    assert "| numpy |" in text


def test_a_folder_without_a_run_is_named(folders, tmp_path):
    with pytest.raises(JournalError, match=str(tmp_path)):
        read([*folders, tmp_path], ())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{0}", "{0}"], "named twice"),
        (["{0}", "{1}", "--adoption", "x.csv"], "--adoption is for one run"),
        (["{0}", "{1}", "--format", "csv"], "holds one run; expected html or md"),
        (["{0}", "{1}/nothing"], "no file"),
        (["{0}", "--to", "x.html"], "--to is for several runs"),
        (["{0}", "{1}", "--format", "pdv"], "pdv"),
    ],
    ids=["twice", "adoption", "one-run-format", "no-run", "to-of-one", "format"],
)
def test_what_cannot_be_merged_is_told(folders, arguments, said):
    words = [a.format(*folders) for a in arguments]
    result = CliRunner().invoke(bakeoff_group, ["report", *words])
    assert result.exit_code
    assert said in str(result.exception) + result.output


def test_the_command_writes_where_it_is_told(folders, tmp_path):
    target = tmp_path / "all.html"
    words = ["report", *map(str, folders), "--to", str(target)]
    result = CliRunner().invoke(bakeoff_group, words, catch_exceptions=False)
    assert (result.exit_code, str(target) in result.output) == (0, True)
    assert "2 runs" in target.read_text(encoding="utf-8")
    assert LEFT_OUT not in target.read_text(encoding="utf-8")

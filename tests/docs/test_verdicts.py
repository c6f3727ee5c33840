"""`docs/verdicts.md` tells the truth: its numbers are the code's, its pictures are drawn."""

import json
import re
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from xml.etree import ElementTree

import pytest
from docs.pages import ROOT, text
from runner.test_mcnemar import FIRST, LABELS, SECOND

from bakeoff.cli import main
from bakeoff.mcnemar import Counts, mcnemar
from bakeoff.record import Outcome
from bakeoff.statistics import Verdict

DOCS = ROOT / "docs"
PAGE = text("docs/verdicts.md")
NUMBERS = re.findall(r"^\| .* \| ([\d.]+) \| `([\w.]+)\.(\w+)` \|$", PAGE, re.MULTILINE)
SHOWN = dict(re.findall(r"!\[([^\]]*)\]\(pictures/(\w+)\.svg\)", PAGE))


def _draw():
    """Load the script as it is run: with its folder on the path."""
    spec = spec_from_file_location("docs_draw", DOCS / "draw.py")
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        spec.loader.exec_module(module)
    return module


draw = _draw()
NAMES = list(draw.PICTURES)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """All pictures, drawn anew from the kept numbers."""
    folder = tmp_path_factory.mktemp("pictures")
    assert draw.main(["--out", str(folder)]) == 0
    return folder


def _need_numbers_of(name):
    source = draw.MEASURED / draw.PICTURES[name][0]
    if not source.exists():
        pytest.skip(f"docs/measured/{source.name} is not kept: measured on a quiet machine only")


@pytest.mark.parametrize(("number", "module", "name"), NUMBERS, ids=[n for *_, n in NUMBERS])
def test_the_numbers_it_decides_by_are_those_of_the_code(number, module, name):
    assert float(number) == getattr(import_module(module), name)


def test_a_table_of_numbers_was_found():
    assert len(NUMBERS) >= 8


@pytest.mark.parametrize("word", [*Outcome, *Verdict])
def test_every_outcome_and_verdict_is_explained(word):
    assert f"`{word}`" in PAGE or f"**{word}**" in PAGE


def test_what_a_tolerance_does_is_as_measured():
    kept = json.loads((draw.MEASURED / "errors.json").read_text())
    words = " ".join(PAGE.split())
    assert f"one product's {kept['of']:,} sums" in words
    assert f"refuses {kept['refused']:,} that are honest" in words
    assert f"lets {kept['passed']:,} of those" in words


def test_what_is_said_of_trained_models_is_as_measured():
    kept = json.loads((draw.MEASURED / "models.json").read_text())
    words = " ".join(PAGE.split())
    numpy, relu, adam = "numpy", "relu-gradient-missing", "adam-without-bias-correction"
    _, b, c, _ = kept["counts"][f"{numpy}, {relu}"]
    assert f"got {c} images right that numpy's got wrong, against {b}" in words
    assert kept["p_values"][f"{numpy}, {relu}"] < 0.05
    assert kept["counts"]["numpy, numpy-plan"][1:3] == [0, 0]
    counts = Counts(*kept["counts"][f"{numpy}, {adam}"])
    assert f"its model has {counts.second_only} against {counts.first_only}" in words
    assert f"p is {mcnemar(counts).p_value:.2f} by itself" in words
    assert kept["p_values"][f"{numpy}, {adam}"] >= 0.05
    for backend, part in ((relu, "relu (v2)"), (adam, "optimizer adam")):
        assert (kept["steps"][backend]["left_at"], kept["steps"][backend]["by"]) == (1, part)
        assert f"*by {part}*" in words
    assert "Both leave at step 1" in words


def test_the_lectures_example_says_what_is_shown(tmp_path, capsys):
    columns = (FIRST, SECOND, LABELS)
    files = [tmp_path / f"{n}.csv" for n in range(3)]
    for file, values in zip(files, columns, strict=True):
        file.write_text("\n".join(values))
    assert main(["mcnemar", *map(str, files)]) == 0
    shown = PAGE.partition("bakeoff mcnemar model1.csv")[2].partition("```text\n")[2]
    assert shown.partition("```")[0] in capsys.readouterr().out


def test_the_page_shows_every_picture_and_says_what_is_in_it():
    assert sorted(SHOWN.values()) == sorted(NAMES)
    assert all(len(alternative) > 20 for alternative in SHOWN)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_kept_and_can_be_drawn_again(drawn, name):
    _need_numbers_of(name)
    kept, again = (
        ElementTree.parse(folder / f"{name}.svg").getroot() for folder in (DOCS / "pictures", drawn)
    )
    for size in ("width", "height", "viewBox"):
        assert kept.attrib[size] == again.attrib[size]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_has_paper_of_its_own(drawn, name):
    """A dark page must not shine through."""
    _need_numbers_of(name)
    first = next(ElementTree.parse(drawn / f"{name}.svg").iter("{http://www.w3.org/2000/svg}path"))
    assert draw.style.PAPER in first.attrib["style"]


def test_no_picture_is_left_over():
    drawn_by_museum = {"museum"}
    assert {p.stem for p in (DOCS / "pictures").glob("*.svg")} <= set(NAMES) | drawn_by_museum


def test_pictures_without_numbers_are_left_out_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(draw, "MEASURED", tmp_path)
    assert draw.main(["--out", str(tmp_path / "out"), "many"]) == 0
    assert "many: left out, no measured/equals.json" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


def _tools_said():
    """Figures in the form of ``benchmarks/verdicts``, of two trials each."""
    effects = {effect: [1, 2] for effect in ("A/A", "+2 %", "+5 %")}
    kernels = ("about_1us", "about_50us", "about_2ms")
    return {
        "kernels": {kernel: {"differ": effects} for kernel in kernels},
        "others": {kernel: {"asv": effects, "pyperf": effects} for kernel in kernels},
    }


@pytest.mark.parametrize("conditions", [["quiet"], ["drift", "quiet", "hog"]], ids="-".join)
def test_tools_are_drawn_for_every_condition_that_was_tried(tmp_path, monkeypatch, conditions):
    (tmp_path / "verdicts.json").write_text(json.dumps(dict.fromkeys(conditions, _tools_said())))
    monkeypatch.setattr(draw, "MEASURED", tmp_path)
    figure = draw.tools(json.loads((tmp_path / "verdicts.json").read_text()))
    assert len(figure.axes) == 3 * len(conditions)
    assert draw.main(["--out", str(tmp_path / "out"), "tools"]) == 0
    assert (tmp_path / "out" / "tools.svg").exists()


def test_an_unknown_picture_is_a_usage_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        draw.main(["landscape"])
    assert "landscape" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(draw.MEASURED.glob("*.json")), ids=lambda p: p.stem)
def test_kept_numbers_say_what_made_them(path):
    kept = json.loads(path.read_text(encoding="utf-8"))
    if path.stem == "verdicts":  # of the benchmark: one entry per condition
        assert all(c["machine"]["cpu"] and c["at"] for c in kept.values())
    else:
        made = {"engine": "python benchmarks/engine", "museum": "python docs/museum.py"}
        assert kept["command"] == made.get(path.stem, f"python docs/measure.py {path.stem}")
        assert kept["machine"]["cpu"]
        assert kept["at"]

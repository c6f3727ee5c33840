"""Figures: safe to stand inline in a page, drawn without pyplot, no text over another."""

import math
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from report import synthetic
from report.layout import assert_texts_apart

from bakeoff_reports import figures, style, svg
from bakeoff_reports.decades import decades
from bakeoff_reports.figures import Lane, Line, Point, Tile

BACKENDS = (
    "numpy",
    "numpy-plan",
    "torch",
    "torch-compile",
    "jax",
    "tensorflow1",
    "mxnet",
    "x" * 20,
)
LOOKS = style.series(BACKENDS)
HOSTILE = "<script>alert(1)</script>"


def points(*ratios):
    return [
        Point(b, r, 0.95 * r, 1.05 * r, r != 2) for b, r in zip(BACKENDS[1:], ratios, strict=False)
    ]


def forest(passes=("forward", "backward")):
    lanes = [
        Lane(f"conv2d-some-long-name-{i}", {p: points(0.02 * 3**i, 1.01, 2, 5) for p in passes})
        for i in range(6)
    ]
    return figures.forest(lanes, passes, LOOKS, "× numpy", 0.02)


def curves():
    lines = [Line(b, [64, 128, 256, 512, 1024, 2048], [3 * i + n for n in (1, 9, 50, 80, 90, 95)])
             for i, b in enumerate(BACKENDS)]  # fmt: skip
    return figures.curves({f"panel {i}": lines for i in range(3)}, LOOKS, "n", "GFLOP/s")


def training():
    losses = [Line(b, range(1, 50), [2 / i for i in range(1, 50)]) for b in BACKENDS[:3]]
    accuracy = [Line(b, [1, 2, 3], [0.5, 0.8, 0.93]) for b in BACKENDS[:3]]
    return figures.trajectories(losses, losses[0], accuracy, 0.9, LOOKS, "step")


TILES = [Tile("ok", f) for f in (0.001, 0.05, 0.3, 0.9)] + [
    Tile("mismatch", 50), Tile("failed"), Tile("absent"), Tile("unknown")
]  # fmt: skip
OPS = [f"op_with_a_name_{i}" for i in range(70)]
DRAWINGS = {
    "forest": forest,
    "forest-one-panel": lambda: forest(("",)),
    "curves": curves,
    "training": training,
    "training-without-fit": lambda: figures.trajectories(
        [Line("numpy", [1, 2], [2, 1])], None, [], None, LOOKS, "step"
    ),
    "glance": lambda: figures.at_a_glance(
        {b: [0.5, 1, 2.2] for b in BACKENDS}, {b: Point(b, 1.1, 1, 1.2) for b in BACKENDS},
        LOOKS, "× numpy", 0.02,
    ),
    "decades": lambda: decades(
        [Point(b, r, 0.9 * r, 1.1 * r, b != "caffe") for b, (r, *_) in synthetic.MUSEUM.items()],
        {b: int(when[:4]) + int(when[5:]) / 12 for b, (*_, when) in synthetic.MUSEUM.items()},
        style.series(synthetic.MUSEUM), "time of a training step (× numpy)", 0.02,
    ),
    "error-map": lambda: figures.error_map(OPS, dict.fromkeys(BACKENDS, (TILES * 9)[:70])),
    "error-table": lambda: figures.error_table(OPS[:8], dict.fromkeys(BACKENDS[-5:], TILES)),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_lies_on_another_or_outside(name):
    assert_texts_apart(DRAWINGS[name]())


@pytest.mark.parametrize("name", DRAWINGS)
def test_inline_svg_needs_no_style_and_no_network(name):
    text = svg.inline(DRAWINGS[name](), "f7", f"What it shows {HOSTILE}")
    root = ElementTree.fromstring(text)
    assert root.attrib["role"] == "img"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in {"style", "script", "image", "a", "metadata"}
        assert "style" not in element.attrib
        assert not any(attribute.startswith("on") for attribute in element.attrib)
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    assert all(i.startswith("f7-") for i in ids)
    links = {e.attrib["href"] for e in root.iter() if "href" in e.attrib}
    assert links <= {f"#{i}" for i in ids}


def test_hostile_labels_stay_text():
    lanes = [Lane(HOSTILE, {"": points(1.5)})]
    text = svg.inline(figures.forest(lanes, ("",), LOOKS, HOSTILE, None), "f1", "")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_every_ink_is_named_so_that_the_dark_page_can_change_it():
    for draw in DRAWINGS.values():
        text = svg.inline(draw(), "f1", "")
        for part in text.split("var(")[:-1]:
            assert 'fill="#' not in part
            assert 'stroke="#' not in part


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("screen", [1, 2])
def test_inks_stand_out_from_the_paper(screen):
    inks = {name: shades for name, *shades in style.INKS.values()}
    paper = inks["paper"][screen - 1]
    for name in ("ink", "soft", "bad", *(f"s{i}" for i in range(8))):
        assert contrast(inks[name][screen - 1], paper) >= 4.5, name
    for i in range(4):  # numbers stand on these
        assert contrast(inks["ink"][screen - 1], inks[f"h{i}"][screen - 1]) >= 4.5


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.1), (0.02, 3), (0.001, 500), (0.8, 1.25)])
def test_ratio_ticks_hold_1_and_are_few(low, high):
    ticks = figures.ratio_ticks(low, high, most=8)
    assert any(math.isclose(t, 1) for t in ticks)
    assert len(ticks) <= 8
    assert ticks == sorted(ticks)


def test_the_module_draws_without_pyplot():
    code = "import sys; import bakeoff_reports.page; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_registering_imports_neither_pandas_nor_matplotlib():
    code = (
        "import sys; import bakeoff_reports; "
        "assert not {'pandas', 'matplotlib', 'jinja2', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

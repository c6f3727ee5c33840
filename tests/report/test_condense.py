"""A condensed drawing: every mark as it was, in its order, in less text."""

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest

from bakeoff_reports import svg
from bakeoff_reports.condense import condense

MARKS = {f"{{http://www.w3.org/2000/svg}}{tag}" for tag in ("path", "use", "text", "rect")}
OWN = ("x", "y", "transform")  # not inherited; the others are, or clip


def scattered(axes):
    axes.scatter([1, 2, 3], [3, 1, 2], c=["#0a61a9", "#0a61a9", "#b8480a"])


def lined(axes):
    axes.plot([1, 2, 3], [1, 4, 9], "o--", color="#0a61a9")
    axes.errorbar([1, 2], [2, 3], yerr=0.5, fmt="s", color="#b8480a")
    axes.set_title("Cost", style="italic")


def mapped(axes):
    axes.pcolormesh([[1, 2], [3, 4]], edgecolor="white")
    axes.text(0.5, 0.5, "rotated", rotation=30, clip_on=True)
    axes.text(0.6, 0.6, "rotated too", rotation=30, clip_on=True)


def steps(path):
    return re.findall(r"[A-Za-z]|-?[0-9.]+", path)


def marks(root):
    """Return each mark with the attributes that it has or inherits, and what it refers to."""
    by_id = {e.get("id"): e for e in root.iter() if e.get("id")}

    def walk(element, inherited):
        own = {k: v for k, v in element.attrib.items() if k != "id" and k not in OWN}
        seen = {**inherited, **own}
        if element.tag in MARKS:
            target = seen.pop("href", "").lstrip("#")
            clip = seen.pop("clip-path", "").removeprefix("url(#").rstrip(")")
            clipped = steps(by_id[clip][0].get("d", "")) if clip else []
            path = steps(seen.pop("d", ""))
            drawn = steps(by_id[target].get("d", "")) if target else []
            place = [element.get(name) for name in OWN]
            yield element.tag, element.text, path, drawn, clipped, place, sorted(seen.items())
        for child in element:
            yield from walk(child, {k: v for k, v in seen.items() if k != "href"})

    return list(walk(root, {}))


@pytest.mark.parametrize("draw", [scattered, lined, mapped], ids=lambda f: f.__name__)
def test_every_mark_stays_as_it_was(draw, monkeypatch):
    figure, axes = plt.subplots()
    draw(axes)
    monkeypatch.setattr(svg, "condense", lambda root, prefix: None)
    long = svg.inline(figure, "f1", "alt")
    monkeypatch.setattr(svg, "condense", condense)
    short = svg.inline(figure, "f1", "alt")
    plt.close(figure)
    assert marks(ElementTree.fromstring(short)) == marks(ElementTree.fromstring(long))
    assert len(short) < 0.8 * len(long)


def test_ids_are_short_and_only_of_what_is_referred_to():
    figure, axes = plt.subplots()
    lined(axes)
    root = ElementTree.fromstring(svg.inline(figure, "f7", "alt"))
    plt.close(figure)
    ids = {e.get("id") for e in root.iter()} - {None, "f7-alt"}
    named = {
        found.removeprefix("url(").strip("#)")
        for e in root.iter()
        for found in (e.get("href"), e.get("clip-path"))
        if found
    }
    assert ids == named
    assert all(name.startswith("f7-") and len(name) < 7 for name in ids)


def test_a_clip_stays_where_its_coordinates_are():
    turned = '<path transform="rotate(30)" clip-path="url(#a)" d="M0 0"/>'
    plain = '<path clip-path="url(#a)" d="M0 0"/>'
    root = ElementTree.fromstring(
        f'<svg xmlns="http://www.w3.org/2000/svg"><clipPath id="a"/>{turned * 2}{plain * 2}</svg>'
    )
    condense(root, "f1")
    assert [(e.get("transform"), e.get("clip-path")) for e in list(root)[1:]] == [
        ("rotate(30)", "url(#f1-1)"),
        ("rotate(30)", "url(#f1-1)"),
        (None, "url(#f1-1)"),  # a group of the other two
    ]

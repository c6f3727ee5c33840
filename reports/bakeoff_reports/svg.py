"""A matplotlib figure as inline SVG that may stand in any page under a strict policy.

No style attribute or element is left (a policy without ``unsafe-inline`` would drop
them), every id is unique in the page, and every ink is a variable of the page's style
sheet, so that the figure follows a dark screen.
"""

import io
import re
from xml.etree import ElementTree

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bakeoff_reports.condense import condense
from bakeoff_reports.style import INKS, RC

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_KEPT = {f"{{{_SVG}}}{tag}" for tag in ("svg", "g", "defs", "path", "use", "text", "tspan", "rect",
                                        "clipPath", "circle", "title", "desc")}  # fmt: skip
_STYLES = {"fill", "fill-opacity", "fill-rule", "opacity", "stroke", "stroke-width",
           "stroke-opacity", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap",
           "stroke-linejoin", "text-anchor", "font-size", "font-weight", "font-style"}  # fmt: skip
_FONT = re.compile(r"(?P<style>italic |oblique )?(?P<weight>bold |[1-9]00 )?(?P<size>[\d.]+)px")
_HEX = re.compile(r"#[0-9a-f]{6}\b")
_URL = re.compile(r"url\(#([^)]*)\)")
_LONG = re.compile(r"-?\d+\.\d{3,}")


def inline(figure: Figure, prefix: str, alt: str) -> str:
    """Return the figure as an ``svg`` element.

    Parameters
    ----------
    prefix
        Begins every id: unique in the page.
    alt
        The text alternative, as the element's title.
    """
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(_drawn(figure, prefix))
    _prune(root)
    for element in root.iter():
        _clean(element, prefix)
    condense(root, prefix)
    width, height = (round(72 * side) for side in figure.get_size_inches())
    root.attrib.clear()
    root.attrib.update(
        {
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "role": "img",
            "aria-labelledby": f"{prefix}-alt",
            "stroke-linejoin": "round",
        }
    )
    title = ElementTree.Element(f"{{{_SVG}}}title", {"id": f"{prefix}-alt"})
    title.text = alt
    root.insert(0, title)
    return ElementTree.tostring(root, encoding="unicode")


def _drawn(figure: Figure, salt: str) -> str:
    """Draw the figure; the salt makes its ids repeatable."""
    out = io.StringIO()
    with matplotlib.rc_context({**RC, "svg.hashsalt": salt}):
        FigureCanvasSVG(figure).print_svg(  # type: ignore[no-untyped-call]
            out, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return out.getvalue()


def _prune(element: ElementTree.Element) -> None:
    """Remove whatever is not drawing: metadata, style sheets and anything unforeseen."""
    for child in list(element):
        if child.tag in _KEPT:
            _prune(child)
        else:
            element.remove(child)


def _clean(element: ElementTree.Element, prefix: str) -> None:
    """Turn styles into attributes, make ids unique, name inks, shorten numbers."""
    for part in element.attrib.pop("style", "").split(";"):
        name, _, value = (piece.strip() for piece in part.partition(":"))
        if name == "font":
            _set_font(element, value)
        elif name in _STYLES:
            element.set(name, value)
    for name, value in list(element.attrib.items()):
        if name == f"{{{_XLINK}}}href":
            del element.attrib[name]
            element.set("href", f"#{prefix}-{value.lstrip('#')}")
        else:
            element.set(name, f"{prefix}-{value}" if name == "id" else _reword(value, prefix))
    if element.text and not element.text.strip():
        element.text = None
    element.tail = None


def _set_font(element: ElementTree.Element, value: str) -> None:
    found = _FONT.match(value)
    if found:
        element.set("font-size", found["size"])
        if found["weight"]:
            element.set("font-weight", found["weight"].strip())
        if found["style"]:
            element.set("font-style", "italic")


def _reword(value: str, prefix: str) -> str:
    value = _HEX.sub(_variable, _URL.sub(rf"url(#{prefix}-\1)", value))
    return _LONG.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value)


def _variable(found: re.Match[str]) -> str:
    ink = INKS.get(found[0])
    return f"var(--{ink[0]},{ink[1]})" if ink else found[0]

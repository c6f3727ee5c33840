"""The same drawing in less text: a page may hold tens of thousands of marks.

Matplotlib wraps each mark in groups with ids that nothing refers to, and repeats its inks.
"""

import re
from collections.abc import Callable
from itertools import count, groupby
from xml.etree.ElementTree import Element

_SVG = "{http://www.w3.org/2000/svg}"
_GROUP, _DEFS = f"{_SVG}g", f"{_SVG}defs"
_INHERITED = {"fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity",
              "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
              "text-anchor", "font-size", "font-weight", "font-style"}  # fmt: skip
_REFERENCE = re.compile(r"(?<=#)[^)]+")
_SPACE = re.compile(r"(?<=[A-Za-z]) +| +(?=[A-Za-z])| +(?=-)|^ | $")


def condense(root: Element, prefix: str) -> None:
    """Rewrite a drawing in place; its ids become ``{prefix}-1``, ``{prefix}-2`` …"""
    _rename(root, prefix)
    _unwrap(root)
    for element in list(root.iter()):
        if "d" in element.attrib:
            element.set("d", _SPACE.sub("", re.sub(" +", " ", element.attrib["d"])))
        _share(element, _inks)
        _share(element, _clip)


def _rename(root: Element, prefix: str) -> None:
    """Give what is referred to a short id, and take the others' away."""
    numbers = count(1)
    short: dict[str, str] = {}
    for element in root.iter():
        for name in ("href", "clip-path"):
            found = _REFERENCE.search(element.get(name, ""))
            if found:
                new = short.setdefault(found[0], f"{prefix}-{next(numbers)}")
                element.set(name, element.attrib[name].replace(found[0], new))
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in short:
            element.set("id", short[old])


def _unwrap(element: Element) -> None:
    """Leave out groups that hold nothing or say nothing."""
    kept: list[Element] = []
    for child in element:
        _unwrap(child)
        if child.tag in (_GROUP, _DEFS) and not len(child):
            continue
        kept += list(child) if child.tag == _GROUP and not child.attrib else [child]
    element[:] = kept


Attributes = tuple[tuple[str, str], ...]


def _share(element: Element, common: Callable[[Element], Attributes]) -> None:
    """Put neighbours with the same attributes into a group that says them once."""
    children: list[Element] = []
    for attributes, run in groupby(list(element), key=common):
        alike = list(run)
        if len(alike) < 2 or not attributes:
            children += alike
            continue
        group = Element(_GROUP, dict(attributes))
        for child in alike:
            for name, _ in attributes:
                del child.attrib[name]
            group.append(child)
        children.append(group)
    element[:] = children


def _inks(element: Element) -> Attributes:
    if element.tag == _DEFS:
        return ()
    return tuple((k, v) for k, v in element.attrib.items() if k in _INHERITED)


def _clip(element: Element) -> Attributes:
    """Return what clips an element, where that is in its parent's coordinates too."""
    clip = element.get("clip-path")
    return (("clip-path", clip),) if clip and "transform" not in element.attrib else ()

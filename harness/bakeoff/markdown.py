"""Markdown for a pull request: texts of unknown origin, and tables.

An escaped text can neither become HTML or a link, nor mention anyone.
"""

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")
_MENTION = re.compile(r"@(?=\w)")


def escape(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MENTION.sub("@\u200b", _SPECIAL.sub(r"\\\1", text))
    return " ".join(text.split("\n")).strip("\r")


def row(cells: Iterable[str]) -> str:
    """Return a row of a table; the cells are Markdown."""
    return f"| {' | '.join(cells)} |"


def rule(numbers: Iterable[bool]) -> str:
    """Return the line below a table's heads: columns of numbers are set to the right."""
    return row("---:" if number else "---" for number in numbers)

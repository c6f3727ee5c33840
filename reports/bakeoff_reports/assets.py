"""The page's own files: style sheets and scripts, in their order, and the policy that admits them.

To add one, put it beside this module and name it in `SHEETS` or `SCRIPTS`. A script is a
block of its own, so that one which fails stops no other; it reads what a section gave it as
`bakeoff_reports.content.Data`.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from bakeoff_reports import style

SHEETS = ("page.css", "scorecard.css")
SCRIPTS = (
    "draw.js",
    "page.js",
    "graph.js",
    "stories.js",
    "scorecard.js",
)  # the first is what all others use
MOST_COLUMNS = 64  # of a table, as far as its numbers stand flush right


def text(name: str) -> str:
    """Return one of the files."""
    return files("bakeoff_reports").joinpath(name).read_text(encoding="utf-8")


def sheet() -> str:
    """Return all style sheets as one, with the inks and the columns of numbers."""
    return _palette() + "".join(map(text, SHEETS)) + _numbers()


def scripts() -> list[str]:
    return [text(name) for name in SCRIPTS]


def policy(sheet: str, scripts: Sequence[str]) -> str:
    """Return a content security policy that admits these texts, by their hashes, and no other."""
    admitted = " ".join(map(_hash, scripts)) or "'none'"
    return (
        f"default-src 'none'; style-src {_hash(sheet)}; script-src {admitted}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def packed(value: Any) -> str:
    """Return data as JSON in gzip in base64: a third of the JSON, and nothing that HTML minds.

    >>> packed({"log": "</script>"}).isascii()
    True
    """
    whole = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # no time in it: the same run makes the same page
    return base64.b64encode(gzip.compress(whole.encode(), mtime=0)).decode()


def _palette() -> str:
    """Return the inks as variables: for light, and for dark screens but never for print."""
    light = "".join(f"--{name}:{day};" for name, day, _ in style.INKS.values())
    dark = "".join(f"--{name}:{night};" for name, _, night in style.INKS.values())
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
    )


def _numbers() -> str:
    """Return what aligns a table's columns of numbers: its classes ``n2``, ``n5`` … name them.

    A class in each cell would make a tenth of a large page.
    """
    columns = ",".join(f".n{i}>*>tr>:nth-child({i})" for i in range(1, MOST_COLUMNS + 1))
    # In :where, so that any other rule goes before it.
    return f":where({columns}){{text-align:right;white-space:nowrap;--aside:auto;--least:12ch}}\n"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

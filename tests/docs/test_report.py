"""`docs/report.md` shows photographs of the page: all that are kept, none too large."""

import ast
import re

import pytest
from docs.pages import ROOT, text

DOCS = ROOT / "docs"
KEPT = sorted(p.relative_to(DOCS).as_posix() for p in (DOCS / "pictures").glob("*.png"))
MOST_BYTES = 200_000


def photographed() -> set[str]:
    """Return the pictures that the script makes; it is read, for it needs a browser to run."""
    tree = ast.parse((DOCS / "photograph.py").read_text(encoding="utf-8"))
    texts = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return {t for t in texts if isinstance(t, str) and re.fullmatch(r"[\w/-]+\.png", t)}


def test_what_is_kept_is_what_the_script_makes():
    assert set(KEPT) == photographed() - {"report.png"}
    assert (DOCS / "report.png").exists()


def test_every_photograph_is_shown():
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text("docs/report.md"))
    assert sorted(shown) == KEPT


@pytest.mark.parametrize("name", [*KEPT, "report.png"])
def test_a_photograph_is_small(name):
    assert (DOCS / name).stat().st_size <= MOST_BYTES

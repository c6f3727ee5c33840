"""A row of what a check found: what was looked at, what came out, and whether that is right."""

from typing import Any

# From good to bad. "told" is a fact that cannot fail; "not built" is what this checkout lacks,
# "not available" what this machine lacks.
STATUSES = (
    "told", "ok", "not built", "not available", "not run", "interrupted", "fail", "error",
    "timeout", "lost",
)  # fmt: skip

Row = dict[str, Any]


def row(what: str, status: str, found: str = "", **raw: Any) -> Row:
    """Return a row; ``raw`` are figures for the records, beside the words for the page."""
    if status not in STATUSES:
        raise ValueError(f"row {what!r}: status {status!r}, expected one of {', '.join(STATUSES)}")
    return {"what": what, "status": status, "found": found, **raw}


def within(what: str, fraction: float, note: str = "", **raw: Any) -> Row:
    """Return a row about an error as a fraction of its bound; NaN is outside of every bound."""
    found = f"{fraction:.3g} of the bound" + (f" ({note})" if note else "")
    return row(what, "ok" if fraction <= 1 else "fail", found, fraction=fraction, **raw)


def worst(rows: list[Row]) -> str:
    """Return the status of a step: that of its worst row; without any it is an error."""
    return max((r["status"] for r in rows), key=STATUSES.index, default="error")

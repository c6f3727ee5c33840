"""The page: a table per step, the failures first."""

from collections.abc import Iterator, Sequence
from typing import Any

from driver import Done

_HEAD = """# {device}, checked

Written by `make gpu-check`; every row's figures are in [`{records}`]({records}). {at}, bakeoff
{version}, commit {commit}; {elapsed_s:.0f} s in all.

A row is `ok` or `fail` by a bound or a gate, `told` where there is nothing to judge, `not built`
where this checkout lacks what is asked, and `not available` where this machine does. `lost` is a
process, or its device, that was gone in the middle.

| step | | rows | s |
|---|---|--:|--:|
"""


def page(done: Sequence[Done], about: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    head = _HEAD.format(**about)
    lines = [
        f"| {i}. {d.step.title} | {_loud(d.status)} | {len(d.rows)} | {d.elapsed_s:.1f} |"
        for i, d in enumerate(done, 1)
    ]
    return head + "\n".join([*lines, *(line for d in done for line in _section(d)), ""])


def _section(done: Done) -> Iterator[str]:
    yield from ("", f"## {done.step.title}", "", "| what | | found |", "|---|---|---|")
    for found in done.rows:
        cells = (found["what"], _loud(found["status"]), found["found"])
        yield f"| {' | '.join(_plain(str(c)) for c in cells)} |"


def _loud(status: str) -> str:
    return status if status in ("ok", "told") else f"**{status}**"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

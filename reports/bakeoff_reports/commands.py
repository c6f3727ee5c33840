"""The commands that repeat a run or a part of it, ready for a shell."""

import shlex
from collections.abc import Sequence

from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis

WIDTH = 78  # characters of a line
quoted = shlex.quote


def command(analysis: Analysis, case: str, backends: Sequence[str]) -> str:
    """Return the command that runs one case again on some backends and the reference."""
    chosen = [f"--cases {quoted(case)}", f"--backends {backends_of(analysis, backends)}"]
    return in_lines(["bakeoff run", *chosen, *options(analysis)])


def backends_of(analysis: Analysis, backends: Sequence[str]) -> str:
    """Return some backends with the reference, as an option's value."""
    return quoted(",".join(dict.fromkeys([analysis.reference, *backends])))


def options(analysis: Analysis) -> list[str]:
    """Return the options that any run like this one has in common with it."""
    settings = analysis.run.meta.get("settings") or {}
    parts: list[str] = []
    for name in ("preset", "threads", "seed"):
        if settings.get(name) is not None:
            parts.append(f"--{name} {quoted(str(settings[name]))}")
    for plugin in settings.get("plugins") or ():
        parts.append(f"--plugin {quoted(words.without_folders(str(plugin)))}")
    return [*parts, "--in-place"] if settings.get("in_place") else parts


def in_lines(parts: Sequence[str]) -> str:
    """Return a command for a shell, a part to a line if it is long."""
    whole = " ".join(parts)
    return whole if len(whole) <= WIDTH else " \\\n  ".join(parts)

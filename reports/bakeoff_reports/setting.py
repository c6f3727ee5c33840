"""The sections on where a run took place and how to repeat it."""

from collections.abc import Mapping
from typing import Any

from bakeoff.ceilings import in_journal
from bakeoff.nvidia import SLOWED
from bakeoff.rules import FLOATS
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.commands import command, in_lines, options, quoted
from bakeoff_reports.content import (
    Block,
    Bullets,
    Cell,
    Code,
    Column,
    Content,
    Definitions,
    Group,
    Heading,
    Table,
    chip,
    code,
    paragraph,
    strong,
)
from bakeoff_reports.whereabouts import FACTS, in_words

CLOCKS = {"cpu": "CPU time", "wall": "wall time", "device": "the device's events"}


def environment(analysis: Analysis) -> Content:
    """Show the machine, each backend's environment, and what forbids ranking."""
    blocks: list[Block] = []
    machine = analysis.run.meta.get("machine") or {}
    if machine:
        blocks += [Heading("Machine", 3), _facts(machine), *_held_back(analysis.run.meta)]
    blocks += [Heading("Backends", 3), _backends(analysis), *_settings_unlike(analysis)]
    blocks += [*_ceilings(analysis), *_energy(analysis)]
    settings = analysis.run.meta.get("settings") or {}
    if settings:
        blocks += [Heading("Settings of the run", 3), _facts(settings)]
    return blocks


def _held_back(meta: Mapping[str, Any]) -> list[Block]:
    """Name what slowed a GPU down when a session began or ended."""
    states = [s.get(when) or {} for s in meta.get("sessions", ()) for when in ("before", "after")]
    found = {e for state in states for gpu in state.get("gpus_now") or ()
             for e in gpu.get("clock_events") or ()}  # fmt: skip
    slowed = words.listed(sorted(found & SLOWED))
    return [paragraph(chip("GPU held back", "warn"), f" by {slowed}")] if slowed else []


def _facts(facts: Mapping[str, Any]) -> Definitions:
    return Definitions(
        tuple(
            (name.removesuffix("_bytes").replace("_", " "), paragraph(_fact(name, value)))
            for name, value in facts.items()
            if value not in (None, "", [], {}) and in_words(value)
        )
    )


def _fact(name: str, value: Any) -> str:
    if name.endswith("_bytes") and isinstance(value, int | float):
        return words.size(value)
    return in_words(value)


def _backends(analysis: Analysis) -> Table:
    """Return what each worker said of itself: a row per fact, a column per backend."""
    known = [analysis.environments[b] for b in analysis.backends]
    names = list(dict.fromkeys([*FACTS, *(n for e in known for n in e.facts)]))
    rows = [
        (
            Cell(name.replace("_", " ")),
            *(
                Cell(e.facts.get(name, words.NONE if e.setting.known else "not started"))
                for e in known
            ),
        )
        for name in names
        if any(name in e.facts for e in known)
    ]
    clock = (
        Cell("clock of the times"),
        *(Cell(CLOCKS[e.setting.clock]) for e in known),
    )
    return Table(
        "What each backend's worker reported",
        (Column("Fact"), *(Column(b) for b in analysis.backends)),
        (Group("", (*rows, clock)),),
    )


def _settings_unlike(analysis: Analysis) -> list[Block]:
    """Return what forbids ranking a backend, or say that nothing does."""
    base = analysis.environments[analysis.reference].setting
    found = [
        paragraph(chip("not ranked", "warn"), " ", strong(b), f": {reason}")
        for b in analysis.backends
        if (reason := analysis.environments[b].setting.unlike(base, analysis.reference))
    ]
    if not found:
        return [
            paragraph(
                f"No setting differs from {analysis.reference}'s in a way that forbids ranking."
            )
        ]
    return [paragraph("Settings that differ, and so forbid ranking:"), Bullets(tuple(found))]


def _ceilings(analysis: Analysis) -> list[Block]:
    """Return what each backend's workers measured to be possible: a row per backend."""
    found = in_journal(analysis.run.meta)
    if not found:
        return []
    dtypes = [d for d in FLOATS if any(d in c.gemm for c in found.values())]
    sizes = sorted({size for c in found.values() for size, _ in c.copy})
    columns = (
        Column("Backend"),
        *(Column(d, "number", "matrix product") for d in dtypes),
        *(Column(words.size(size), "number", "copying") for size in sizes),
        Column("Bare call", "number"),
    )
    rows = tuple(
        (
            Cell(name),
            *(Cell(words.rate(found[name].gemm.get(d), "FLOP")) for d in dtypes),
            *(Cell(words.rate(dict(found[name].copy).get(size), "B")) for size in sizes),
            Cell(words.duration(found[name].call_ns or None)),
        )
        for name in analysis.backends
        if name in found
    )
    return [
        Heading("Ceilings", 3),
        paragraph(
            "What was possible here, measured by each backend's workers between the cells: the "
            "best of all rounds. A backend's ceiling is the best that any of its device reached; "
            "copying is measured once for each memory, the host's and a device's."
        ),
        Table("The most that each backend's workers reached", columns, (Group("", rows),)),
    ]


def _energy(analysis: Analysis) -> list[Block]:
    """Return what the rounds took, where the machine counts it."""
    spans = [s for s in analysis.run.meta.get("sessions") or () if s.get("energy_j")]
    if not spans:
        return []
    seconds = sum(float(s["energy_s"]) for s in spans)
    names = dict.fromkeys(name for s in spans for name in s["energy_j"])
    parts = []
    for name in names:
        joules = sum(float(s["energy_j"].get(name, 0.0)) for s in spans)
        parts.append(f"{name} {words.significant(joules)}{words.NARROW}J")
    return [
        paragraph(
            strong("Energy"), f" of the rounds, over {words.elapsed(seconds)}: "
            f"{words.listed(parts)}; of all backends together, idling and other jobs included.",
        )
    ]  # fmt: skip


def reproduce(analysis: Analysis) -> Content:
    """Give the exact commands: the whole run, one cell, this page."""
    settings = analysis.run.meta.get("settings") or {}
    example = next((c.id for c in analysis.run.cases), "SUITE/CASE")
    other = next((b for b in analysis.backends if b != analysis.reference), analysis.reference)
    versions = [
        f"{e.name_and_version}"
        for b in analysis.backends
        if (e := analysis.environments[b]).version
    ]
    version = str(analysis.run.meta.get("bakeoff") or "")
    return [
        Code(_whole(analysis, settings), "The whole run"),
        paragraph(
            "Each case has its own command in its table, under ",
            code("about"),
            ". A run of few cells measures each for longer.",
        ),
        Code(command(analysis, example, [other]), "One cell, here of the first case"),
        Code(
            "bakeoff report bakeoff-results\nbakeoff report bakeoff-results --format md",
            "This page again, from the journal beside it",
        ),
        paragraph(
            f"With bakeoff {version}" if version else "With this bakeoff",
            f" and {words.listed(versions)}." if versions else ".",
            " Times are those of one machine at one time; ratios repeat better than times.",
        ),
    ]


def _whole(analysis: Analysis, settings: Mapping[str, Any]) -> str:
    parts = ["bakeoff run", f"--backends {quoted(','.join(analysis.backends))}"]
    parts.append(f"--suites {quoted(','.join(analysis.suites))}")
    parts += [f"--cases {quoted(str(pattern))}" for pattern in settings.get("cases") or ()]
    return in_lines([*parts, *options(analysis)])

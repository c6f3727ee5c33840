"""The first sections of the page: the run in short, and the scorecard."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bakeoff import statistics
from bakeoff.record import Outcome
from bakeoff.reporting import AdoptionMetric, resolve
from bakeoff_reports import figures, style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import (
    Block,
    Bullets,
    Cell,
    Column,
    Content,
    Figure,
    Group,
    Paragraph,
    Row,
    Span,
    Table,
    chip,
    muted,
    paragraph,
    strong,
)

NOISY = 0.1  # noise floor from which the reader is warned
_ORDER = ("faster", "same", "slower", "cannot tell")


def unit(analysis: Analysis) -> str:
    """Return the ratio convention, as it stands in every header."""
    return f"time relative to {analysis.reference} (× {analysis.reference}); below 1 is faster"


def headline(analysis: Analysis) -> Content:
    """Say what ran, where and when, how noisy it was, and a sentence per backend."""
    return [
        _what_ran(analysis),
        _noise(analysis),
        Bullets(tuple(_sentence(analysis, b) for b in analysis.backends)),
    ]


def _what_ran(analysis: Analysis) -> Paragraph:
    cells = analysis.cells
    done = sum(o.measured for o in cells["outcome"]) if len(cells) else 0
    settings = analysis.run.meta.get("settings", {})
    preset = settings.get("preset")
    return paragraph(
        strong(words.count(len(analysis.cases), "case")),
        f" of {words.count(len(analysis.suites), 'suite')} on ",
        strong(words.count(len(analysis.backends), "backend")),
        f": {words.count(len(cells), 'cell')}, of which {done:,} ran to the end. ",
        *([f"Preset {preset}. "] if preset else []),
        _when(analysis.run.meta),
        *([" ", _where(analysis.run.meta)] if _where(analysis.run.meta) else []),
    )


def _when(meta: Any) -> str:
    sessions = meta.get("sessions") or []
    began = next((str(s["started"]) for s in sessions if s.get("started")), meta.get("created", ""))
    try:
        moment = datetime.fromisoformat(str(began)).astimezone(UTC)
        text = f"Begun on {moment.day} {moment:%B %Y at %H:%M} UTC"
    except ValueError:
        text = f"Begun {began}" if began else "Begun at a time not recorded"
    seconds = sum(float(s.get("elapsed_s") or 0) for s in sessions)
    ending = str(meta.get("ending") or "")
    took = f", {words.elapsed(seconds)} of measuring" if seconds else ""
    how = {
        "complete": "",
        "deadline": " It stopped at its deadline.",
        "interrupted": " It was interrupted before its end.",
    }.get(ending, " It had not ended when this page was made.")
    return f"{text}{took}.{how}"


def _where(meta: Any) -> str:
    machine = meta.get("machine") or {}
    parts = [str(machine[k]) for k in ("cpu", "os") if isinstance(machine.get(k), str)]
    return f"Machine: {', '.join(parts)}." if parts else ""


def _noise(analysis: Analysis) -> Paragraph:
    if analysis.noise_floor is None:
        return paragraph(
            strong("Noise floor not measured. "),
            "No twin of the reference backend ran, so nothing here says how much of a difference "
            "is chance. Read small differences with care.",
        )
    warning = (chip("noisy machine", "warn"), Span(" "))
    return paragraph(
        *(warning if analysis.noise_floor > NOISY else ()),
        strong(f"Noise floor ±{100 * analysis.noise_floor:.1f}{words.NARROW}%. "),
        f"{analysis.reference} was run against an identical twin of itself in a process of its "
        f"own: 95 in 100 of {analysis.noise_rounds} such pairs differed by less than this. A "
        "difference of a single pair of processes within the noise floor means nothing; an "
        "interval over many pairs can be narrower. "
        f"Verdicts ask for a difference of at least {100 * analysis.minimum_effect:g}"
        f"{words.NARROW}%. {_known(analysis)}",
    )


def _known(analysis: Analysis) -> str:
    """Say how many ratios are known as well as the run asked."""
    known, ranked = analysis.ranking.known_to(analysis.half_width)
    if not (ranked and analysis.half_width):
        return ""
    return (
        f"{known} of {words.count(ranked, 'ratio')} are known to "
        f"±{100 * analysis.half_width:g}{words.NARROW}%, which the run aimed at."
    )


def _sentence(analysis: Analysis, backend: str) -> Paragraph:
    """Answer for one backend: is it right, is it fast, is the difference real?"""
    environment = analysis.environments[backend]
    cells = analysis.of(backend)
    outcomes = list(cells["outcome"])
    ran = sum(o.measured for o in outcomes)
    spans: list[Span | str] = [strong(backend)]
    if environment.version:
        spans.append(muted(f" {environment.name_and_version}"))
    spans.append(" — ")
    if not ran:
        reason = next((r for r in cells["reason"] if r), "no reason recorded")
        spans += [chip("did not run", "bad"), " ", first_line(reason, 200)]
        return paragraph(*spans)
    wrong = outcomes.count(Outcome.MISMATCH)
    if wrong:
        spans += [
            chip("not all right", "bad"),
            f" {words.count(wrong, 'mismatch', 'mismatches')} in {words.count(ran, 'cell')} it ran",
        ]
    else:
        whole = "the cell" if ran == 1 else f"all {ran} cells"
        spans += [chip("right", "good"), f" in {whole} it ran"]
    if backend == analysis.reference:
        spans.append("; the reference that times are relative to")
    else:
        spans += _speed(analysis, backend)
    missing = _missing(outcomes)
    spans.append(f". {missing}." if missing else ".")
    return paragraph(*spans)


def _speed(analysis: Analysis, backend: str) -> list[Span | str]:
    found = analysis.aggregate(backend)
    verdicts = list(analysis.of(backend)["verdict"])
    counts = [f"{v} on {n}" for v in _ORDER if (n := verdicts.count(v))]
    if not found.covered or math.isnan(found.interval.ratio):
        return ["; ", chip("speed not ranked", "none"), f": {_why_no_speed(analysis, backend)}"]
    i = found.interval
    verdict = str(statistics.verdict(i, analysis.minimum_effect))
    spread = words.interval(i.ratio, i.low, i.high)
    return [
        "; ",
        chip(f"{verdict}" if verdict != "cannot tell" else "speed: cannot tell",
             words.VERDICT_TONES[verdict]),
        f" on average: {words.ratio(i.ratio, i.low, i.high)} × {analysis.reference}",
        muted(f" ({spread or 'too few rounds for an interval'})"),
        f" over {found.covered} of {words.count(found.total, 'timed case')}",
        f"; {words.listed(counts)}" if counts else "",
    ]  # fmt: skip


def _why_no_speed(analysis: Analysis, backend: str) -> str:
    unranked = analysis.of(backend)["unranked"]
    reasons = [str(r).removeprefix("not ranked: ") for r in unranked if r]
    return max(reasons, key=reasons.count) if reasons else "no cell was timed on both sides"


def _missing(outcomes: Sequence[Outcome]) -> str:
    parts = [
        f"{n} {words.OUTCOME_WORDS[o]}"
        for o in Outcome
        if not o.measured and (n := outcomes.count(o))
    ]
    return f"Without a result: {words.listed(parts)}" if parts else ""


def first_line(text: str, most: int = 140) -> str:
    """Return a text's first line, cut to a length."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def summary(analysis: Analysis) -> Content:
    """Show a row per backend and a column per metric; then every ranked ratio at once."""
    blocks: list[Block] = [
        paragraph(
            "What was measured of each backend. A bar is the value against the largest of its "
            f"column. Speed is {unit(analysis)}: the geometric mean over the cells that both "
            "completed within their error bounds, with its 95 % interval and how many cells it "
            "covers. A cell that mismatches counts in no column in its backend's favour."
        ),
        _scorecard(analysis),
    ]
    figure = glance(analysis)
    return [*blocks, figure] if figure else blocks


def _scorecard(analysis: Analysis) -> Table:
    columns = [Column("Backend")]
    by_metric = []
    for metric in analysis.metrics:
        values = dict(resolve(metric.compute)(analysis))
        arrow = "less is better" if metric.better == "lower" else "more is better"
        if metric.unit == "year":
            arrow = "no merit in itself"
        of = {"ns": "", "bytes": "", "year": ""}.get(metric.unit, metric.unit)
        of = of.replace("reference", analysis.reference)
        columns.append(Column(metric.title, "number", "; ".join(filter(None, (of, arrow)))))
        by_metric.append(_measures(metric, [values.get(b) for b in analysis.backends]))
    rows: list[Row] = []
    for i, backend in enumerate(analysis.backends):
        environment = analysis.environments[backend]
        head = Cell(backend, note=environment.name_and_version, sort=backend)
        rows.append((head, *(cells[i] for cells in by_metric)))
    return Table(
        caption="Scorecard: what was measured of each backend",
        columns=tuple(columns),
        groups=(Group("", tuple(rows)),),
        sortable=True,
    )


def _measures(metric: AdoptionMetric, values: Sequence[float | None]) -> list[Cell]:
    known = [v for v in values if v is not None and math.isfinite(v)]
    most = (
        1.0
        if metric.better == "higher" and metric.unit.startswith("of ")
        else max(known, default=0)
    )
    cells = []
    for value in values:
        if value is None:
            cells.append(Cell(words.NONE))
            continue
        scaled = most > 0 and math.isfinite(value) and metric.unit != "year"
        bar = max(0.0, min(1.0, value / most)) if scaled else None
        tone: Any = "bad" if metric.unit == "of the bound" and not value <= 1 else ""
        cells.append(
            Cell(
                _in_unit(value, metric.unit),
                getattr(value, "note", ""),
                tone,
                sort=float(value),
                bar=bar,
            )
        )
    return cells


def _in_unit(value: float, unit: str) -> str:
    if unit == "ns":
        return words.duration(value)
    if unit == "bytes":
        return words.size(value)
    if unit == "year":
        return f"{math.floor(value)}"
    if unit == "of the bound":
        return words.fraction_of_bound(value)
    if unit.startswith("of "):
        return words.percent(value)
    return words.ratio(value, getattr(value, "low", None), getattr(value, "high", None))


def glance(analysis: Analysis, suite: str | None = None) -> Figure | None:
    """Return a figure of every ranked ratio of the run, or of one suite."""
    ratios: dict[str, list[float]] = {}
    means = {}
    for backend in analysis.backends:
        cells = analysis.of(backend, suite)
        ranked = cells[cells["verdict"].ne("")]
        if len(ranked):
            ratios[backend] = [float(r) for r in ranked["ratio"]]
            i = analysis.aggregate(backend, suite).interval
            means[backend] = figures.Point(backend, i.ratio, i.low, i.high)
    if not ratios:
        return None
    drawing = figures.at_a_glance(
        ratios, means, style.series(analysis.backends), unit(analysis), analysis.noise_floor
    )
    return Figure(
        drawing,
        "Every ranked cell, one pale dot each; below them the geometric mean with its 95 % "
        f"interval. Horizontal: {unit(analysis)}. The shaded band is the noise floor.",
        "Geometric mean of " + unit(analysis) + ": "
        + "; ".join(figures.describe_ratio(p) for p in means.values()) + ".",
    )  # fmt: skip

"""The section on time to quality: epochs, steps and seconds to a stated accuracy, over seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bakeoff import arrival
from bakeoff.arrival import Trimmed, trimmed_mean
from bakeoff.case import Fit
from bakeoff.record import Record
from bakeoff_reports import style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.arrival_figures import Lane, arrivals
from bakeoff_reports.content import (
    Block,
    Cell,
    Column,
    Content,
    Figure,
    Group,
    Heading,
    Row,
    Table,
    paragraph,
)

LEAST = 5  # seeds; fewer have no mean without the extremes


@dataclass(frozen=True, slots=True)
class Learner:
    """A backend's trainings of a family: a number per seed that arrived.

    ``asked`` seeds were planned, ``trained`` ran to an end, whether they arrived or not.
    """

    backend: str
    asked: int
    trained: int
    epochs: tuple[float, ...]
    steps: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def complete(self) -> bool:
        """Whether each seed that ran has arrived: only then are means comparable."""
        return self.trained == len(self.epochs) and self.trained >= LEAST

    def mean(self, values: Sequence[float]) -> Trimmed | None:
        """Return the mean of a number per seed, without the extremes."""
        return trimmed_mean(values) if self.complete else None


def time_to_quality(analysis: Analysis) -> Content:
    """Show each family of trainings that differ in the seed only; nothing if there is none."""
    blocks: list[Block] = []
    for ids in arrival.families(analysis.run.cases).values():
        learners = tuple(_learners(analysis, ids))
        if len(ids) >= LEAST and any(found.epochs for found in learners):
            blocks += _family(analysis, ids, learners)
    return blocks


def _learners(analysis: Analysis, ids: Sequence[str]) -> Iterator[Learner]:
    for backend in analysis.backends:
        ran = [r for c in ids if (r := _first(analysis, c, backend)) is not None]
        there = [r for r in ran if "time_to_target_ns" in r.figures]
        yield Learner(
            backend,
            len(ids),
            len(ran),
            tuple(r.figures["epochs"] for r in there),
            tuple(r.figures["steps"] for r in there if "steps" in r.figures),
            tuple(r.figures["time_to_target_ns"] / 1e9 for r in there),
        )


def _first(analysis: Analysis, case: str, backend: str) -> Record | None:
    records = analysis.ranking.records(case, backend)
    return next((r for r in records if r.outcome.measured and "epochs" in r.figures), None)


def _family(analysis: Analysis, ids: Sequence[str], learners: Sequence[Learner]) -> list[Block]:
    case = analysis.cases[ids[0]]
    assert case.fit is not None
    oracle = analysis.ranking.arrivals(ids[0], analysis.reference).oracle
    title = case.title.partition(", seed")[0]
    return [
        Heading(title),
        paragraph(
            f"The same training from {len(ids)} seeds: each decides the first weights and the "
            "order of the batches, alike for every backend. Means are taken without the fastest "
            "and the slowest seed, with their 95 % intervals. The oracle trained every seed too, "
            "in float64: a backend that learns sooner or later than that ever would, does not "
            "do the same training."
        ),
        _figure(analysis, case.fit, learners, oracle, title),
        _table(analysis, ids[0], learners),
    ]


def _figure(
    analysis: Analysis, fit: Fit, learners: Sequence[Learner], oracle: Sequence[float], title: str
) -> Figure:
    lanes = [
        Lane(f.backend, f.epochs, f.seconds, f.mean(f.epochs), f.mean(f.seconds))
        for f in learners
        if f.epochs
    ]
    known = len(oracle) >= arrival.LEAST_SEEDS
    band = arrival.plausible(oracle, max(len(f.epochs) for f in lanes)) if known else None
    drawing = arrivals(lanes, oracle, band, style.series(analysis.backends))
    return Figure(
        drawing,
        f"To {words.percent(fit.target_accuracy)} of the test images right: left, epochs; right, "
        "seconds of training, on a logarithmic scale. A dot is a seed, the mark below the mean "
        "without the extremes, with its 95 % interval."
        + (
            " The band is where the mean of as many seeds lies but for chance, by the oracle's."
            if band
            else ""
        ),
        f"{title}. "
        + "; ".join(
            f"{f.backend}: {_mean(f.mean(f.epochs))} epochs, {_mean(f.mean(f.seconds))} s"
            for f in learners
            if f.epochs
        )
        + ".",
    )


def _mean(found: Trimmed | None) -> str:
    return words.significant(found.mean) if found else "no mean of"


def _table(analysis: Analysis, case: str, learners: Sequence[Learner]) -> Table:
    base = next((f.mean(f.seconds) for f in learners if f.backend == analysis.reference), None)
    return Table(
        caption="To the target, by backend",
        columns=(
            Column("Backend"),
            Column("Arrived", "number", "of the seeds that ran"),
            Column("Epochs", "number", "mean without extremes"),
            Column("Steps", "number", "mean without extremes"),
            Column("Seconds", "number", "mean without extremes"),
            Column(f"× {analysis.reference}", "number", "of the seconds"),
            Column("Remark"),
        ),
        groups=(Group("", tuple(_row(analysis, case, f, base) for f in learners)),),
        sortable=True,
    )


def _row(analysis: Analysis, case: str, found: Learner, base: Trimmed | None) -> Row:
    seconds = found.mean(found.seconds)
    remarks = [r.text for r in analysis.ranking.remarks(case, found.backend)
               if r.kind == "convergence"]  # fmt: skip
    ratio = seconds.mean / base.mean if seconds and base and not remarks else None
    return (
        Cell(found.backend, sort=found.backend),
        Cell(f"{len(found.epochs)} of {found.trained}", sort=float(len(found.epochs)),
             tone="" if found.trained == len(found.epochs) else "bad"),
        _trimmed(found.mean(found.epochs)),
        _trimmed(found.mean(found.steps)),
        _trimmed(seconds),
        Cell(words.NONE if ratio is None else words.ratio(ratio), sort=ratio),
        Cell("; ".join(remarks), tone="bad" if remarks else ""),
    )  # fmt: skip


def _trimmed(found: Trimmed | None) -> Cell:
    if found is None:
        return Cell(words.NONE)
    note = f"{words.significant(found.low)}–{words.significant(found.high)}"
    return Cell(words.significant(found.mean), note, sort=found.mean)

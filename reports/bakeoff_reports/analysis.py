"""A run as tables: one row per planned cell, one per backend, and what puts them in scale.

Nothing is left out: a cell that was planned and never reached has its row and its reason.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff import adoption, statistics
from bakeoff.case import Case
from bakeoff.ceilings import in_journal
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.ranking import Ranking
from bakeoff.record import Record
from bakeoff.reporting import AdoptionMetric
from bakeoff.settings import Settings
from bakeoff_reports.cells import as_frame, describe_cell, rows_of
from bakeoff_reports.whereabouts import Environment, read_environments

Logs = dict[str, dict[int, float]]  # case → process round → log ratio


@dataclass(frozen=True)
class Run:
    """What a run left behind: the journal's contents, in memory.

    ``adoption`` is the text of the user's own figures, kept beside the journal; else empty.
    """

    meta: Mapping[str, Any]
    cases: tuple[Case, ...]
    environments: Mapping[str, Mapping[str, Any]]
    records: tuple[Record, ...]
    adoption: str = ""


def load(run_dir: Path) -> Run:
    """Read a run directory's journal, and the figures of adoption beside it."""
    own = run_dir / adoption.FILE_NAME
    with Journal(run_dir / FILE_NAME) as journal:
        return Run(
            meta=journal.meta,
            cases=tuple(journal.cases()),
            environments=journal.environments(),
            records=tuple(journal.records()),
            adoption=own.read_text("utf-8", "replace") if own.is_file() else "",
        )


@dataclass(frozen=True)
class Analysis:
    """A run, analysed. Sections, metrics and formats read this and nothing else.

    Attributes
    ----------
    run
        What was analysed.
    reference
        The backend that ratios are relative to.
    backends
        Names in the order of the run; the reference first.
    titles
        Name → title for people.
    cells
        One row per planned cell; columns in `bakeoff_reports.cells.COLUMNS`.
    ranking
        Which cells compare, and their records.
    logs
        Backend → case → process round → log of time/reference time, of ranked cells only.
    noise_floor
        Relative difference that the reference shows against its own twin; None if unknown.
    noise_rounds
        On how many pairs of processes the noise floor rests.
    environments
        Backend → where it ran.
    metrics
        The columns of the scorecard.
    """

    run: Run
    reference: str
    backends: tuple[str, ...]
    titles: Mapping[str, str]
    cells: pd.DataFrame
    ranking: Ranking
    logs: Mapping[str, Logs]
    noise_floor: float | None
    noise_rounds: int
    environments: Mapping[str, Environment]
    metrics: tuple[AdoptionMetric, ...] = ()

    @cached_property
    def cases(self) -> dict[str, Case]:
        """Cases by id, in the order of the plan."""
        return {case.id: case for case in self.run.cases}

    @cached_property
    def suites(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(case.suite for case in self.run.cases))

    @property
    def minimum_effect(self) -> float:
        """The smallest relative difference that a verdict calls a difference."""
        return float(self.run.meta.get("minimum_effect", statistics.MINIMUM_EFFECT))

    @property
    def half_width(self) -> float:
        """What the run aimed at for the intervals of ratios, on the log scale."""
        return Settings.from_json(self.run.meta.get("settings") or {}).pace.half_width

    @property
    def margin(self) -> float:
        """The relative difference that verdicts ask for: effect or noise, what is larger."""
        return max(self.minimum_effect, self.noise_floor or 0.0)

    def aggregate(self, backend: str, suite: str | None = None) -> statistics.Aggregate:
        """Return the geometric mean of a backend's ranked ratios, with its coverage."""
        return self.ranking.speed(backend, suite)

    def of(self, backend: str, suite: str | None = None) -> pd.DataFrame:
        """Return a backend's cells, of one suite or of all."""
        mine = self.cells["backend"] == backend
        return self.cells[mine if suite is None else mine & (self.cells["suite"] == suite)]


def analyse(run: Run, metrics: Sequence[AdoptionMetric] = ()) -> Analysis:
    """Return the run's tables."""
    planned = _planned_backends(run)
    reference = str(run.meta.get("reference") or (planned[0] if planned else ""))
    backends = tuple(sorted(planned, key=lambda name: name != reference))
    environments = read_environments(run.meta, run.environments, run.records, backends)
    settings = {b: environments[b].setting for b in backends}
    ranking = Ranking(run.cases, settings, run.records, in_journal(run.meta))
    missing = _why_missing(run.meta)
    rows = []
    for case in run.cases:
        for backend in backends:
            pairs = {} if backend == reference else ranking.pairs(case.id, backend)
            row = describe_cell(
                case,
                backend,
                ranking.records(case.id, backend),
                ranking.outcome(case.id, backend),
                missing,
                ranking.times(case.id, backend),
                pairs,
            )
            row.update(_of_ceiling(ranking, row))
            row["unranked"] = ranking.why_not(case.id, backend)
            row["remarks"] = "; ".join(r.text for r in ranking.remarks(case.id, backend))
            rows.append(row)
    cells = as_frame(rows)
    twins = ranking.twins()
    analysis = Analysis(
        run=run,
        reference=reference,
        backends=backends,
        titles={b: environments[b].title for b in backends},
        cells=cells,
        ranking=ranking,
        logs={b: ranking.logs(b) for b in backends if b != reference},
        noise_floor=statistics.noise_floor(twins),
        noise_rounds=sum(len(by_round) for by_round in twins.values()),
        environments=environments,
        metrics=tuple(metrics),
    )
    if rows:
        _settle(analysis)
    return analysis


def _of_ceiling(ranking: Ranking, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return how much of which ceiling a cell's time reaches, as far as they were measured."""
    if math.isnan(row["time_ns"]):
        return {}
    use = ranking.use(row["case"], row["backend"], row["time_ns"])
    return {"ceiling_fraction": use.fraction, "ceiling": use.kind} if use else {}


def _planned_backends(run: Run) -> list[str]:
    """Backends of the plan, and any that has a record all the same."""
    named = [str(b["name"]) for b in run.meta.get("backends", ())]
    return list(dict.fromkeys([*named, *(r.backend for r in run.records)]))


def _why_missing(meta: Mapping[str, Any]) -> str:
    ending = str(meta.get("ending") or "")
    return {
        "deadline": "not reached: the time allowed for the run was up",
        "interrupted": "not reached: the run was interrupted",
        "complete": "no record, although the run ended: please report this",
    }.get(ending, "not reached: the run has not ended")


def _settle(analysis: Analysis) -> None:
    """Fill in the verdicts, which are claimed for the whole run at once."""
    said = analysis.ranking.claims(analysis.minimum_effect)
    found = [said.get((row.case, row.backend)) for row in rows_of(analysis.cells)]
    analysis.cells["verdict"] = [str(claim.verdict) if claim else "" for claim in found]
    analysis.cells["undecided"] = [claim.reason if claim else "" for claim in found]


def finite(value: float | None) -> float | None:
    """Return the value, or None if it is missing, NaN or infinite."""
    return None if value is None or not math.isfinite(value) else value

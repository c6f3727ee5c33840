"""A run as tables: one row per planned cell, one per backend, and what puts them in scale.

Nothing is left out: a cell that was planned and never reached has its row and its reason.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff import statistics
from bakeoff.case import Case
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Outcome, Record
from bakeoff.reporting import AdoptionMetric
from bakeoff_reports.cells import CellKey, as_frame, describe_cell, rows_of
from bakeoff_reports.whereabouts import Environment, read_environments, unlike_settings

Logs = dict[str, dict[int, float]]  # case → process round → log ratio


@dataclass(frozen=True)
class Run:
    """What a run left behind: the journal's contents, in memory."""

    meta: Mapping[str, Any]
    cases: tuple[Case, ...]
    environments: Mapping[str, Mapping[str, Any]]
    records: tuple[Record, ...]


def load(run_dir: Path) -> Run:
    """Read a run directory's journal."""
    with Journal(run_dir / FILE_NAME) as journal:
        return Run(
            meta=journal.meta,
            cases=tuple(journal.cases()),
            environments=journal.environments(),
            records=tuple(journal.records()),
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
    by_cell
        The records of each cell, the twin's left out.
    """

    run: Run
    reference: str
    backends: tuple[str, ...]
    titles: Mapping[str, str]
    cells: pd.DataFrame
    logs: Mapping[str, Logs]
    noise_floor: float | None
    noise_rounds: int
    environments: Mapping[str, Environment]
    metrics: tuple[AdoptionMetric, ...] = ()
    by_cell: Mapping[CellKey, Sequence[Record]] = field(repr=False, default_factory=dict)

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
    def margin(self) -> float:
        """The relative difference that verdicts ask for: effect or noise, what is larger."""
        return max(self.minimum_effect, self.noise_floor or 0.0)

    def aggregate(self, backend: str, suite: str | None = None) -> statistics.Aggregate:
        """Return the geometric mean of a backend's ranked ratios, with its coverage."""
        timed = [
            c.id for c in self.run.cases if c.timed and c.fit is None and suite in (None, c.suite)
        ]
        wanted = set(timed)
        logs = {c: by for c, by in self.logs.get(backend, {}).items() if c in wanted}
        return statistics.geometric_mean(logs, total=len(timed))

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
    by_cell, twins = _group(run.records)
    times = {key: _times(records, environments[key[1]]) for key, records in by_cell.items()
             if key[1] in environments}  # fmt: skip
    unlike = {b: unlike_settings(environments[b], environments[reference]) for b in backends}
    missing = _why_missing(run.meta)
    rows = []
    logs: dict[str, Logs] = defaultdict(dict)
    for case in run.cases:
        base = times.get((case.id, reference), {})
        base_ok = _worst(by_cell.get((case.id, reference), ())) is Outcome.OK
        for backend in backends:
            records = by_cell.get((case.id, backend), ())
            own = times.get((case.id, backend), {})
            pairs = {} if backend == reference else statistics.log_ratios(own, base)
            row = describe_cell(case, backend, records, _worst(records), missing, own, pairs)
            row["unranked"] = _why_unranked(row, base_ok, backend == reference, unlike[backend])
            if row["unranked"] or backend == reference or not pairs:
                row["verdict"] = ""
            else:
                logs[backend][case.id] = pairs
            rows.append(row)
    cells = as_frame(rows)
    floor, floor_rounds = _noise(by_cell, twins, environments, reference)
    analysis = Analysis(
        run=run,
        reference=reference,
        backends=backends,
        titles={b: environments[b].title for b in backends},
        cells=cells,
        logs=dict(logs),
        noise_floor=floor,
        noise_rounds=floor_rounds,
        environments=environments,
        metrics=tuple(metrics),
        by_cell=by_cell,
    )
    if rows:
        _settle(analysis)
    return analysis


def _planned_backends(run: Run) -> list[str]:
    """Backends of the plan, and any that has a record all the same."""
    named = [str(b["name"]) for b in run.meta.get("backends", ())]
    return list(dict.fromkeys([*named, *(r.backend for r in run.records)]))


def _group(
    records: Iterable[Record],
) -> tuple[dict[CellKey, list[Record]], dict[CellKey, list[Record]]]:
    """Return the records of each cell, and those of the reference backend's twin."""
    cells: dict[CellKey, list[Record]] = defaultdict(list)
    twins: dict[CellKey, list[Record]] = defaultdict(list)
    for record in records:
        (twins if record.replica else cells)[record.case_id, record.backend].append(record)
    return dict(cells), dict(twins)


# From good to bad. That the machine was busy must not hide a wrong answer, and a round
# that was cut short says nothing of the cell if another round was not.
_SEVERITY = (
    Outcome.INTERRUPTED,
    Outcome.OK,
    Outcome.CONTENDED,
    Outcome.MISMATCH,
    Outcome.UNSUPPORTED,
    Outcome.UNAVAILABLE,
    Outcome.ERROR,
    Outcome.OUT_OF_MEMORY,
    Outcome.TIMEOUT,
    Outcome.CRASHED,
)


def _worst(records: Sequence[Record]) -> Outcome:
    """Return the worst outcome over rounds; `INTERRUPTED` for a cell never reached."""
    return max((r.outcome for r in records), key=_SEVERITY.index, default=Outcome.INTERRUPTED)


def _times(records: Sequence[Record], environment: Environment) -> dict[int, float]:
    """Return time per call by process round, on the clock that is fair to the backend."""
    return {
        r.round: statistics.per_call_ns(r.blocks, environment.clock) for r in records if r.blocks
    }


def _noise(
    cells: Mapping[CellKey, Sequence[Record]],
    twins: Mapping[CellKey, Sequence[Record]],
    environments: Mapping[str, Environment],
    reference: str,
) -> tuple[float | None, int]:
    logs = {}
    for (case, backend), records in twins.items():
        base = cells.get((case, reference), ())
        if backend == reference and _worst(records) is _worst(base) is Outcome.OK:
            own = _times(cells[case, reference], environments[reference])
            logs[case] = statistics.log_ratios(_times(records, environments[reference]), own)
    return statistics.noise_floor(logs), sum(len(by_round) for by_round in logs.values())


def _why_missing(meta: Mapping[str, Any]) -> str:
    ending = str(meta.get("ending") or "")
    return {
        "deadline": "not reached: the time allowed for the run was up",
        "interrupted": "not reached: the run was interrupted",
        "complete": "no record, although the run ended: please report this",
    }.get(ending, "not reached: the run has not ended")


def _why_unranked(row: Mapping[str, Any], base_ok: bool, is_reference: bool, unlike: str) -> str:
    """Return why the cell's ratio takes part in no ranking; empty if it does."""
    if row["outcome"] != Outcome.OK:
        return f"not ranked: {row['outcome'].replace('_', ' ')}"
    if not is_reference and not base_ok:
        return "not ranked: the reference backend has no good result"
    return f"not ranked: {unlike}" if unlike else ""


def _settle(analysis: Analysis) -> None:
    """Fill in the verdicts, which need the noise floor of the whole run."""
    verdicts = []
    for row in rows_of(analysis.cells):
        pairs = analysis.logs.get(row.backend, {}).get(row.case)
        if pairs is None:
            verdicts.append("")
            continue
        found = statistics.interval(pairs.values())
        verdicts.append(str(statistics.verdict(found, analysis.minimum_effect)))
    analysis.cells["verdict"] = verdicts


def finite(value: float | None) -> float | None:
    """Return the value, or None if it is missing, NaN or infinite."""
    return None if value is None or not math.isfinite(value) else value

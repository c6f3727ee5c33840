"""One cell: the records of its rounds, summed up in one row."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from bakeoff import cost, statistics
from bakeoff.case import Case
from bakeoff.record import Check, Outcome, Record
from bakeoff_reports.words import without_folders

COLUMNS = {
    "suite": "the case's suite",
    "case": "the case's id",
    "title": "the case's title",
    "dtype": "the floating-point dtype under test",
    "pass": "forward, gradient or training",
    "backend": "the backend's name",
    "outcome": "worst over rounds",
    "reason": "of the outcome, as the toolkit or the harness gave it",
    "rounds": "process rounds with a time",
    "error_fraction": "worst error over outputs and rounds, as a fraction of its bound",
    "error": "that error, absolute",
    "error_bound": "its bound, absolute",
    "error_output": "the output it was found in",
    "error_kind": "the kind of bound",
    "ulp_max": "greatest error in units in the last place, of elementwise outputs",
    "ulp_p99": "its 99th percentile over elements",
    "time_ns": "per call: median over rounds of the median over blocks, by the backend's clock",
    "end_to_end_ns": "the same by the host's wall clock",
    "hot_ns": "the same by the device's events",
    "gflops": "10⁹ floating-point operations per second at time_ns",
    "ceiling_fraction": "least time by the ceiling that binds, over time_ns",
    "ceiling": "which binds: arithmetic, memory or call; empty if none was measured",
    "ratio": "time relative to the reference backend's: geometric mean over paired rounds",
    "ratio_low": "95 % t interval over process rounds",
    "ratio_high": "",
    "ratio_rounds": "paired rounds",
    "verdict": "faster, slower, same, cannot tell; empty if not ranked",
    "undecided": "why the verdict is cannot tell, if it is",
    "unranked": "why the cell is not ranked; empty if it is",
    "remarks": "what else is to be known of the cell's times",
    "first_call_ns": "median over rounds, as are the following",
    "compile_ns": "",
    "transfer_ns": "",
    "import_ns": "",
    "ready_ns": "",
    "cold_ns": "device time of calls with a cold cache; p10 and p90 are over a round's calls",
    "cold_p10_ns": "",
    "cold_p90_ns": "",
    "peak_rss_bytes": "greatest over rounds",
    "peak_is_of_program": "0 if that is the worker's since its start, in any round",
    "device_peak_bytes": "greatest over rounds, as the toolkit says",
    "accuracy": "of a fit, on held-out data",
    "time_to_target_ns": "of a fit",
    "log": "the tail of what the worker printed, if it ended badly",
}

_TEXTS = {"suite", "case", "title", "dtype", "pass", "backend", "outcome", "reason",
          "error_output", "error_kind", "ceiling", "verdict", "undecided", "unranked", "remarks",
          "log"}  # fmt: skip
_MEDIANS = ("first_call_ns", "compile_ns", "transfer_ns", "import_ns", "ready_ns", "accuracy",
            "time_to_target_ns", "cold_ns", "cold_p10_ns", "cold_p90_ns")  # fmt: skip
_PEAKS = ("peak_rss_bytes", "device_peak_bytes")


def describe_cell(
    case: Case,
    backend: str,
    records: Sequence[Record],
    outcome: Outcome,
    missing: str,
    times: Mapping[int, float],
    pairs: Mapping[int, float],
) -> dict[str, Any]:
    """Return a cell's row.

    Parameters
    ----------
    records
        Of all its rounds; none if it was never reached, for which ``missing`` says why.
    outcome
        The worst over rounds.
    times
        Time per call by process round.
    pairs
        Log ratio to the reference backend by process round.
    """
    telling = [r for r in records if r.outcome is outcome]
    check = worst_check(records)
    found = statistics.interval(pairs.values())
    time_ns = median(times.values()) if times else math.nan
    flops = float(cost.flops(case.program)) if times else 0.0
    return {
        "suite": case.suite,
        "case": case.id,
        "title": case.title or case.name,
        "dtype": case.dtype,
        "pass": str(case.tags.get("pass", case.program.kind)),
        "backend": backend,
        "outcome": outcome,
        "reason": without_folders(_first(r.reason for r in telling)) if records else missing,
        "rounds": len(times),
        "error_fraction": check.fraction if check else math.nan,
        "error": check.error if check else math.nan,
        "error_bound": check.bound if check else math.nan,
        "error_output": check.output if check else "",
        "error_kind": check.kind if check else "",
        "ulp_max": _greatest(c.ulp_max for c in _checks(records)),
        "ulp_p99": _greatest(c.ulp_p99 for c in _checks(records)),
        "time_ns": time_ns,
        "end_to_end_ns": _median_time(records, "wall"),
        "hot_ns": _median_time(records, "device"),
        "gflops": flops / time_ns if flops and times else math.nan,
        "ceiling_fraction": math.nan,
        "ceiling": "",
        "ratio": found.ratio if found else math.nan,
        "ratio_low": found.low if found else math.nan,
        "ratio_high": found.high if found else math.nan,
        "ratio_rounds": found.rounds if found else 0,
        "verdict": "",
        "undecided": "",
        "unranked": "",
        "remarks": "",
        **{name: _median_figure(records, name) for name in _MEDIANS},
        **{name: max(_figures(records, name), default=math.nan) for name in _PEAKS},
        "peak_is_of_program": min(_figures(records, "peak_is_of_program"), default=math.nan),
        "log": without_folders(_first(r.log for r in telling)),
    }


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def as_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a table with all `COLUMNS`, also when there are none.

    Texts stay objects: pandas would turn outcomes into plain strings.
    """
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in rows], dtype=object if name in _TEXTS else float)
            for name in COLUMNS
        }
    )


def rows_of(cells: pd.DataFrame) -> Iterator[Any]:
    """Yield rows whose attributes are `COLUMNS`, and ``Index``, the row's number in the run."""
    yield from cells.itertuples()


def worst_check(records: Sequence[Record]) -> Check | None:
    """Return the check with the greatest error against its bound; NaN counts as worst."""
    return max(
        _checks(records),
        key=lambda c: math.inf if math.isnan(c.fraction) else c.fraction,
        default=None,
    )


def _checks(records: Sequence[Record]) -> list[Check]:
    return [c for r in records for c in r.checks or ()]


def _greatest(values: Iterable[float | None]) -> float:
    return max((v for v in values if v is not None), default=math.nan)


def _figures(records: Sequence[Record], name: str) -> list[float]:
    return [float(r.figures[name]) for r in records if r.figures.get(name) is not None]


def _median_time(records: Sequence[Record], clock: statistics.Clock) -> float:
    times = statistics.round_times(records, clock).values()
    return median(times) if times else math.nan


def _median_figure(records: Sequence[Record], name: str) -> float:
    values = _figures(records, name)
    return median(values) if values else math.nan

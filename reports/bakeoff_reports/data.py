"""What a page says, as data: a row per cell with its ratio, interval, verdict and reason.

``bakeoff export`` writes what was measured; this is what was concluded from it.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff import export
from bakeoff.reporting import AdoptionMetric, ReportSection, resolve
from bakeoff.whole import write_whole
from bakeoff_reports.analysis import Analysis, analyse, load

Sections = Sequence[ReportSection]
Metrics = Sequence[AdoptionMetric]

FORMAT = 1  # version history of the JSON file: 1 = first


def rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Return the cells as rows; what has no value is None."""
    return [
        {str(name): _value(value) for name, value in row.items()}
        for row in analysis.cells.to_dict("records")
    ]


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return str(value)


def write_csv(run_dir: Path, sections: Sections, metrics: Metrics) -> Path:
    """Write a run's cells beside its journal; return the file's path."""
    export.write_csv(path := run_dir / "report.csv", rows(analyse(load(run_dir))))
    return path


def write_parquet(run_dir: Path, sections: Sections, metrics: Metrics) -> Path:
    """Write a run's cells beside its journal; return the file's path."""
    export.write_parquet(path := run_dir / "report.parquet", rows(analyse(load(run_dir))))
    return path


def write_json(run_dir: Path, sections: Sections, metrics: Metrics) -> Path:
    """Write a run's cells and scorecard beside its journal; return the file's path."""
    analysis = analyse(load(run_dir), metrics)
    return write_whole(run_dir / "report.json", export.json_text(as_data(analysis)))


def as_data(analysis: Analysis) -> dict[str, Any]:
    """Return the cells, the scorecard, and what the verdicts rest on."""
    columns = {m.name: dict(resolve(m.compute)(analysis)) for m in analysis.metrics}
    return {
        "format": FORMAT,
        "reference": analysis.reference,
        "minimum_effect": analysis.minimum_effect,
        "noise_floor": analysis.noise_floor,
        "backends": [
            {
                "name": name,
                "title": analysis.titles[name],
                "version": analysis.environments[name].name_and_version,
                **{metric: _number(values.get(name)) for metric, values in columns.items()},
            }
            for name in analysis.backends
        ],
        "cells": rows(analysis),
    }


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)

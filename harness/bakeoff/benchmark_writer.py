"""A run as pytest-benchmark's JSON files, one per process round.

``pytest-benchmark compare`` reads them, and ``pytest --benchmark-compare``, which finds the
cells of our own plugin in them by name, and warns that they tell less of the machine. What
pytest-benchmark has no place for is left out: cells without times, so that outcomes other than
ok and mismatch are not there. All times are wall times, of calls on a device too.

Source: ``pytest_benchmark/stats.py`` (5.3): the keys of ``stats`` and what they mean.
"""

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bakeoff
from bakeoff.errors import BakeoffError
from bakeoff.pytest_timing import extra_info
from bakeoff.ranking import worst_fraction
from bakeoff.record import Record

if TYPE_CHECKING:  # which imports this module
    from bakeoff.export import Contents


def write(contents: "Contents", target: Path) -> list[Path]:
    """Write the files into a folder; return them in the order of the rounds.

    Raises
    ------
    BakeoffError
        If nothing was timed.
    """
    rounds: dict[int, list[Record]] = defaultdict(list)
    for record in contents.records:
        if record.blocks:
            rounds[record.round].append(record)
    if not rounds:
        raise BakeoffError("export: nothing in this run was timed; pytest-benchmark has only times")
    written = []
    for number, records in sorted(rounds.items()):
        path = target / f"{number + 1:04}_bakeoff.json"
        text = json.dumps(_file(contents, records), indent=1, allow_nan=False)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _file(contents: "Contents", records: Sequence[Record]) -> dict[str, Any]:
    order = {b["name"]: n for n, b in enumerate(contents.meta.get("backends", ()))}
    cases = {c.id: n for n, c in enumerate(contents.cases)}
    ordered = sorted(
        records,
        key=lambda r: (
            cases.get(r.case_id, len(cases)),
            order.get(r.backend, len(order)),
            r.replica,
        ),
    )
    return {
        "machine_info": _machine_info(contents.meta.get("machine") or {}),
        "commit_info": {},
        "benchmarks": [_benchmark(contents, record) for record in ordered],
        "datetime": min(r.started for r in records) or str(contents.meta.get("created", "")),
        "version": f"bakeoff {bakeoff.__version__}",
    }


def _machine_info(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the machine under pytest-benchmark's names; its kernel and Python too."""
    return {
        "machine": machine.get("architecture"),
        "release": machine.get("kernel"),
        "python_implementation": machine.get("implementation"),
        "python_version": machine.get("python"),
        "cores": machine.get("cores"),
        "cpu": {"brand_raw": machine.get("cpu"), "count": machine.get("threads")},
    }


def _benchmark(contents: "Contents", record: Record) -> dict[str, Any]:
    hello = contents.environments.get(record.environment_id, {}).get("hello", {})
    case = next((c for c in contents.cases if c.id == record.case_id), None)
    info = extra_info(record, worst_fraction([record]), hello)
    info.update(replica=record.replica, round=record.round)
    if case is not None:
        info.update(includes=case.includes, tags=dict(case.tags))
    name = f"{record.case_id}[{record.backend}{' twin' if record.replica else ''}]"
    return {
        "group": record.case_id,
        "name": name,
        "fullname": f"bakeoff::{name}",
        "params": None,
        "param": None,
        "extra_info": {k: _known(v) for k, v in info.items()},
        "options": {},
        "stats": _stats([b.wall_ns / b.loops / 1e9 for b in record.blocks], record.blocks[0].loops),
    }


def _known(value: Any) -> Any:
    """Return a value that JSON can hold: what is not a finite number is not known."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _stats(data: Sequence[float], iterations: int) -> dict[str, Any]:
    """Return what pytest-benchmark keeps of the rounds; seconds per call."""
    mean, total = statistics.fmean(data), sum(data)
    spread = statistics.stdev(data) if len(data) > 1 else 0.0
    q1, median, q3 = _quartiles(data)
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    beyond = sum(not mean - spread <= v <= mean + spread for v in data)
    outside = sum(not low <= v <= high for v in data)
    return {
        "min": min(data), "max": max(data), "mean": mean, "stddev": spread, "rounds": len(data),
        "median": median, "iqr": q3 - q1, "q1": q1, "q3": q3,
        "iqr_outliers": outside, "stddev_outliers": beyond, "outliers": f"{beyond};{outside}",
        "ld15iqr": min(v for v in data if v >= low), "hd15iqr": max(v for v in data if v <= high),
        "ops": len(data) / total if total else 0, "total": total,
        "data": list(data), "iterations": iterations,
    }  # fmt: skip


def _quartiles(data: Sequence[float]) -> tuple[float, float, float]:
    if len(data) == 1:
        return data[0], data[0], data[0]
    q1, median, q3 = statistics.quantiles(data, n=4, method="inclusive")
    return q1, median, q3

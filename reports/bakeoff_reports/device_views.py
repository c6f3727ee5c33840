"""The three views of a device's time, side by side: end to end, hot and cold."""

from collections.abc import Iterable
from typing import Any

from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import Block, Cell, Column, Group, Row, Table

EXPLAINED = (
    "Calls on a device such as a GPU return before they are done, so their time has three sides. "
    "End to end is the host's clock over many calls and one wait at their end. Hot is the "
    "device's own clock over the same calls; cold is that clock over single calls, each after the "
    "device's cache was flushed. Inputs lie on the device and results stay there (resident); the "
    "transfer is kept apart. Two backends that both have the device's clock compare by it; any "
    "other pair, such as a GPU and a CPU, compares end to end."
)


def on_devices(analysis: Analysis) -> bool:
    """Return whether any backend of the run is of another device than the CPU."""
    return any(e.setting.device != "cpu" for e in analysis.environments.values())


def device_views(analysis: Analysis, rows: Iterable[Any]) -> list[Block]:
    """Return the views of a case's cells on devices; nothing if none was timed."""
    timed = [
        row
        for row in rows
        if analysis.environments[row.backend].setting.device != "cpu"
        and words.is_number(row.end_to_end_ns)
    ]
    if not timed:
        return []
    table = Table(
        caption="Views of the device's time per call",
        columns=(
            Column("Backend"),
            Column("End to end", "number", "host's clock"),
            Column("Hot", "number", "device's clock"),
            Column("Cold", "number", "10 % to 90 % of calls"),
            Column("Device memory", "number", "peak"),
        ),
        groups=(Group("", tuple(_views(row) for row in timed)),),
    )
    return [table]


def _views(row: Any) -> Row:
    spread = f"{words.duration(row.cold_p10_ns)} to {words.duration(row.cold_p90_ns)}"
    return (
        Cell(row.backend),
        Cell(words.duration(row.end_to_end_ns)),
        Cell(words.duration(row.hot_ns)),
        Cell(words.duration(row.cold_ns), spread if words.is_number(row.cold_ns) else ""),
        Cell(words.size(row.device_peak_bytes)),
    )

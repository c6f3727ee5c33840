"""What of a record ranks its cell, in a row of numbers: archives are analysed by column.

A journal keeps these rows beside its records (`bakeoff.journal.Journal.columns`): those of a
million records are read in seconds, the records themselves in minutes.
"""

import math
import statistics as stdlib
from typing import NamedTuple

from bakeoff.elsewhere import stretch
from bakeoff.record import Record
from bakeoff.statistics import CLOCKS, block_ns, per_call_ns


class Row(NamedTuple):
    """A record's row. What has no value is None.

    Attributes
    ----------
    case_id, backend, replica, round, outcome, environment_id
        As the record's.
    cpu_ns, wall_ns, device_ns
        The time per call by each clock: the median over blocks.
    stretch
        Wall over CPU time: the median over blocks.
    overrun
        The device's over the host's time: the median over blocks.
    error_fraction
        The worst error over its bound; infinite if that is NaN.
    usual
        Of the checks that passed, the greatest error as a multiple of what sums keep to.
    """

    case_id: str
    backend: str
    replica: int
    round: int
    outcome: str
    environment_id: str
    cpu_ns: float | None
    wall_ns: float | None
    device_ns: float | None
    stretch: float | None
    overrun: float | None
    error_fraction: float | None
    usual: float | None


def row_of(record: Record) -> Row:
    """Return a record's row."""
    checks = record.checks or ()
    fractions = [math.inf if math.isnan(c.fraction) else c.fraction for c in checks]
    times = {
        clock: per_call_ns(record.blocks, clock)
        for clock in CLOCKS
        if any(block_ns(block, clock) is not None for block in record.blocks)
    }
    return Row(
        record.case_id, record.backend, record.replica, record.round, record.outcome.value,
        record.environment_id, times.get("cpu"), times.get("wall"), times.get("device"),
        stretch(record), overrun(record), max(fractions, default=None),
        max((c.usual for c in checks if c.passed and c.usual), default=None),
    )  # fmt: skip


def overrun(record: Record) -> float | None:
    """Return the median over blocks of the device's over the host's time; None without events."""
    found = [b.device_ns / max(1, b.wall_ns) for b in record.blocks if b.device_ns is not None]
    return stdlib.median(found) if found else None

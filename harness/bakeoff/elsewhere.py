"""Whether a cell's calls spend their time where CPU time does not show it.

On one core, backends are judged by the CPU time of their worker, which other jobs cannot
touch. It cannot see what a call waits for either: another process that does the work, a
device, a disk, a sleep. Such a cell takes much longer by the wall clock than by the CPU clock,
while the others, whose blocks stand between its own, do not.
"""

import math
import statistics as stdlib
from collections.abc import Sequence

from bakeoff.record import Record
from bakeoff.statistics import Interval, interval

LEAST_ROUNDS = 3


def unseen_share(records: Sequence[Record], reference: Sequence[Record]) -> Interval | None:
    """Return wall over CPU time, relative to the reference's in the same rounds.

    1: the cell waits no more than the reference. None if fewer than three rounds tell.
    """
    beside = {r.round: found for r in reference if (found := stretch(r)) is not None}
    logs = [
        math.log(found / beside[r.round])
        for r in records
        if r.round in beside and (found := stretch(r)) is not None
    ]
    return interval(logs) if len(logs) >= LEAST_ROUNDS else None


def stretch(record: Record) -> float | None:
    """Return the median over blocks of wall over CPU time; None if neither is known."""
    found = [b.wall_ns / b.cpu_ns for b in record.blocks if b.cpu_ns > 0 and b.wall_ns > 0]
    return stdlib.median(found) if found else None

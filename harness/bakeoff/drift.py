"""Whether a cell's calls change their speed while a worker makes them.

A block is set against the reference's block of the same sweep, which met the same machine.
Within a round, the mean log ratio of the later half of the sweeps less that of the earlier
half is the round's drift; the interval is over rounds, as for every other figure.
"""

import math
from collections.abc import Sequence

from bakeoff.record import Block, Record
from bakeoff.statistics import Clock, Interval, block_ns, interval

LEAST_ROUNDS = 3  # fewer say nothing of how much a drift varies by chance


def drift(records: Sequence[Record], reference: Sequence[Record], clock: Clock) -> Interval | None:
    """Return the time at a round's end over that at its beginning; None if too little is known.

    Parameters
    ----------
    records, reference
        Of the cell and of the reference backend's cell of the same case. Of the reference
        itself the two are the same, and its own blocks are taken as they are.
    clock
        By which to read the blocks; those that lack it are left out.
    """
    beside = {r.round: r for r in reference}
    alone = records is reference
    found = []
    for record in records:
        other = beside.get(record.round)
        if record.blocks and (alone or (other is not None and other.blocks)):
            found.append(
                _of_round(record.blocks, () if alone or not other else other.blocks, clock)
            )
    known = [value for value in found if value is not None]
    return interval(known) if len(known) >= LEAST_ROUNDS else None


def _of_round(blocks: Sequence[Block], beside: Sequence[Block], clock: Clock) -> float | None:
    times = [_log_time(b, clock) for b in blocks]
    if beside:
        times = [t - _log_time(b, clock) for t, b in zip(times, beside, strict=False)]
    times = [t for t in times if not math.isnan(t)]
    half = len(times) // 2
    if not half:
        return None
    return math.fsum(times[-half:]) / half - math.fsum(times[:half]) / half


def _log_time(block: Block, clock: Clock) -> float:
    ns = block_ns(block, clock)
    return math.nan if ns is None else math.log(max(1, ns) / block.loops)

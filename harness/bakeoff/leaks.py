"""Whether a cell's calls keep memory that they should give back.

The resident memory of a worker is read after each timed block. Allocators take memory in
their first calls and keep it for the next, so the first block of a round is no evidence; a
program that has come to rest takes no more. A leak shows in every round, and grows with the
number of calls.
"""

from collections.abc import Sequence
from itertools import pairwise

from bakeoff.record import Block, Record

LEAST_ROUNDS = 3
LEAST_BYTES = 256 * 1024  # in a round: allocators' own comings and goings stay below
LEAST_PER_CALL = 64  # bytes: an object, and less than any tensor


def leaked_per_call(records: Sequence[Record]) -> float | None:
    """Return the bytes that each call keeps, the least over rounds; None if there is no leak."""
    found = [_of_round(r.blocks) for r in records if len(r.blocks) > 1]
    if len(found) < LEAST_ROUNDS or not all(found):
        return None
    least = min(rate for rate in found if rate is not None)
    return least if least >= LEAST_PER_CALL else None


def _of_round(blocks: Sequence[Block]) -> float | None:
    """Return the bytes per call that a round's blocks kept; None if they came to rest."""
    sizes = [b.rss_bytes for b in blocks]
    grown = sizes[-1] - sizes[0]
    rising = all(later > earlier for earlier, later in pairwise(sizes))
    if not (all(sizes) and rising and grown >= LEAST_BYTES):
        return None
    return grown / sum(b.loops for b in blocks[1:])

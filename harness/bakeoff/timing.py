"""When to run which block: balanced interleaving, block counts, and the deadline.

Blocks of all backends are interleaved, so that what disturbs the machine for longer than
a block (another job, a falling clock frequency) disturbs all alike. One *sweep* runs one
block of every backend. Sweeps come in mirrored pairs (AB BA), in which a linear drift
cancels exactly. Over 2N sweeps every backend stands in every position twice and follows
every other backend equally often.

Source: Williams, Experimental designs balanced for the estimation of residual effects
of treatments, Australian Journal of Scientific Research A 2 (1949).
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bakeoff.case import Preset
from bakeoff.record import Block
from bakeoff.statistics import Clock


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure.

    Attributes
    ----------
    budget_s
        Seconds of measuring; None: no deadline.
    rounds
        The most process rounds that are run.
    half_width
        Of the intervals of ratios, on the log scale (about the relative uncertainty): a case
        that has reached it gets no more rounds. See `bakeoff.stopping`.
    sweeps
        The most sweeps per case and round: even, since they come in mirrored pairs.
    block_ns
        Target length of a block; a block holds at least one call.
    timeout_s
        After which a request to a worker counts as hung.
    """

    budget_s: float | None
    rounds: int
    sweeps: int
    block_ns: int
    timeout_s: float
    half_width: float = 0.02


PACES: dict[Preset, Pace] = {
    "smoke": Pace(budget_s=15, rounds=4, sweeps=6, block_ns=5_000_000, timeout_s=60),
    "quick": Pace(budget_s=110, rounds=12, sweeps=10, block_ns=5_000_000, timeout_s=120),
    "standard": Pace(budget_s=900, rounds=20, sweeps=20, block_ns=10_000_000, timeout_s=300),
    "full": Pace(
        budget_s=None, rounds=40, sweeps=20, block_ns=20_000_000, timeout_s=900, half_width=0.01
    ),
    # Many workers of slow starters, of which some compile for a minute.
    "museum": Pace(budget_s=600, rounds=4, sweeps=6, block_ns=5_000_000, timeout_s=300),
}


def williams_row(n: int) -> list[int]:
    """Return 0, 1, n−1, 2, n−2, …: in its n rotations each follows each other in turn."""
    row, low, high = [0], 1, n - 1
    while len(row) < n:
        row.append(low)
        low += 1
        if len(row) < n:
            row.append(high)
            high -= 1
    return row


def orders(n: int, sweeps: int, seed: str, start: int = 0) -> list[tuple[int, ...]]:
    """Return the order of the n backends in each sweep.

    Parameters
    ----------
    n
        Number of backends, twin included.
    sweeps
        How many sweeps.
    seed
        Decides which backend takes which part in the design: the case's name, say.
    start
        The sweep of the design to begin with, so that rounds continue one another:
        over all rounds together the design is balanced although each is short.
    """
    parts = list(range(n))
    random.Random(seed).shuffle(parts)
    row = williams_row(n)
    result = []
    for sweep in range(start, start + sweeps):
        pair, mirrored = divmod(sweep, 2)
        order = tuple(parts[(part + pair) % n] for part in row)
        result.append(order[::-1] if mirrored else order)
    return result


def clock_for(threads: int, device: str, events: bool = False) -> Clock:
    """Return the clock to judge by: CPU time where one thread of the CPU does all the work.

    CPU time does not count what other jobs take, which on a busy machine narrows the
    interval twentyfold. It means nothing for work spread over threads or on a GPU, whose
    own ``events`` are its clock where the toolkit has them.
    """
    if events:
        return "device"
    return "cpu" if threads == 1 and device == "cpu" else "wall"


def disturbed(block: Block, clock: Clock) -> bool:
    """Return whether the machine, not the code, made this block longer.

    On the CPU clock: its wall time exceeds its CPU time by more than a tenth (it waited
    for the core). On the wall clock: it was pre-empted more than once per 5 ms.
    """
    if clock == "cpu":
        return block.wall_ns > 1.1 * block.cpu_ns + 20_000
    return block.involuntary > 1 + block.wall_ns // 5_000_000


STOLEN = 0.1  # share of the time, taken by the hypervisor, from which a wall time means nothing


def contended(blocks: Sequence[Block], clock: Clock, stolen_share: float = 0.0) -> bool:
    """Return whether the machine, and not the code, decided how long a cell took.

    On the wall clock: most blocks were disturbed, or the hypervisor took the processors. CPU time
    leaves out what other jobs take: with three busy loops on the same core wall times grew
    fivefold, and the CPU time of a matrix product, a sum and a Python loop by 1, 8 and 4 %, no
    more than with one (the caches are shared), and alike for all whose blocks are interleaved.
    """
    most = 2 * sum(disturbed(b, clock) for b in blocks) > len(blocks)
    return clock == "wall" and (most or stolen_share > STOLEN)


@dataclass(slots=True)
class Deadline:
    """Time left of a budget, on a clock that tests can replace."""

    budget_s: float | None
    now: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Let the budget begin now."""
        self.started = self.now()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, without the pauses."""
        return self.now() - self.started

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the budget stand still: what happens here is no measuring. Pauses may nest."""
        began, started = self.now(), self.started
        try:
            yield
        finally:
            self.started = started + self.now() - began  # an inner pause's time is in it

    @property
    def remaining_s(self) -> float:
        """Seconds left: inf without a budget, negative when overdrawn."""
        return float("inf") if self.budget_s is None else self.budget_s - self.elapsed_s


@dataclass(slots=True)
class Schedule:
    """Spends a time budget: how many sweeps now, and whether another round fits.

    Rounds come before sweeps, since processes differ more than blocks: a case gets its one
    pair of sweeps per round, and more only from what is left beyond all rounds aimed at.

    Attributes
    ----------
    pace, deadline
        What is aimed at, and what is left.
    cases
        Every case of a round; later rounds have fewer.
    startup_s
        What starting the workers of a round costs.
    floor_s
        What one round of a case costs with one pair of sweeps: inputs, compilation,
        first calls, calibration, blocks.
    """

    pace: Pace
    deadline: Deadline
    cases: Sequence[str]
    startup_s: float = 0.0
    floor_s: dict[str, float] = field(default_factory=dict)

    def round_floor_s(self, cases: Sequence[str]) -> float:
        """Return what these cases cost at the least in one round, as far as is known."""
        known = list(self.floor_s.values())
        typical = sum(known) / len(known) if known else 0.0
        return sum(self.floor_s.get(c, typical) for c in cases)

    def rounds_that_fit(self, seconds: float) -> int:
        """Return how many further rounds the seconds hold."""
        if seconds <= 0:
            return 0
        one = self.startup_s + self.round_floor_s(self.cases)
        return self.pace.rounds if one <= 0 or seconds == float("inf") else int(seconds // one)

    def sweeps(
        self, case: str, left: Sequence[str], rounds_left: int, spent_s: float, sweep_s: float
    ) -> int:
        """Return how many sweeps to run of a case: even, at least one mirrored pair.

        Parameters
        ----------
        case, left
            The case about to be timed, and those of this round after it.
        rounds_left
            Rounds aimed at after this one.
        spent_s, sweep_s
            What this case has cost in this round so far; what one sweep is expected to cost.
        """
        self.floor_s[case] = spent_s + 2 * sweep_s
        if self.deadline.budget_s is None or sweep_s <= 0:
            return self.pace.sweeps
        after_this_round = self.deadline.remaining_s - 2 * sweep_s - self.round_floor_s(left)
        rounds = min(rounds_left, self.rounds_that_fit(max(0.0, after_this_round)))
        spare = after_this_round - rounds * (self.startup_s + self.round_floor_s(self.cases))
        shares = 1 + len(left) + rounds * len(self.cases)
        extra_pairs = int(max(0.0, spare) / shares / (2 * sweep_s))
        return min(self.pace.sweeps, 2 + 2 * extra_pairs)

    def charge(self, case: str, spent_s: float) -> None:
        """Note what a case cost that has no sweeps: training to an accuracy, say."""
        if case not in self.floor_s:
            self.floor_s[case] = spent_s

    def remaining_s(self, left: Sequence[str], rounds_left: int) -> float | None:
        """Return how long the run may still take: the budget's rest, or None if unknown."""
        if self.deadline.budget_s is not None:
            return self.deadline.remaining_s if self.deadline.remaining_s > 0 else None
        if not self.floor_s:
            return None
        round_s = self.startup_s + self.round_floor_s(self.cases)
        return self.round_floor_s(left) + rounds_left * round_s

    def another_round(self, done: int, at_least: int = 1) -> bool:
        """Return whether to begin one more round after ``done``.

        The first ``at_least`` rounds are always run, so that every cell has a result. A
        later one begins if it is expected to end within the budget.
        """
        if done < at_least:
            return True
        if done >= self.pace.rounds:
            return False
        return self.rounds_that_fit(self.deadline.remaining_s) >= 1

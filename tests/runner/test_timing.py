"""Interleaving is balanced; a budget is kept on a fake clock."""

import itertools
from collections import Counter

import pytest

from bakeoff.record import Block
from bakeoff.timing import PACES, Deadline, Pace, Schedule, clock_for, contended, disturbed, orders


class FakeClock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
def test_every_backend_stands_equally_often_in_every_position(n: int) -> None:
    table = Counter((p, b) for order in orders(n, 2 * n, "case") for p, b in enumerate(order))
    assert set(table.values()) == {2}


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_every_backend_follows_every_other_equally_often(n: int) -> None:
    pairs = Counter(
        pair for order in orders(n, 2 * n, "case") for pair in itertools.pairwise(order)
    )
    assert len(pairs) == n * (n - 1)
    assert len(set(pairs.values())) == 1


def test_a_linear_drift_cancels_within_a_mirrored_pair() -> None:
    places: dict[int, list[int]] = {}
    for sweep, order in enumerate(orders(5, 2, "x")):
        for position, backend in enumerate(order):
            places.setdefault(backend, []).append(5 * sweep + position)
    assert {sum(p) for p in places.values()} == {9}


def test_orders_depend_on_the_seed_and_rounds_continue_one_another() -> None:
    assert orders(4, 8, "a") != orders(4, 8, "b")
    assert orders(4, 4, "a", start=4) == orders(4, 8, "a")[4:]


def test_cpu_time_judges_only_single_threaded_cpu_work() -> None:
    assert [clock_for(1, "cpu"), clock_for(2, "cpu"), clock_for(1, "cuda")] == [
        "cpu",
        "wall",
        "wall",
    ]


@pytest.mark.parametrize(
    ("block", "clock", "expected"),
    [
        (Block(0, 1, 10_000_000, 9_900_000, 0), "cpu", False),
        (Block(0, 1, 20_000_000, 9_900_000, 3), "cpu", True),
        (Block(0, 1, 10_000_000, 9_900_000, 1), "wall", False),
        (Block(0, 1, 10_000_000, 100_000, 9), "wall", True),
    ],
)
def test_disturbed_blocks_are_told(block: Block, clock: str, expected: bool) -> None:
    assert disturbed(block, clock) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("switches", "stolen", "clock", "expected"),
    [
        ([9, 9, 0, 9], 0.0, "wall", True),
        ([9, 0, 0, 9], 0.0, "wall", False),
        ([9, 9, 9, 9], 0.5, "cpu", False),
        ([0, 0, 0, 0], 0.2, "wall", True),
        ([0, 0, 0, 0], 0.02, "wall", False),
        ([], 0.0, "wall", False),
    ],
)
def test_the_machine_decides_if_most_blocks_were_disturbed(
    switches: list[int], stolen: float, clock: str, expected: bool
) -> None:
    blocks = [Block(i, 1, 10_000_000, 1_000_000, n) for i, n in enumerate(switches)]
    assert contended(blocks, clock, stolen) is expected  # type: ignore[arg-type]


def simulate(
    budget_s: float, floor_s: float, sweep_s: float, cases: int = 10
) -> tuple[int, float, list[int]]:
    """Run the schedule on a fake clock; return rounds, seconds and the sweeps of each case."""
    clock = FakeClock()
    names = [str(i) for i in range(cases)]
    pace = Pace(budget_s, rounds=6, sweeps=10, block_ns=1, timeout_s=1)
    schedule = Schedule(pace, Deadline(budget_s, clock), names)
    done, chosen = 0, []
    while schedule.another_round(done):
        began = clock.time
        clock.time += 1.0
        schedule.startup_s = clock.time - began
        for i, name in enumerate(names):
            clock.time += floor_s
            sweeps = schedule.sweeps(name, names[i + 1 :], 6 - done - 1, floor_s, sweep_s)
            chosen.append(sweeps)
            clock.time += sweeps * sweep_s
        done += 1
    return done, schedule.deadline.elapsed_s, chosen


@pytest.mark.parametrize(
    ("budget_s", "floor_s", "sweep_s", "rounds"),
    [
        (100, 0.1, 0.05, 6),
        (30, 0.1, 0.05, 6),
        (14, 0.1, 0.05, 4),
        (5, 0.1, 0.05, 1),
        (1, 0.1, 0.05, 1),
    ],
)
def test_schedule_prefers_rounds_to_sweeps_and_keeps_the_budget(
    budget_s: float, floor_s: float, sweep_s: float, rounds: int
) -> None:
    done, elapsed, chosen = simulate(budget_s, floor_s, sweep_s)
    assert done == rounds
    assert all(s % 2 == 0 and 2 <= s <= 10 for s in chosen)
    if budget_s > 5:
        assert elapsed <= 1.1 * budget_s
    if budget_s == 100:
        assert set(chosen) == {10}
    if budget_s == 30:
        assert elapsed >= 0.8 * budget_s


def test_without_a_budget_everything_aimed_at_is_run() -> None:
    clock = FakeClock()
    schedule = Schedule(PACES["full"], Deadline(None, clock), ["a"])
    clock.time += 1e9
    assert schedule.sweeps("a", [], 3, 1.0, 1.0) == PACES["full"].sweeps
    most = PACES["full"].rounds
    assert schedule.another_round(most - 1)
    assert not schedule.another_round(most)


def test_the_first_round_is_run_even_over_budget() -> None:
    clock = FakeClock()
    schedule = Schedule(PACES["smoke"], Deadline(1.0, clock), ["a"])
    clock.time += 50
    assert schedule.another_round(0)
    schedule.sweeps("a", [], 1, 1.0, 1.0)
    assert not schedule.another_round(1)


def test_a_pause_costs_no_budget() -> None:
    clock = FakeClock()
    deadline = Deadline(10.0, clock)
    clock.time += 2
    with deadline.paused():
        clock.time += 60
        with deadline.paused():
            clock.time += 40
    assert (deadline.elapsed_s, deadline.remaining_s) == (2.0, 8.0)


@pytest.mark.parametrize("preset", PACES)
def test_paces_come_in_mirrored_pairs(preset: str) -> None:
    assert PACES[preset].sweeps % 2 == 0  # type: ignore[index]

"""Rounds end when intervals are narrow, not when verdicts fall; coverage is nearly kept."""

import math
import random

import pytest
from test_journal import CASE, RECORD

from bakeoff import statistics
from bakeoff.case import Fit
from bakeoff.interface import Backend
from bakeoff.ledger import UNTIMED_ROUNDS, Ledger, wanted_rounds
from bakeoff.plan import Plan, Seat
from bakeoff.record import Block, Outcome, Record
from bakeoff.stopping import LEAST_ROUNDS, Stopping, narrow_enough


def record(backend: str, number: int, time_ns: float, **changes: object) -> Record:
    from dataclasses import replace

    blocks = (Block(0, 1000, int(1500 * time_ns), int(1000 * time_ns), 0),)
    values = {"backend": backend, "round": number, "blocks": blocks, "case_id": CASE.id,
              "replica": 0, "outcome": Outcome.OK, **changes}  # fmt: skip
    return replace(RECORD, **values)  # type: ignore[arg-type]


def fed(half_width: float, spread: float, rounds: int, **changes: object) -> Stopping:
    """A reference at 100 ns and another at 150 ns whose rounds differ by ± ``spread``."""
    stopping = Stopping("ref", half_width, {"ref": "cpu", "new": "cpu"})
    for n in range(rounds):
        stopping.note(record("ref", n, 100))
        stopping.note(record("new", n, 150 * (1 + spread * (-1) ** n), **changes))
    return stopping


@pytest.mark.parametrize(
    ("half_width", "spread", "rounds", "settled"),
    [
        (0.02, 0.001, LEAST_ROUNDS, True),
        (0.02, 0.001, LEAST_ROUNDS - 1, False),
        (0.02, 0.05, LEAST_ROUNDS, False),
        (0.02, 0.05, 60, True),
        (0.0, 0.001, 60, False),
    ],
)
def test_a_case_is_settled_when_its_interval_is_narrow(
    half_width: float, spread: float, rounds: int, settled: bool
) -> None:
    assert fed(half_width, spread, rounds).settled(CASE.id) is settled


def test_what_is_wrong_need_not_be_known_well() -> None:
    stopping = fed(0.02, 0.001, LEAST_ROUNDS)
    for n in range(LEAST_ROUNDS):
        stopping.note(record("ref", n, 100))
        stopping.note(record("bad", n, 10 * 2.0**n, outcome=Outcome.MISMATCH))
    assert stopping.settled(CASE.id)


def test_a_reference_alone_is_set_against_its_twin() -> None:
    stopping = Stopping("ref", 0.02, {"ref": "cpu"})
    for n in range(LEAST_ROUNDS):
        stopping.note(record("ref", n, 100))
    assert not stopping.settled(CASE.id)
    for n in range(LEAST_ROUNDS):
        stopping.note(record("ref", n, 100 + 0.1 * (n % 2), replica=1))
    assert stopping.settled(CASE.id)


def test_a_settled_case_is_due_no_more_and_the_run_is_complete() -> None:
    from dataclasses import replace

    backends = tuple(Backend(name, name, name, "a:b") for name in ("ref", "new"))
    noisy = replace(CASE, name="noisy")
    plan = Plan(backends, (CASE, noisy))
    ledger = Ledger(plan, 40, (), Stopping("ref", 0.02, {"ref": "cpu", "new": "cpu"}))
    for n in range(LEAST_ROUNDS):
        for seat in plan.seats:
            factor = 1 + 0.1 * (-1) ** n * (seat.backend == "new")
            for case, time in ((CASE, 100.0), (noisy, 100.0 * factor)):
                ledger.note(record(*seat[:1], n, time, case_id=case.id, replica=seat.replica))
    seats = [Seat("ref", 0), Seat("ref", 1), Seat("new", 0)]
    assert ledger.due(CASE, seats, LEAST_ROUNDS) == []
    assert ledger.due(noisy, seats, LEAST_ROUNDS) == seats
    assert ledger.hungry()
    done = Ledger(Plan(backends, (CASE,)), 40, (), ledger._stopping)
    assert not done.hungry()


def test_what_is_not_timed_needs_few_rounds() -> None:
    from dataclasses import replace

    assert wanted_rounds(CASE, 20) == 20
    assert wanted_rounds(replace(CASE, timed=False), 20) == UNTIMED_ROUNDS
    assert wanted_rounds(replace(CASE, timed=False), 1) == 1
    fit = Fit(CASE.program, "package:file", 64, 3, 0.9, rounds=4)
    assert wanted_rounds(replace(CASE, timed=False, fit=fit), 20) == 4


@pytest.mark.parametrize("spread", [0.01, 0.02, 0.03])
def test_intervals_hold_the_truth_though_rounds_stop_early(spread: float) -> None:
    """At least 93 in 100, less three standard deviations of this simulation's own."""
    rng, trials, held = random.Random(11), 600, 0
    for _ in range(trials):
        logs: dict[int, float] = {}
        while len(logs) < 60 and not narrow_enough(logs, 0.02):
            logs[len(logs)] = rng.gauss(0.0, spread)
        found = statistics.interval(logs.values())
        assert found is not None
        held += found.low <= 1 <= found.high
    assert held / trials >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / trials)

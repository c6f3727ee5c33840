"""The summary counts every cell, ranks only what is right, and decides the exit code."""

import dataclasses
import math
from typing import Any

import pytest
from test_journal import CASE, RECORD

from bakeoff.ranking import Ranking, Setting, cell_outcome
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.summary import summarise

CASES = tuple(dataclasses.replace(CASE, name=n) for n in ("a", "b"))


def record(case: str, backend: str, cpu_ns: int, number: int = 0, **changes: object) -> Record:
    values = {"case_id": f"toy/{case}", "backend": backend, "round": number,
              "blocks": (Block(0, 1, 10 * cpu_ns, cpu_ns, 0),), **changes}  # fmt: skip
    return dataclasses.replace(RECORD, **values)  # type: ignore[arg-type]


def test_ratios_are_taken_over_cells_right_on_both_sides() -> None:
    records = [
        *(record(c, "ref", 100, n) for c in "ab" for n in (0, 1)),
        *(record(c, "ref", 101, n, replica=1) for c in "ab" for n in (0, 1)),
        *(record("a", "fast", 50, n) for n in (0, 1)),
        *(record("b", "fast", 1, n, outcome=Outcome.MISMATCH) for n in (0, 1)),
    ]
    found = summarise(CASES, {"ref": Setting(), "fast": Setting()}, records)
    reference, fast = found.lines
    assert reference.speed is None
    assert fast.speed is not None
    assert fast.speed.interval.ratio == pytest.approx(0.5)
    assert (fast.speed.covered, fast.speed.total) == (1, 2)
    assert fast.outcomes == {Outcome.OK: 1, Outcome.MISMATCH: 1}
    assert found.noise == pytest.approx(0.01)
    assert found.exit_code() == 1


def test_the_worst_error_names_its_case_and_nan_is_worst() -> None:
    checks = {"a": 0.5, "b": math.nan}
    target = Check("accuracy", "target", 0, 0, 9.0)
    records = [
        record(c, "ref", 1, checks=(Check("y", "ulp", 0, 0, f), target)) for c, f in checks.items()
    ]
    line = summarise(CASES, {"ref": Setting()}, records).lines[0]
    assert (line.worst_fraction, line.worst_case) == (math.inf, "toy/b")


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Outcome.OK, Outcome.UNSUPPORTED], 0),
        ([Outcome.OK, Outcome.UNAVAILABLE], 0),
        ([Outcome.OK, Outcome.CRASHED], 1),
        ([Outcome.OK, Outcome.TIMEOUT], 1),
        ([Outcome.UNAVAILABLE, Outcome.UNAVAILABLE], 3),
    ],
)
def test_exit_codes(outcomes: list[Outcome], code: int) -> None:
    records = [record(c, "ref", 1, outcome=o) for c, o in zip("ab", outcomes, strict=True)]
    assert summarise(CASES, {"ref": Setting()}, records).exit_code() == code


def test_a_cell_is_as_bad_as_its_worst_round() -> None:
    found = [Outcome.INTERRUPTED, Outcome.OK, Outcome.CRASHED]
    records = [record("a", "ref", 1, n, outcome=o) for n, o in enumerate(found)]
    assert cell_outcome(records) is Outcome.CRASHED
    assert cell_outcome(records[:2]) is Outcome.OK, "an interrupted round takes nothing away"
    assert cell_outcome([]) is Outcome.INTERRUPTED


def test_both_sides_of_a_ratio_are_read_off_one_clock() -> None:
    """CPU time of one side against wall time of the other would compare nothing."""
    records = [record("a", "ref", 100), record("a", "gpu", 50)]
    settings = {"ref": Setting("cpu"), "gpu": Setting("cuda")}
    speed = summarise(CASES, settings, records).lines[1].speed
    assert speed is not None
    assert speed.interval.ratio == pytest.approx(0.5)


def test_unlike_thread_counts_are_not_ranked() -> None:
    records = [record("a", "ref", 100), record("a", "wide", 50)]
    settings = {"ref": Setting("cpu", 1, known=True), "wide": Setting("cpu", 4, known=True)}
    ranking = Ranking(CASES, settings, records)
    assert ranking.why_not("toy/a", "wide") == "not ranked: threads 4, ref 1"
    assert ranking.speed("wide").covered == 0


@pytest.mark.parametrize(
    ("ref", "new", "why"),
    [
        ({"tf32": False}, {"tf32": True}, "not ranked: tf32 on, ref off"),
        ({"accumulate": "float32"}, {"accumulate": "bfloat16"},
         "not ranked: accumulate bfloat16, ref float32"),
        ({"tf32": False, "accumulate": "float32"}, {"tf32": False, "fast_math": True}, ""),
        ({}, {"tf32": True}, ""),
        ({"tf32": True}, {"tf32": True}, ""),
    ],
    ids=["tf32", "accumulate", "in-common", "not-said", "both-tf32"],
)  # fmt: skip
def test_unlike_precision_is_not_ranked(ref: dict[str, Any], new: dict[str, Any], why: str) -> None:
    """On whichever device; what a toolkit does not say is known from its errors alone."""
    records = [record("a", "ref", 100), record("a", "new", 50)]
    settings = {
        "ref": Setting("cpu", 1, known=True, modes=ref),
        "new": Setting("cuda", 2, known=True, modes=new),
    }
    assert Ranking(CASES, settings, records).why_not("toy/a", "new") == why


def test_a_busy_machine_does_not_hide_a_wrong_answer() -> None:
    found = [Outcome.CONTENDED, Outcome.MISMATCH]
    records = [record("a", "ref", 1, n, outcome=o) for n, o in enumerate(found)]
    assert cell_outcome(records) is Outcome.MISMATCH


def test_rounds_on_a_busy_machine_count_only_if_most_were() -> None:
    rounds = [Outcome.OK, Outcome.CONTENDED, Outcome.OK]
    records = [
        *(record("a", "ref", 100, n) for n in range(3)),
        *(record("a", "new", 500 if o is Outcome.CONTENDED else 200, n, outcome=o)
          for n, o in enumerate(rounds)),
    ]  # fmt: skip
    ranking = Ranking(CASES, {"ref": Setting(), "new": Setting()}, records)
    assert ranking.outcome("toy/a", "new") is Outcome.OK
    assert ranking.times("toy/a", "new") == {0: 200, 2: 200}
    assert set(ranking.pairs("toy/a", "new")) == {0, 2}
    busy = [record("a", "new", 500, n, outcome=Outcome.CONTENDED) for n in (3, 4)]
    ranking = Ranking(CASES, {"ref": Setting(), "new": Setting()}, [*records, *busy])
    assert ranking.outcome("toy/a", "new") is Outcome.CONTENDED
    assert ranking.why_not("toy/a", "new") == "not ranked: contended"

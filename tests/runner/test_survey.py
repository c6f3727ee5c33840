"""The survey: ceilings are measured when no cell suffers from it, and kept."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import runner_toys

from bakeoff.ceilings import Ceilings, in_journal
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.plan import Seat
from bakeoff.record import Outcome
from bakeoff.survey import LEAST_BUDGET_S, SHARE, Survey
from bakeoff.timing import Deadline
from bakeoff.worker import WorkerFailure

CASES = tuple(runner_toys.cases("smoke"))
COST_S = 2.0
COPIES = {"host": 1e9, "device": 3e12}


class Machine:
    """A clock, and workers on which a survey takes time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked: list[tuple[str, list[str], str]] = []

    def occupant(self, name: str, rate: float, device: str = "cpu", replica: int = 0) -> Any:
        def ceilings(dtypes: list[str], clock: str, copying: str, timeout_s: float) -> Ceilings:
            self.asked.append((name, dtypes, clock))
            self.now_s += COST_S
            if not rate:
                raise WorkerFailure(Outcome.CRASHED, "ended by SIGSEGV")
            copied = ((1 << 20, COPIES[copying]),) if copying else ()
            return Ceilings(dict.fromkeys(dtypes, rate), copied, 40.0)

        worker = SimpleNamespace(ceilings=ceilings) if name != "gone" else None
        backend = SimpleNamespace(name=name, device=device)
        return SimpleNamespace(seat=Seat(name, replica), backend=backend, present=worker)

    def deadline(self, budget_s: float | None, elapsed_s: float) -> Deadline:
        deadline = Deadline(budget_s, lambda: self.now_s)
        self.now_s += elapsed_s
        return deadline


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.create(tmp_path / FILE_NAME, {}, CASES) as journal:
        yield journal


def test_every_backend_is_asked_once_and_its_twin_is_not(journal: Journal) -> None:
    machine = Machine()
    occupants = [
        machine.occupant("a", 5e9),
        machine.occupant("a", 5e9, replica=1),
        machine.occupant("card", 7e12, device="cuda"),
        machine.occupant("other card", 7e12, device="cuda"),
        machine.occupant("crashes", 0.0),
        machine.occupant("gone", 5e9),
        machine.occupant("b", 6e9),
    ]
    Survey(journal, CASES, threads=1).take(occupants, machine.deadline(60, 5))
    assert [name for name, *_ in machine.asked] == ["a", "card", "other card", "crashes", "b"]
    assert {dtypes[0] for _, dtypes, _ in machine.asked} == {"float32"}
    assert {name: clock for name, _, clock in machine.asked} == {
        "a": "cpu", "card": "wall", "other card": "wall", "crashes": "cpu", "b": "cpu",
    }  # fmt: skip
    found = in_journal(journal.meta)
    assert found["a"] == Ceilings({"float32": 5e9}, ((1 << 20, 1e9),), 40.0)
    assert found["card"].copy == ((1 << 20, 3e12),), "the host's memory is not the card's"
    assert found["other card"].copy == (), "the card's memory is one for all"
    assert found["b"] == Ceilings({"float32": 6e9}, (), 40.0), "the host's memory is one for all"
    assert found.keys() == {"a", "b", "card", "other card"}


def test_later_rounds_ask_again_within_a_share_of_the_time(journal: Journal) -> None:
    machine, survey = Machine(), Survey(journal, CASES, threads=1)
    deadline = machine.deadline(None, 1)
    slow, fast = machine.occupant("a", 5e9), machine.occupant("a", 8e9)
    survey.take([slow], deadline)
    survey.take([fast], deadline)
    assert len(machine.asked) == 1, "too soon"
    machine.now_s = COST_S / SHARE + 1
    survey.take([fast], deadline)
    assert in_journal(journal.meta)["a"].gemm == {"float32": 8e9}
    machine.now_s *= 3
    survey.take([slow], deadline)
    assert in_journal(journal.meta)["a"].gemm == {"float32": 8e9}, "the best is kept"


def test_a_backend_that_joins_later_is_asked_at_once(journal: Journal) -> None:
    machine, survey = Machine(), Survey(journal, CASES, threads=2)
    deadline = machine.deadline(None, 1)
    survey.take([machine.occupant("a", 5e9)], deadline)
    survey.take([machine.occupant("a", 5e9), machine.occupant("b", 5e9)], deadline)
    assert [(name, clock) for name, _, clock in machine.asked] == [("a", "wall"), ("b", "wall")]


def test_a_resumed_run_keeps_what_is_known(journal: Journal) -> None:
    journal.set_meta("ceilings", {"a": Ceilings({"float32": 9e9}).to_json()})
    machine = Machine()
    Survey(journal, CASES, threads=1).take(
        [machine.occupant("b", 5e9), machine.occupant("a", 1e9)], machine.deadline(None, 1)
    )
    assert in_journal(journal.meta)["a"].gemm == {"float32": 9e9}
    assert in_journal(journal.meta)["b"].gemm == {"float32": 5e9}


def test_there_is_no_time_for_it_in_a_tiny_budget(journal: Journal) -> None:
    machine, survey = Machine(), Survey(journal, CASES, threads=1)
    survey.take([machine.occupant("a", 5e9)], machine.deadline(LEAST_BUDGET_S - 1, 1))
    assert not machine.asked


def test_where_nothing_is_timed_nothing_is_asked(journal: Journal) -> None:
    machine = Machine()
    untimed = Survey(journal, [runner_toys.elementwise()], threads=1)
    untimed.take([machine.occupant("a", 5e9)], machine.deadline(None, 1))
    assert not machine.asked

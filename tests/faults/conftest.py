"""Planted faults and honest variants share one oracle, and end what they start."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside this file

from fault_steps import Measure, Seated, measured

from bakeoff.examiner import OracleExaminer
from bakeoff.interface import Backend
from bakeoff.launch import launch_for
from bakeoff.occupant import Occupant
from bakeoff.oracle import Oracle
from bakeoff.plan import Seat
from bakeoff.plugins import load


@pytest.fixture(scope="package")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """The oracle, on the running Python."""
    launch = launch_for(load().backends["numpy"], sys.executable)
    with Oracle(launch, tmp_path_factory.mktemp("oracle"), timeout_s=60) as oracle:
        yield oracle


@pytest.fixture
def seated(tmp_path: Path) -> Iterator[Seated]:
    """Seat a backend: its worker is started when it is first asked."""
    occupants = []

    def seat(backend: Backend, timeout_s: float = 60.0) -> Occupant:
        launch = launch_for(backend, sys.executable)
        occupants.append(
            Occupant(Seat(backend.name, 0), backend, launch, timeout_s, tmp_path, tmp_path)
        )
        return occupants[-1]

    yield seat
    for occupant in occupants:
        occupant.leave()


@pytest.fixture
def measure(oracle: Oracle, tmp_path: Path) -> Measure:
    """Take a cell through the steps of a round."""
    examiner = OracleExaminer(oracle)
    return lambda occupant, case: measured(occupant, case, examiner, tmp_path)

"""Every planted fault gets the verdict that it must get, in the words that tell what is wrong."""

import re
import time
from pathlib import Path

import psutil
import pytest
from fault_cases import CASES
from fault_steps import Measure, Seated, remarks_on
from planted_faults import FAULTS, Fault, backend

from bakeoff import worker_log
from bakeoff.record import Outcome


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_a_planted_fault_is_found(fault: Fault, seated: Seated, measure: Measure) -> None:
    occupant = seated(backend(fault.name), fault.timeout_s)
    if fault.innocent:
        assert measure(occupant, CASES[fault.innocent]).outcome is Outcome.OK
    record = measure(occupant, CASES[fault.case])
    assert (record.outcome, record.reason) == (fault.outcome, record.reason)
    assert re.search(fault.reason, record.reason), record.reason
    if fault.outcome is Outcome.OK:
        said = [r.text for r in remarks_on(CASES[fault.case], record)]
        assert [fault.remark in text for text in said] == [True] * bool(fault.remark), said
    if fault.outcome is Outcome.MISMATCH:
        assert record.blocks, "what is wrong is timed all the same"


def test_every_fault_is_in_the_table() -> None:
    from faulty_adapter import FaultyAdapter

    means = {"compile", "value", "vjp", "results", "definition", "later"}
    planted = {n for n, v in vars(FaultyAdapter).items() if not n.startswith("_") and callable(v)}
    assert planted - means == {f.name for f in FAULTS}


def test_what_a_toolkit_prints_stays_in_its_log(seated: Seated, measure: Measure) -> None:
    occupant = seated(backend("prints_replies"))
    assert measure(occupant, CASES["product"]).outcome is Outcome.OK
    tail = occupant.worker().log_tail()
    assert '{"id": 1, "ok": true, "files": []}' in tail
    assert not {"\x00", "\x1b"} & set(tail)


def test_a_flood_does_not_fill_the_disk(seated: Seated, measure: Measure, tmp_path: Path) -> None:
    occupant = seated(backend("floods_stderr"))
    assert measure(occupant, CASES["product"]).outcome is Outcome.OK
    occupant.leave()
    (log,) = tmp_path.glob("*.log")
    assert log.stat().st_size <= worker_log.MAX_BYTES


def test_processes_left_behind_end_with_their_worker(seated: Seated, measure: Measure) -> None:
    occupant = seated(backend("leaves_processes"))
    assert measure(occupant, CASES["product"]).outcome is Outcome.OK
    left = psutil.Process(occupant.hello["pid"]).children(recursive=True)
    assert len(left) == 2
    occupant.leave()
    deadline = time.monotonic() + 5
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in left):
        assert time.monotonic() < deadline
        time.sleep(0.01)

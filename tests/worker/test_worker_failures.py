"""Every way in which a toolkit can fail is named, and the run can go on."""

import os
import pickle
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bakeoff import worker as worker_module
from bakeoff import worker_failure, worker_log, worker_process
from bakeoff.record import Outcome
from bakeoff.worker import Worker, WorkerFailure
from bakeoff_worker import failures

# fault, outcome, what the reason says, signal, what the stack says, whether the worker lives on
FAULTS = [
    ("raise", Outcome.ERROR, "RuntimeError: the fake fails on purpose", "", "in fail", True),
    ("refuse", Outcome.UNSUPPORTED, "the fake refuses this program", "", "in refuse", True),
    ("memory_error", Outcome.OUT_OF_MEMORY, "Unable to allocate", "", "in memory_error", True),
    ("toolkit_memory", Outcome.OUT_OF_MEMORY, "RESOURCE_EXHAUSTED", "", "RuntimeError", True),
    ("sys_exit", Outcome.CRASHED, r"called exit\(0\) during", "", "SystemExit", True),
    ("exit", Outcome.CRASHED, "exited with status 0 during", "", "", False),
    ("abort", Outcome.CRASHED, "ended by SIGABRT", "SIGABRT", "in plant", False),
    (
        "segfault",
        Outcome.CRASHED,
        r"SIGSEGV in \w+ \(.*\.py, line \d+\)",
        "SIGSEGV",
        "in segfault",
        False,
    ),
    ("bad_alloc", Outcome.OUT_OF_MEMORY, "memory ran out", "SIGABRT", "in bad_alloc", False),
    ("kill", Outcome.CRASHED, "ended by SIGKILL", "SIGKILL", "", False),
    ("hang", Outcome.TIMEOUT, "it was in hang_in_python", "", "in hang_in_python", False),
    ("hang_gil", Outcome.TIMEOUT, "in hang_holding_the_gil", "", "in hang_holding_the_gil", False),
    ("break_protocol", Outcome.ERROR, "broke the protocol", "", "", False),
]


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "signal", "stack", "lives"), FAULTS, ids=[f[0] for f in FAULTS]
)
def test_a_fault_in_a_call_is_named(
    start, product, factors, fault, outcome, reason, signal, stack, lives
):
    worker = start(mode={"fault": fault, "after": 1})
    worker.prepare(product, factors)
    worker.call()
    began = time.monotonic()
    with pytest.raises(WorkerFailure, match=reason) as caught:
        worker.call(timeout_s=0.5)
    assert time.monotonic() - began < 5
    failure = caught.value
    assert failure.outcome == outcome
    assert failure.signal == signal
    assert stack in failure.stack
    assert worker.alive == lives
    if lives:
        worker.usage()
        worker.prepare(product, factors)
    else:
        with pytest.raises(WorkerFailure, match="no worker") as later:
            worker.usage()
        assert later.value.outcome == outcome
        assert not psutil.pid_exists(worker.hello["pid"])


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("raise", Outcome.ERROR),
        ("segfault", Outcome.CRASHED),
        ("exit", Outcome.CRASHED),
        ("hang", Outcome.TIMEOUT),
    ],
)
def test_a_fault_at_import_is_named_and_leaves_nothing(start, tmp_path, fault, outcome):
    with pytest.raises(WorkerFailure) as caught:
        start(mode={"fault": fault, "at": "import"}, timeout_s=1.0)
    assert caught.value.outcome == outcome
    assert not list(tmp_path.iterdir())


def test_an_interpreter_that_is_not_there_is_unavailable(start, tmp_path):
    with pytest.raises(WorkerFailure, match=r"cannot start .*no-python") as caught:
        start(python=str(tmp_path / "no-python"))
    assert caught.value.outcome == Outcome.UNAVAILABLE


def test_a_toolkit_that_cannot_be_imported_is_unavailable(start, tmp_path):
    adapter = tmp_path / "adapter.py"
    adapter.write_text("import a_toolkit_that_is_not_installed\n")
    with pytest.raises(WorkerFailure, match="a_toolkit_that_is_not_installed") as caught:
        start(adapter_file=str(adapter))
    assert caught.value.outcome == Outcome.UNAVAILABLE


def test_an_adapter_without_its_class_is_unavailable(start):
    with pytest.raises(WorkerFailure, match="has no class Missing") as caught:
        start(adapter_class="Missing")
    assert caught.value.outcome == Outcome.UNAVAILABLE


def test_an_unknown_mode_is_an_error(start):
    with pytest.raises(WorkerFailure, match="unexpected keyword argument 'colour'") as caught:
        start(mode={"colour": "red"})
    assert caught.value.outcome == Outcome.ERROR


def test_garbage_on_stdout_is_logged_cleanly_and_harms_nothing(start, product, factors):
    worker = start(mode={"fault": "garbage"})
    worker.prepare(product, factors)
    for _ in range(3):
        worker.call()
    tail = worker.log_tail()
    assert '{"id": 2, "ok": true}' in tail
    assert not any(c in tail for c in "\x00\x1b\u202e")


def test_a_failures_texts_hold_no_control_characters(start, product, factors):
    worker = start(mode={"fault": "raise"})
    worker.prepare(product, factors)
    with pytest.raises(WorkerFailure) as caught:
        worker.call()
    assert caught.value.reason == "RuntimeError: the fake fails on purpose red"
    assert "\x1b" not in caught.value.stack


def test_a_flood_on_stderr_fills_neither_disk_nor_memory(start, product, factors, tmp_path):
    log = tmp_path / "flood.log"
    worker = start(log=log, mode={"fault": "flood"})
    worker.prepare(product, factors)
    worker.call()
    worker.call()  # 96 MB were printed by now
    worker.close()
    assert log.stat().st_size <= worker_log.MAX_BYTES
    assert "bytes left out here" in log.read_text()
    assert len(worker.log_tail()) <= worker_log.SHOWN_BYTES


def children_of(pid):
    return [p.pid for p in psutil.Process(pid).children(recursive=True)]


def gone(pids, within_s=5.0):
    deadline = time.monotonic() + within_s
    while any(psutil.pid_exists(p) and not is_zombie(p) for p in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_zombie(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("ending", ["close", "crash"])
@pytest.mark.parametrize("fault", ["grandchild", "daemon"])
def test_processes_that_a_toolkit_leaves_behind_are_ended(start, product, factors, fault, ending):
    worker = start(mode={"fault": fault})
    worker.prepare(product, factors)
    worker.call()
    pids = children_of(worker.hello["pid"])
    assert pids
    if ending == "close":
        worker.close()
    else:
        os.kill(worker.hello["pid"], 11)
        with pytest.raises(WorkerFailure, match="SIGSEGV"):
            worker.usage()
    assert gone(pids)


def test_a_grandchild_that_holds_the_pipes_does_not_hide_the_end(start, tmp_path, product, factors):
    adapter = tmp_path / "forking.py"
    fake = str(Path(__file__).with_name("fake_adapter.py"))
    adapter.write_text(
        "import importlib.util, os, time\n"
        f"spec = importlib.util.spec_from_file_location('fake', {fake!r})\n"
        "fake = importlib.util.module_from_spec(spec); spec.loader.exec_module(fake)\n"
        "class FakeAdapter(fake.FakeAdapter):\n"
        "    def plant(self, where):\n"
        "        if where == 'call':\n"
        "            if os.fork() == 0:\n"
        "                time.sleep(600)\n"
        "            os._exit(3)\n"
    )
    worker = start(adapter_file=str(adapter))
    worker.prepare(product, factors)
    began = time.monotonic()
    with pytest.raises(WorkerFailure, match="exited with status 3"):
        worker.call()
    assert time.monotonic() - began < 5


def test_a_kill_by_the_kernel_for_want_of_memory_is_out_of_memory(
    start, product, factors, monkeypatch
):
    worker = start(mode={"fault": "kill"})
    worker.prepare(product, factors)
    monkeypatch.setattr(worker_module, "kernel_kills", lambda: worker._kills + 1)
    with pytest.raises(WorkerFailure, match="for want of memory") as caught:
        worker.call()
    assert caught.value.outcome == Outcome.OUT_OF_MEMORY
    assert caught.value.signal == "SIGKILL"


def test_crashes_are_seen_without_pidfd_too(start, product, factors, monkeypatch):
    """As on systems other than Linux."""
    monkeypatch.setattr(worker_process, "_pidfd", lambda pid: None)
    crashing = start(mode={"fault": "segfault"})
    crashing.prepare(product, factors)
    with pytest.raises(WorkerFailure, match="SIGSEGV"):
        crashing.call()
    hanging = start(mode={"fault": "hang"})
    hanging.prepare(product, factors)
    with pytest.raises(WorkerFailure, match="hang_in_python"):
        hanging.call(timeout_s=0.3)
    healthy = start()
    healthy.close()
    assert gone([crashing.hello["pid"], hanging.hello["pid"], healthy.hello["pid"]])


def test_kernel_kills_reads_both_versions_of_control_groups(tmp_path):
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "vmstat").write_text("nr_free_pages 1\noom_kill 3\n")
    (proc / "self" / "cgroup").write_text("4:cpu,memory:/a/b\n0::/elsewhere\n")
    (groups / "memory" / "a" / "b").mkdir(parents=True)
    (groups / "memory" / "a" / "b" / "memory.oom_control").write_text("under_oom 0\noom_kill 20\n")
    (groups / "memory.events").write_text("oom 9\noom_kill 100\n")
    assert worker_process.kernel_kills(proc, groups) == 123
    assert worker_process.kernel_kills(tmp_path, tmp_path) == 0


def test_an_interrupted_request_ends_the_worker(start, product, factors, monkeypatch):
    worker = start()
    pid = worker.hello["pid"]

    def interrupted(line, deadline):
        raise KeyboardInterrupt

    monkeypatch.setattr(worker._process, "exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.call()
    assert not worker.alive
    assert gone([pid])


def test_leaving_the_context_by_an_exception_ends_a_busy_worker_at_once(start, product, factors):
    worker = start(mode={"sleep_s": 60})
    began = time.monotonic()
    worker.prepare(product, factors)
    worker.__exit__(RuntimeError, RuntimeError("stop"), None)
    assert time.monotonic() - began < 3
    assert gone([worker.hello["pid"]])


def test_a_worker_that_will_not_leave_is_ended(start, tmp_path):
    adapter = tmp_path / "clinging.py"
    adapter.write_text(
        "import atexit, time\n"
        "from bakeoff_worker import Adapter\n"
        "class FakeAdapter(Adapter):\n"
        "    def __init__(self, threads=1):\n"
        "        atexit.register(time.sleep, 600)\n"
    )
    worker = start(adapter_file=str(adapter))
    worker.close(patience_s=0.3)
    assert gone([worker.hello["pid"]])


def test_failures_can_be_pickled():
    """pytest-xdist and Dask carry exceptions between processes."""
    failure = WorkerFailure(Outcome.CRASHED, "call: ended by SIGSEGV", "SIGSEGV", "stack", "log")
    copy = pickle.loads(pickle.dumps(failure))
    assert str(copy) == "crashed: call: ended by SIGSEGV"
    assert copy.stack == "stack"


def test_a_launch_can_be_varied(start):
    worker = start()
    assert replace(worker.launch, threads=2).environment()["OMP_NUM_THREADS"] == "2"
    assert isinstance(worker, Worker)


def test_a_stack_in_the_log_is_found_too(tmp_path):
    """faulthandler may have been pointed to standard error by the toolkit."""
    log = tmp_path / "log"
    log.write_text(
        "hello\nFatal Python error: Aborted\n\n"
        'Current thread 0x1 (most recent call first):\n  File "/x/net.py", line 7 in step\n'
    )
    evidence = worker_failure.Evidence.of(log, tmp_path / "none")
    failure = worker_failure.late("call", 2.5, evidence)
    assert failure.reason == "call: no answer within 2.5 s; it was in step (net.py, line 7)"
    assert worker_failure.ended("call", -40, False, evidence).signal == "signal 40"


def test_an_exception_that_cannot_be_printed_is_still_reported():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    described = failures.describe(Mute())
    assert described["type"] == "Mute"
    assert described["message"] == "<no message: Mute.__str__ failed>"
    assert described["kind"] == "error"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("OOM when allocating tensor with shape[9]"),
        RuntimeError("cudaErrorMemoryAllocation: out of memory"),
    ],
    ids=["python", "class", "torch-cpu", "tensorflow", "cuda"],
)
def test_toolkits_words_for_want_of_memory_are_known(error):
    assert failures.kind_of(error) == "out_of_memory"
    assert failures.kind_of(ValueError("there is room for memory")) == "error"

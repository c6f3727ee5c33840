"""A worker sees its own environment only, rests between requests, and ends with us."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import venv
from pathlib import Path

import numpy as np
import psutil
import pytest

from bakeoff.launch import Launch

FAKE = str(Path(__file__).with_name("fake_adapter.py"))

PROBE = """
import os, sys
from bakeoff_worker import Adapter

def found(name):
    try:
        return __import__(name).__file__
    except ImportError:
        return None

class Probe(Adapter):
    ops = {}
    def __init__(self, threads=1):
        pass
    def describe(self):
        names = ("bakeoff", "pluggy", "pandas", "adapter", "program", "fake_adapter")
        return {
            "found": {n: found(n) for n in names},
            "path": sys.path,
            "environ": dict(os.environ),
            "cwd": os.getcwd(),
            "threads": sys.flags.no_user_site,
        }
"""


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """A virtual environment without packages, save a link to NumPy."""
    import numpy

    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    packages = Path(numpy.__file__).parent.parent
    for name in ("numpy", "numpy.libs"):
        if (packages / name).exists():
            (site / name).symlink_to(packages / name)
    return str(folder / "bin" / "python")


@pytest.fixture
def probe(start, tmp_path):
    path = tmp_path / "probe.py"
    path.write_text(PROBE)

    def describe(**launch):
        worker = start(adapter_file=str(path), adapter_class="Probe", **launch)
        return worker.hello["describe"]

    return describe


def test_nothing_of_the_controller_is_visible_in_a_bare_environment(probe, bare_python):
    seen = probe(python=bare_python)
    assert set(seen["found"].values()) == {None}
    home = str(Path(bare_python).parent.parent)
    ours = str(Path(sys.prefix))
    assert any(p.startswith(home) for p in seen["path"])
    assert not any(p.startswith(ours) for p in seen["path"])


def test_plugin_packages_are_importable_by_location(probe, bare_python, tmp_path):
    package = tmp_path / "elsewhere" / "pluggy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from pluggy.part import value\n")
    (package / "part.py").write_text("value = 1\n")
    module = tmp_path / "elsewhere" / "single.py"
    module.write_text("")
    seen = probe(python=bare_python, packages={"pluggy": str(package), "pandas": str(module)})
    assert seen["found"]["pluggy"] == str(package / "__init__.py")
    assert seen["found"]["pandas"] == str(module)


def test_only_what_is_safe_is_inherited(probe, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PYTHONSTARTUP", "/somewhere/else.py")
    monkeypatch.setenv("A_SECRET", "hush")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("LC_TIME", "C")
    seen = probe(threads=3, env={"TOOLKIT_FLAG": "1", "MKL_NUM_THREADS": "2"})["environ"]
    assert "A_SECRET" not in seen
    assert not {"PYTHONPATH", "PYTHONSTARTUP"} & set(seen)
    assert seen["OMP_NUM_THREADS"] == seen["OPENBLAS_NUM_THREADS"] == "3"
    assert seen["MKL_NUM_THREADS"] == "2"
    assert seen["TOOLKIT_FLAG"] == "1"
    assert seen["LC_TIME"] == "C"
    assert seen["PYTHONHASHSEED"] == "0"


def test_coverage_may_follow_into_workers():
    environment = Launch("python", "a.py", "A").environment(
        {"COVERAGE_PROCESS_START": "x", "COVERAGE_PROCESS_CONFIG": "y", "OTHER": "z"}
    )
    assert environment["COVERAGE_PROCESS_START"] == "x"
    assert environment["COVERAGE_PROCESS_CONFIG"] == "y"
    assert "OTHER" not in environment


def test_a_worker_works_in_its_own_folder(probe, tmp_path):
    assert Path(probe()["cwd"]).parent == tmp_path.resolve()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_a_worker_stays_on_its_processor(start):
    cpu = max(os.sched_getaffinity(0))
    assert start(cpu=cpu).hello["affinity"] == [cpu]


def test_an_idle_worker_uses_no_processor_time(start, product, factors):
    worker = start()
    worker.prepare(product, factors)
    worker.calibrate(1_000_000)
    process = psutil.Process(worker.hello["pid"])
    before = sum(process.cpu_times()[:2])
    switches = process.num_ctx_switches().voluntary
    time.sleep(0.5)
    assert sum(process.cpu_times()[:2]) - before <= 0.01
    assert process.num_ctx_switches().voluntary - switches <= 2
    worker.usage()


def test_a_thread_that_spins_cannot_while_its_worker_rests(start, product, factors):
    worker = start(mode={"fault": "spin"})
    worker.prepare(product, factors)
    first, _ = worker.call()
    process = psutil.Process(worker.hello["pid"])
    deadline = time.monotonic() + 5
    while process.status() != psutil.STATUS_STOPPED:  # it stops when it next has the processor
        assert time.monotonic() < deadline
        time.sleep(0.001)
    before = sum(process.cpu_times()[:2])
    time.sleep(0.3)
    assert sum(process.cpu_times()[:2]) - before <= 0.01
    second, _ = worker.call()
    np.testing.assert_array_equal(first, second)


CONTROLLER = """
import sys, tempfile, time
from pathlib import Path
import numpy as np
from bakeoff.program import Value, trace
from bakeoff.worker import Launch, Worker

launch = Launch(sys.executable, sys.argv[1], "FakeAdapter", mode={"fault": "hang_gil"})
program = trace(lambda ops, a: ops.exp(a), [Value("a", (2,), "float32")])
with Worker(launch, 60, Path(sys.argv[2])) as worker:
    worker.prepare(program, {"a": np.zeros(2, "float32")})
    print(worker.hello["pid"], flush=True)
    if sys.argv[3] == "rest":
        time.sleep(600)
    worker.call()
"""


@pytest.fixture
def controller(tmp_path, request):
    """A controller in its own process group, with a worker that hangs or rests; (process, pid)."""
    does = getattr(request, "param", "hang")
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CONTROLLER), FAKE, str(tmp_path), does],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    with process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        time.sleep(0.1)  # into the call
        yield process, pid
        process.kill()


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ends(pid, within_s=5.0):
    deadline = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a hung worker for us")
@pytest.mark.parametrize("controller", ["hang", "rest"], indirect=True)
def test_a_worker_ends_when_its_controller_is_killed(controller):
    process, pid = controller
    assert is_running(pid)
    process.kill()
    process.wait()
    assert ends(pid)


def test_an_interrupt_from_the_keyboard_ends_controller_and_worker(controller):
    process, pid = controller
    assert os.getpgid(pid) != os.getpgid(process.pid)
    assert os.getsid(pid) == pid  # the terminal's Ctrl-C does not reach it
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert "KeyboardInterrupt" in errors
    assert ends(pid)

"""`pytest --bakeoff`: cells as items of somebody else's test run."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest_plugins = ["pytester"]

PLANTED = str(Path(__file__).with_name("planted.py"))
TOYS = ("--bakeoff", "--bakeoff-suites=toy", f"--bakeoff-plugin={PLANTED}", "--bakeoff-in-place")


def _run(pytester: pytest.Pytester, backends: str, *args: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(*TOYS, "--bakeoff-backends", backends, *args)


def _saved(pytester: pytest.Pytester, number: str) -> dict[str, Any]:
    (path,) = (pytester.path / ".benchmarks").rglob(f"{number}_*.json")
    return {b["fullname"]: b for b in json.loads(path.read_text())["benchmarks"]}


def test_cells_run_in_a_folder_without_tests(pytester: pytest.Pytester) -> None:
    """One item per cell, in one timed group per case; what cannot be run says why."""
    pytester.makefile(".py", broken="import surely_not_there")
    args = ("-v", "-rs", "-W", "error", "--bakeoff-plugin=broken.py")
    result = _run(pytester, "numpy,fake,absent,refusing", *args)
    result.assert_outcomes(passed=7, skipped=9)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "bakeoff: backends numpy,fake,absent,refusing; suites toy; preset smoke; threads 1",
            "bakeoff: plugin broken.py: ModuleNotFoundError*",
            "bakeoff::toy/layer[[]numpy] PASSED*",
            "bakeoff::toy/layer[[]fake] PASSED*",
            "bakeoff::toy/layer[[]absent] SKIPPED*",
            "*benchmark 'toy/layer': 2 tests*",
        ]
    )
    result.stdout.fnmatch_lines_random(
        [
            "*unsupported: op softmax is not offered*",
            "*unsupported: the fake refuses this program*",
            "*unavailable: backend absent: surely-not-installed* not installed*",
        ]
    )
    assert "'toy/layer-gradient': " not in result.stdout.str()  # a case that is not timed


def test_broken_backends_fail_with_their_stacks(pytester: pytest.Pytester) -> None:
    """Errors, crashes and hangs are failures with a stack; the other backends go on."""
    names = "raising,late,crashing,hanging,fake"
    only = ("--bakeoff-cases", "toy/layer", "--bakeoff-timeout", "5", "-W", "error")
    result = _run(pytester, names, *only)
    result.assert_outcomes(failed=4, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    failed = "error: RuntimeError: the fake fails on purpose*"
    result.stdout.fnmatch_lines(
        [
            *(f"toy/layer on raising: {failed}", "  | *in fail"),
            *(f"toy/layer on late: {failed}", "  | *in fail"),
            *("toy/layer on crashing: crashed: *SIGSEGV*", "  | *in segfault"),
            *("toy/layer on hanging: timeout: *no answer within 5 s*", "  | *in hang_in_python"),
        ]
    )


def test_times_are_saved_and_compared(pytester: pytest.Pytester) -> None:
    """The times are the worker's, without the pipe; a wrong answer has no time."""
    save = ("--bakeoff-cases", "toy/pair", "--benchmark-autosave")
    first = _run(pytester, "sleeping,scaled", *save)
    first.assert_outcomes(passed=1, failed=1)
    first.stdout.fnmatch_lines(
        [
            "toy/pair on scaled: mismatch: 1 of 2 outputs beyond the error bound",
            "  MISMATCH  *[[]*, *]: got *, expected *; error *, allowed *; * of the bound",
            "  ok        *: error *, bound *, * of the bound",
        ]
    )
    assert "Traceback" not in first.stdout.str()
    (saved,) = _saved(pytester, "0001").values()
    assert saved["fullname"] == "bakeoff::toy/pair[sleeping]"
    assert saved["group"] == "toy/pair"
    # A block is about five calls of two milliseconds; what is kept is one call.
    assert 0.002 <= saved["stats"]["min"] < 0.008
    info = saved["extra_info"]
    assert info["backend"] == "sleeping"
    assert info["outcome"] == "ok"
    assert info["error_fraction"] <= 1
    assert info["toolkit"] == "fake"
    assert info["threads"] == 1
    assert info["tags"] == {"n": 4}
    assert info["loops"] > 1
    assert info["cpu_time_s"] < 0.002  # asleep
    assert info["transfer_ns"] > 0

    second = _run(pytester, "sleeping", *save, "--benchmark-compare")
    assert second.ret == pytest.ExitCode.OK
    second.stdout.fnmatch_lines_random(
        ["toy/pair[[]sleeping]*(NOW)*", "toy/pair[[]sleeping]*(0001_*"]
    )
    assert _saved(pytester, "0002").keys() == {"bakeoff::toy/pair[sleeping]"}


@pytest.mark.parametrize(
    "args",
    [("-p", "no:benchmark"), ("--benchmark-skip",), ("--benchmark-disable",)],
    ids=["not-installed", "skip", "disable"],
)
def test_correctness_needs_no_timing(pytester: pytest.Pytester, args: tuple[str, ...]) -> None:
    """Without pytest-benchmark, or with it switched off, answers are still judged."""
    result = _run(pytester, "fake,scaled", "--bakeoff-cases", "toy/layer", *args)
    result.assert_outcomes(passed=1, failed=1)
    assert "OPS" not in result.stdout.str()


def test_cells_stand_beside_a_repositorys_own_tests(pytester: pytest.Pytester) -> None:
    """-k, --last-failed and --collect-only work on cells as on tests."""
    pytester.makepyfile("def test_own(): pass")
    result = _run(pytester, "fake,scaled", "--benchmark-skip", "-k", "own or toy/pair")
    result.assert_outcomes(passed=2, failed=1, deselected=6)
    result = _run(pytester, "fake,scaled", "--last-failed", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["bakeoff::toy/pair[[]scaled]", "*1/9 tests collected*"])
    result = _run(pytester, "fake,scaled", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["test_*::test_own", "bakeoff::toy/layer[[]fake]", "9 tests *"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--bakeoff-backends", "nunpy"), "bakeoff: backend: no 'nunpy', did you mean numpy*"),
        (("--bakeoff-suites", "toys"), "bakeoff: suite: no 'toys', did you mean toy*"),
        (("--bakeoff-cases", "toy/none"), "bakeoff: cases: nothing matches 'toy/none'*"),
        (("--bakeoff-threads", "0"), "bakeoff: threads 0, expected 1 or more"),
    ],
    ids=["backend", "suite", "case", "threads"],
)
def test_a_choice_that_there_is_not_is_a_usage_error(
    pytester: pytest.Pytester, args: tuple[str, str], message: str
) -> None:
    """Exit code 4 and the nearest name, as pytest does for a missing file."""
    result = pytester.runpytest_subprocess(*TOYS, *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_ctrl_c_ends_the_workers(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the middle of a request: no process and no folder is left behind."""
    scratch = pytester.mkdir("scratch")
    monkeypatch.setenv("TMPDIR", str(scratch))
    command = [sys.executable, "-m", "pytest", *TOYS, "--bakeoff-backends=hanging"]
    process = pytester.popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    workers = _wait_for_a_worker(psutil.Process(process.pid))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in out
    assert not psutil.wait_procs(workers, timeout=5)[1]
    assert not list(scratch.glob("bakeoff-pytest-*"))


def _wait_for_a_worker(parent: psutil.Process) -> list[psutil.Process]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [p for p in parent.children() if "bakeoff_worker" in " ".join(p.cmdline())]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("no worker after 30 s")

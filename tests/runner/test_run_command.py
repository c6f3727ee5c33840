"""`bakeoff run` as users run it, in a process of its own, the real oracle included."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import runner_toys

from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Outcome

COMMAND = [
    sys.executable, "-c", "import sys; from bakeoff.cli import main; sys.exit(main())",
    "run", "--preset", "smoke", "--suites", "toy", "--in-place", "--no-report",
    "--plugin", runner_toys.__file__,
]  # fmt: skip

FEW = ("--cases", "toy/product-4", "--cases", "toy/tanh")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))  # of runs that are killed
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


@contextmanager
def running(out: Path, records: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a run, and wait until its journal holds so many records."""
    command = [*COMMAND, "--out", str(out), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            while count(out) < records:
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.02)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def count(out: Path) -> int:
    """Return how many records other processes can see: those that are durable."""
    try:
        db = sqlite3.connect(f"file:{out / FILE_NAME}?mode=ro", uri=True)
        try:
            return int(db.execute("SELECT count(*) FROM records").fetchone()[0])
        finally:
            db.close()
    except sqlite3.Error:
        return 0


def keys(out: Path) -> dict[tuple[str, str, int, int], str]:
    with Journal(out / FILE_NAME) as journal:
        return {
            (r.case_id, r.backend, r.replica, r.round): json.dumps(r.to_json(), sort_keys=True)
            for r in journal.records()
            if r.outcome is not Outcome.INTERRUPTED
        }


def workers_of(process: subprocess.Popen[str]) -> list[str]:
    """Return the worker processes of a run that are still there."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if parent == str(process.pid) and any(b"bakeoff_worker" in part for part in command):
                found.append(folder.name)
    return found


def test_a_run_over_good_and_bad_backends(tmp_path: Path) -> None:
    done = run("--backends", "honest,wrong,gone", "--out", "out", "--max-time", "3")
    assert done.returncode == 1, done.stderr
    assert "3 ok" in done.stdout or "4 ok" in done.stdout
    assert "mismatch" in done.stdout
    assert "4 unavailable" in done.stdout
    assert "Noise floor: honest against itself" in done.stdout
    assert "gone is unavailable" in done.stderr
    with Journal(tmp_path / "out" / FILE_NAME) as journal:
        meta = journal.meta
        assert meta["ending"] in ("complete", "deadline")
        assert meta["sessions"][0]["after"]["load"]
        (honest, wrong) = journal.environments().values()
        assert honest["hello"]["describe"]["toolkit"] == "fake"
        assert honest["installed"]["key"] == "in-place"
        assert (honest["mode"], wrong["mode"]) == ({}, {"scale": 1.01})
        checked = [r for r in journal.records() if r.checks]
        assert {r.outcome for r in checked if r.backend == "wrong"} == {Outcome.MISMATCH}
    assert run("--backends", "honest", "--out", "out", "--cases", "toy/tanh").returncode == 0
    assert len(list((tmp_path / "out").glob("before-*/journal.sqlite"))) == 1, "kept aside"


def test_nothing_measured_is_exit_code_3(tmp_path: Path) -> None:
    done = run("--backends", "gone", "--out", "out")
    assert done.returncode == 3
    assert "4 unavailable" in done.stdout
    assert re.search(r"4 unavailable +│ +– │ +reference", done.stdout), "no 1 of nothing"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_everything_and_resumes(
    tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    with running(out, 5, "--backends", "honest,wrong", *FEW) as process:
        children = workers_of(process)
        process.send_signal(number)
        said = process.communicate(timeout=20)[0]
    assert process.returncode == 130, said
    assert f"bakeoff run --resume {out}" in said
    assert "Traceback" not in said
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]
    kept = keys(out)
    assert len(kept) >= 5
    done = run("--resume", str(out))
    assert done.returncode == 1, done.stderr
    after = keys(out)
    assert {k: after[k] for k in kept} == kept, "what was measured is not measured again"
    assert len(after) > len(kept)
    with Journal(out / FILE_NAME) as journal:
        assert journal.meta["ending"] == "complete"
        assert Outcome.INTERRUPTED not in journal.outcomes().values()
    assert run("--resume", str(out)).returncode == 1
    assert keys(out) == after, "nothing was missing"


def test_kill_9_loses_no_record_that_was_seen(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running(out, 3, "--backends", "honest,slow", *FEW) as process:
        seen = count(out)
        process.kill()
        process.wait()
    kept = keys(out)
    assert len(kept) >= seen
    assert run("--resume", str(out)).returncode == 0
    assert {k: v for k, v in keys(out).items() if k in kept} == kept


def test_a_second_run_waits_for_the_first(tmp_path: Path) -> None:
    hanging = ("--backends", "hanging", "--cases", "toy/product-4", "--timeout", "2")
    with running(tmp_path / "first", 0, *hanging) as first:
        lock = tmp_path / "cache" / "measuring.lock"
        while not (lock.exists() and lock.read_text().endswith("}")):
            assert first.poll() is None
            time.sleep(0.02)
        second = run("--backends", "honest", "--out", "second", "--cases", "toy/tanh")
        assert second.returncode == 0
        assert f"waiting for another measurement on this machine: process {first.pid}" in (
            second.stderr
        )


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Two runs in one folder: the second would move the first's journal away under it."""
    out = tmp_path / "out"
    with running(out, 1, "--backends", "honest,slow", *FEW) as first:
        for second in (run("--backends", "honest", "--out", "out"), run("--resume", "out")):
            assert second.returncode == 2
            assert "another bakeoff is running in out" in second.stderr
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=20)
    assert count(out) >= 1
    assert not list(out.glob("before-*"))


def test_options_that_a_resumed_run_does_not_take_are_named(tmp_path: Path) -> None:
    few = ("--backends", "honest", "--cases", "toy/tanh")
    assert run("--out", "out", *few).returncode == 0
    done = run("--resume", "out", "--seed", "3", "--max-time", "9", "--timeout", "60")
    assert done.returncode == 0
    told = done.stderr.partition("not applied: ")[2].partition(";")[0]
    assert set(told.split(", ")) == {"--seed", "--max-time", "--timeout"}
